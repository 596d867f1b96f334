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
  return { isWatched, byId };
}

/** One record, whose data begin at `data`. */
export function noteBelowZero(
  { byId }: Watches,
  bytes: Uint8Array,
  data: number,
  id: number,
  ts: number,
): void {
  for (const watch of byId.get(id) ?? []) {
    if ((bytes[data + watch.signAt] as number) < 0x80) continue;
    watch.count++;
    watch.firstTs = Math.min(watch.firstTs, ts);
  }
}

/** Looks at the records of an index from `row` on. */
export function watchRecords(
  watches: Watches,
  { id, ts, start, count }: RecordIndex,
  from: number,
  bytes: Uint8Array,
): void {
  const { isWatched, byId } = watches;
  if (byId.size === 0) return;
  for (let row = from; row < count; row++) {
    if (isWatched[id[row] as number] === 0) continue;
    noteBelowZero(watches, bytes, start[row] as number, id[row] as number, ts[row] as number);
  }
}
