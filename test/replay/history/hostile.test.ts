/**
 * Random and damaged numbers in every event that the history reads: a replay or none, diagnostics,
 * never an exception, and the ledger stays balanced.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DICTIONARY } from '../../../src/events/index.ts';
import { HISTORY_EVENTS } from '../../../src/replay/history/events.ts';
import { replayHistory } from '../../../src/replay/history/replay-history.ts';
import { type EventRow, makeTrace } from '../../helpers/trace-builder.ts';

const EVENTS = HISTORY_EVENTS.map((name) => {
  const event = DICTIONARY.get(name);
  if (event === undefined) throw new Error(`${name} is not in the dictionary`);
  return event;
});
const number = fc.oneof(
  fc.nat({ max: 20 }),
  fc.nat({ max: 2 ** 20 }),
  fc.constantFrom(-1, -(2 ** 40), 2 ** 32, 2 ** 53, 2 ** 63, 0.5, Number.NaN),
);
const text = fc.constantFrom(
  '',
  '7:0',
  'btrfs-1',
  '0:39',
  'W',
  'WS',
  'WM',
  'FUSE_WRITE',
  'I_DIRTY_PAGES',
);
const identity = fc.constantFrom(0n, 1n, 39n, 7340032n, 2n ** 64n - 1n);
const device = fc.constantFrom(7 * 2 ** 20, 39, 3, Number.NaN);

const row = fc.constantFrom(...EVENTS).chain(({ name, columns }) => {
  const cells = Object.entries(columns).map(([id, { type }]) => {
    if (type === 'text' || type === 'names') return [id, text] as const;
    return [id, type === 'id' ? identity : type === 'dev' ? device : number] as const;
  });
  return fc.record({
    event: fc.constant(name),
    ts_ns: fc.nat({ max: 1e9 }),
    pid: fc.nat({ max: 3 }),
    cpu: fc.nat({ max: 1 }),
    ...Object.fromEntries(cells),
  }) as fc.Arbitrary<EventRow>;
});
const loss = fc.record({
  cpu: fc.nat({ max: 1 }),
  from_ns: fc.nat({ max: 5e8 }),
  ts_ns: fc.integer({ min: 5e8, max: 1e9 }),
  count: fc.constant(undefined),
});

const TWO_NODES = [0, 1]
  .map((node) => `Node ${node}, zone Normal\n  spanned  40\n  start_pfn: ${node * 30}\n`)
  .join('');

test('nothing in a trace breaks the replay', () => {
  fc.assert(
    fc.property(
      fc.array(row, { maxLength: 80 }),
      fc.array(loss, { maxLength: 2 }),
      (rows, losses) => {
        const replay = replayHistory(makeTrace(rows, { losses, host: { zoneinfo: TWO_NODES } }));
        if (replay === undefined) return;
        const b = replay.balances;
        expect(b.dirtied + b.unseen).toBe(
          b.dirty + b.claimed + b.writeback + b.written + b.cancelled,
        );
        // Each projection asserts that it conserves pages; together they are all of them.
        const { classes_over_time: _, ...projections } = replay.projections;
        for (const { parts } of Object.values(projections)) {
          expect(parts.reduce((sum, part) => sum + part.dirtied_pages, 0)).toBe(b.dirtied);
        }
        for (const fit of Object.values(replay.fits)) {
          expect(fit.within_drift).toBeLessThanOrEqual(fit.n);
          expect(fit.n).toBeGreaterThanOrEqual(0);
        }
      },
    ),
    { numRuns: 1500 },
  );
});
