/** One seed for all properties (test/vitest.config.ts); SEED=… takes another. */
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env.SEED ?? 20_261_121) });
