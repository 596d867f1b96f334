/** How many samples there are, from when to when, and which counters ran below zero in them. */
import type { BelowZero } from '../../check-values.ts';
import type { EventBuilder } from '../../decode/event-tables.ts';
import type { SampleIndex, SampleKind } from './samples.ts';

export type Tally = {
  /** Samples by number of the table. */
  readonly counts: Float64Array;
  /** First and last time of the stretch at hand. */
  readonly times: Float64Array;
  readonly below: BelowZeroLog;
};

const FIRST = 0;
const LAST = 1;

export function makeTally(
  counts: Float64Array,
  below: BelowZeroLog,
  times: Float64Array = new Float64Array(2),
): Tally {
  times[FIRST] = Number.POSITIVE_INFINITY;
  times[LAST] = Number.NEGATIVE_INFINITY;
  return { counts, times, below };
}

/** The times since the last call; undefined when there was no sample. */
export function takeTimes({ times }: Tally): readonly [first: number, last: number] | undefined {
  const first = times[FIRST] as number;
  const last = times[LAST] as number;
  times[FIRST] = Number.POSITIVE_INFINITY;
  times[LAST] = Number.NEGATIVE_INFINITY;
  return first > last ? undefined : [first, last];
}

/** Part of the hot loop. `start` is where the event's own record begins. */
export function countSample(
  tally: Tally,
  kind: Pick<SampleKind, 'table' | 'signs'>,
  bytes: Uint8Array,
  start: number,
  time: number,
): void {
  const { counts, times } = tally;
  const { table, signs } = kind;
  (counts[table] as number)++;
  if (time < (times[FIRST] as number)) times[FIRST] = time;
  if (time > (times[LAST] as number)) times[LAST] = time;
  for (let nth = 0; nth < signs.length; nth++) {
    const isNegative = (bytes[start + (signs[nth] as number)] as number) >= 0x80;
    if (isNegative) tally.below.add(table, nth, time);
  }
}

/** Counts what is in the index; `signs` by table. */
export function countIndexed(
  tally: Tally,
  index: SampleIndex,
  bytes: Uint8Array,
  signs: readonly (readonly number[])[],
): void {
  const { count, table, start, time } = index;
  for (let row = 0; row < count; row++) {
    const own = table[row] as number;
    const kind = { table: own, signs: signs[own] as readonly number[] };
    countSample(tally, kind, bytes, start[row] as number, time[row] as number);
  }
}

/** Where the top bits of an event's counters are, from the start of its record. */
export function signBytes({ counters, known }: EventBuilder, littleEndian: boolean): number[] {
  if (!known) return [];
  return Array.from(counters.values(), ({ offset, size }) =>
    littleEndian ? offset + size - 1 : offset,
  );
}

/** Counters that ran below zero, for columns that are not kept. */
export class BelowZeroLog {
  /** By table, then by the counter's place among those of the table. */
  readonly #byTable = new Map<number, { count: number; first: number }[]>();

  add(table: number, nth: number, time: number): void {
    const log = this.#byTable.get(table) ?? [];
    if (log.length === 0) this.#byTable.set(table, log);
    while (log.length <= nth) log.push({ count: 0, first: Number.POSITIVE_INFINITY });
    const entry = log[nth] as { count: number; first: number };
    entry.count++;
    entry.first = Math.min(entry.first, time);
  }

  list(
    builders: readonly EventBuilder[],
    names: readonly (string | undefined)[],
    firstTime: number,
  ): BelowZero[] {
    return [...this.#byTable].flatMap(([table, log]) => {
      const columns = [...(builders[table]?.counters.keys() ?? [])];
      return log.flatMap(({ count, first }, nth) =>
        count === 0
          ? []
          : [
              {
                table: names[table] ?? '',
                column: columns[nth] ?? '',
                count,
                ts_ns: first - firstTime,
              },
            ],
      );
    });
  }
}
