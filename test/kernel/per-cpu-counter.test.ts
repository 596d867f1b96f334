/** Counters as readers see them, against adding folio by folio. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PerCpuCounter } from '../../src/kernel/per-cpu-counter.ts';

const THRESHOLD = 36;

describe('what a CPU keeps', () => {
  test('is what it added, until that is more than the threshold', () => {
    const counter = new PerCpuCounter(THRESHOLD);
    counter.add(0, 36, 1);
    expect(counter.kept).toBe(36);
    counter.add(0, 1, 1);
    expect(counter.kept).toBe(0);
  });

  test('goes with a folio that is larger than the threshold', () => {
    const counter = new PerCpuCounter(THRESHOLD);
    counter.add(0, 20, 1);
    counter.add(0, 64, 64);
    expect(counter.kept).toBe(0);
  });

  test('may be owed: pages taken away are kept as well', () => {
    const counter = new PerCpuCounter(THRESHOLD);
    counter.add(0, 16, 16);
    counter.add(1, -16, 16);
    expect(counter.kept).toBe(0);
    counter.fold(0);
    expect(counter.kept).toBe(-16);
    counter.foldAll();
    expect(counter.kept).toBe(0);
  });

  test('of many folios at once is what it is one by one', () => {
    const step = fc.record({
      cpu: fc.integer({ min: 0, max: 3 }),
      pages: fc.integer({ min: -3000, max: 3000 }),
      folio: fc.constantFrom(1, 2, 4, 16, 32, 64, 512),
    });
    fc.assert(
      fc.property(fc.array(step), fc.integer({ min: 1, max: 125 }), (steps, threshold) => {
        const counter = new PerCpuCounter(threshold);
        const kept = [0, 0, 0, 0];
        for (const { cpu, pages, folio } of steps) {
          counter.add(cpu, pages, folio);
          let left = Math.abs(pages);
          while (left > 0) {
            const one = Math.min(folio, left);
            left -= one;
            const after = (kept[cpu] as number) + Math.sign(pages) * one;
            kept[cpu] = Math.abs(after) > threshold ? 0 : after;
          }
          expect(counter.kept).toBe(kept.reduce((sum, own) => sum + own, 0));
          expect(Math.abs(counter.kept)).toBeLessThanOrEqual(4 * threshold);
        }
      }),
    );
  });
});
