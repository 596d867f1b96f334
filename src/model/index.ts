/**
 * The accounting core as a library: formulas of the kernel and the page ledger, pure and integer,
 * usable without a trace. Quantities are pages, jiffies and pages per second unless a name says
 * otherwise; each function's comment names the kernel function that it follows.
 */
export * from './bandwidth-inversion.ts';
export * from './control.ts';
export * from './flusher.ts';
export * from './ledger.ts';
export * from './limits.ts';
export * from './operations.ts';
export * from './page-intervals.ts';
export * from './pause.ts';
export * as policies from './policies/index.ts';
export * from './position-ratio.ts';
export * from './ratelimit.ts';
export * from './shrinker.ts';
export * from './shrinker-calls.ts';
export * from './thresholds.ts';
export * from './view.ts';
export * from './wb-share.ts';
export * from './write-bandwidth.ts';
