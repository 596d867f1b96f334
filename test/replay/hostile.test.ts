/**
 * Random and damaged numbers in every event that thresholds, flusher and reclaim read: results or
 * diagnostics, never an exception, and never more exact checks than checks.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { flusherWorks } from '../../src/derive/flusher-works.ts';
import { DICTIONARY } from '../../src/events/index.ts';
import { observeChunks } from '../../src/replay/chunk-bandwidth.ts';
import { reclaimActivity } from '../../src/replay/reclaim.ts';
import type { IdentityResult } from '../../src/replay/residual.ts';
import { checkShrinkers } from '../../src/replay/shrinkers.ts';
import { replayThresholds } from '../../src/replay/thresholds.ts';
import { replayWorks } from '../../src/replay/works.ts';
import type { Trace } from '../../src/trace/trace.ts';
import { type EventRow, makeTrace } from '../helpers/trace-builder.ts';

/** Slices of the trace against the law of their chunks. */
const checkChunks = (trace: Trace) => observeChunks(trace, flusherWorks(trace.tables)).check();

const EVENTS = [...new Set(DICTIONARY.values())].filter(({ name }) =>
  /^(writeback_|mm_|global_dirty|bdi_dirty|balance_dirty_pages)/.test(name),
);
const number = fc.oneof(
  fc.nat({ max: 20 }),
  fc.nat({ max: 2 ** 20 }),
  fc.constantFrom(-1, -(2 ** 40), 2 ** 32, 2 ** 53, 2 ** 63, Number.NaN),
);
const text = fc.constantFrom(
  '',
  '7:0',
  '8:16',
  'vmscan',
  'periodic',
  'I_DIRTY_PAGES',
  'x'.repeat(40),
);
const identity = fc.constantFrom(0n, 1n, 77n, 2n ** 64n - 1n);

/** All columns of an event, or all but some of them for the whole trace. */
const row = (missing: ReadonlySet<string>) =>
  fc.constantFrom(...EVENTS).chain(({ name, columns }) => {
    const cells = Object.entries(columns)
      .filter(([id]) => !missing.has(id))
      .map(([id, { type }]) => {
        const isText = type === 'text' || type === 'names' || type === 'function';
        return [id, isText ? text : type === 'id' ? identity : number] as const;
      });
    return fc.record({
      event: fc.constant(name),
      ts_ns: fc.nat({ max: 1e9 }),
      pid: fc.nat({ max: 3 }),
      cpu: fc.nat({ max: 1 }),
      ...Object.fromEntries(cells),
    }) as fc.Arbitrary<EventRow>;
  });
const ALL_COLUMNS = [...new Set(EVENTS.flatMap(({ columns }) => Object.keys(columns)))];
const rows = fc
  .subarray(ALL_COLUMNS, { maxLength: 6 })
  .chain((missing) => fc.array(row(new Set(missing)), { maxLength: 60 }));

function identities(value: unknown): IdentityResult[] {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return [];
  if ('mismatches' in value && 'unchecked' in value) return [value as IdentityResult];
  return Object.values(value).flatMap(identities);
}

test('whatever a trace holds', () => {
  fc.assert(
    fc.property(rows, fc.boolean(), (events, lossy) => {
      const losses = lossy ? [{ cpu: 0, from_ns: 1e8, ts_ns: 3e8, count: 5 }] : [];
      const sysctl = { 'vm.dirty_bytes': '0', 'vm.dirty_ratio': '20' };
      const trace = makeTrace(events, { losses, host: { hz: 250, sysctl } });
      const results = [
        replayThresholds(trace),
        checkChunks(trace),
        checkShrinkers(trace),
        replayWorks(trace),
        reclaimActivity(trace),
      ];
      for (const { n, exact, unchecked } of results.flatMap(identities)) {
        expect(exact).toBeLessThanOrEqual(n);
        expect(unchecked).toBeGreaterThanOrEqual(0);
      }
    }),
    { numRuns: 300 },
  );
});
