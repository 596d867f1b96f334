/** Counters below zero in events whose columns nobody reads: only their top bits are looked at. */
import type { EventField } from '../../decode/event-format.ts';
import type { RecordIndex } from './pages.ts';

/** One counter of one event. */
export type Watch = {
  readonly id: number;
  readonly column: string;
  /** The byte of a record that holds the sign. */
  readonly signAt: number;
  count: number;
  /** When it was first below zero. */
  firstTs: number;
};

export type Watches = {
  /** By event id: 1 where there is something to look at. */
  readonly isWatched: Uint8Array;
  readonly byId: ReadonlyMap<number, readonly Watch[]>;
  /** Whether each sign is the top bit of a word, counted from the record's start in words. */
  readonly areWords: boolean;
  /** Those words of event `id`: signWords[firstSign[id]] up to signWords[endSign[id]]. */
  readonly firstSign: Uint16Array;
  readonly endSign: Uint16Array;
  readonly signWords: Uint16Array;
};

export function makeWatches(
  wanted: readonly (readonly [id: number, counters: ReadonlyMap<string, EventField>])[],
  littleEndian: boolean,
): Watches {
  const isWatched = new Uint8Array(65536);
  const byId = new Map<number, Watch[]>();
  for (const [id, counters] of wanted) {
    if (counters.size === 0) continue;
    isWatched[id] = 1;
    const signByte = ({ offset, size }: EventField) => offset + (littleEndian ? size - 1 : 0);
    byId.set(
      id,
      [...counters].map(([column, field]) => {
        return { id, column, signAt: signByte(field), count: 0, firstTs: Number.POSITIVE_INFINITY };
      }),
    );
  }
  return { isWatched, byId, ...signWordsOf(byId, littleEndian) };
}

function signWordsOf(
  byId: Watches['byId'],
  littleEndian: boolean,
): Omit<Watches, 'isWatched' | 'byId'> {
  const firstSign = new Uint16Array(65536);
  const endSign = new Uint16Array(65536);
  const signs: number[] = [];
  for (const [id, watches] of byId) {
    firstSign[id] = signs.length;
    for (const { signAt } of watches) signs.push(signAt);
    endSign[id] = signs.length;
  }
  const areWords = littleEndian && signs.every((at) => (at & 3) === 3 && at < 1 << 18);
  return { areWords, firstSign, endSign, signWords: Uint16Array.from(signs, (at) => at >>> 2) };
}

/** One record, whose data begin at word `data`. */
export function noteBelowZero(
  { byId }: Watches,
  words: Uint32Array,
  data: number,
  id: number,
  ts: number,
): void {
  for (const watch of byId.get(id) ?? []) {
    if ((words[data + (watch.signAt >>> 2)] as number) < 0x80000000) continue;
    watch.count++;
    watch.firstTs = Math.min(watch.firstTs, ts);
  }
}

/** Looks at the records of an index from `row` on. */
export function watchRecords(
  { isWatched, byId }: Watches,
  { id, ts, start, count }: RecordIndex,
  from: number,
  bytes: Uint8Array,
): void {
  if (byId.size === 0) return;
  for (let row = from; row < count; row++) {
    if (isWatched[id[row] as number] === 0) continue;
    for (const watch of byId.get(id[row] as number) ?? []) {
      if ((bytes[(start[row] as number) + watch.signAt] as number) < 0x80) continue;
      watch.count++;
      watch.firstTs = Math.min(watch.firstTs, ts[row] as number);
    }
  }
}
