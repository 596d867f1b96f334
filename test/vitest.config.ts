/**
 * `npm test` runs properties with one seed, so that the same sources give the same answer; `npx
 * vitest run` takes a new one each time and prints it when a property fails.
 */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  // Machines that are shared are slow now and then; nothing is tested by its time.
  test: { setupFiles: ['test/helpers/fixed-seed.ts'], testTimeout: 30_000 },
});
