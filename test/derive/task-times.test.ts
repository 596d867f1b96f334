/** When tasks were seen: against a plain search over all of their events. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { taskTimes } from '../../src/derive/task-times.ts';
import { type EventRow, makeTrace } from '../helpers/trace-builder.ts';

const EVENTS = ['writeback_start', 'writeback_written', 'sched_wakeup', 'print', 'sys_enter_sync'];
const row = fc.record({ event: fc.constantFrom(...EVENTS), pid: fc.integer({ min: 1, max: 4 }) });

test('the neighbours of any event are those of a search through all', () => {
  fc.assert(
    fc.property(fc.array(row, { maxLength: 60 }), (lines) => {
      const rows: EventRow[] = lines.map((line, at) => ({ ...line, ts_ns: 10 * (at + 1) }));
      const times = taskTimes(makeTrace(rows, { cpus: 1 }).tables, new Set([1, 2, 3]));
      for (const pid of [1, 2, 3]) {
        const own = rows.flatMap((line, seq) => (line.pid === pid ? [{ ...line, seq }] : []));
        for (let seq = 0; seq < rows.length; seq++) {
          const next = own.find((line) => line.seq > seq)?.ts_ns ?? Number.NaN;
          const last = own.findLast((line) => line.seq < seq)?.ts_ns ?? Number.NaN;
          expect(times.nextAfter(pid, seq)).toBe(next);
          expect(times.lastBefore(pid, seq)).toBe(last);
        }
      }
      expect(times.nextAfter(4, 0)).toBeNaN();
    }),
  );
});
