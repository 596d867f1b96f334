/**
 * `npm test` runs properties with one seed, so that the same sources give the same answer; `npx
 * vitest run` takes a new one each time and prints it when a property fails.
 */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  // Machines that are shared are slow now and then; nothing is tested by its time.
  test: {
    setupFiles: ['test/helpers/fixed-seed.ts'],
    testTimeout: 30_000,
    // On a busy machine, Chromium 156 stops to make frames in one of some 200 pages, for ever and
    // with all its threads asleep. The words are those of Playwright's waits, and of nothing else.
    retry: { count: 2, condition: /: Timeout [\d.]+ms exceeded/ },
  },
});
