/**
 * Batches of a slice → the shared columns. What assemble.ts does for columns that grow, in fewer
 * steps: since every row's place is known, the columns that all events have are written while the
 * records are dealt out, and only where the records lie is remembered for the others.
 */
import { type EventBuilder, readPids } from './assemble.ts';
import type { RecordIndex } from './pages.ts';
import { baseRowsAt, type SharedEvent } from './slice-columns.ts';
import { MAX_IDS } from './slices.ts';
import type { Batch } from './streams.ts';

export type SliceDealer = {
  readonly originTs: number;
  /** In order of the formats: those with columns, and all. */
  readonly kept: readonly EventBuilder[];
  readonly ids: Uint32Array;
  readonly places: Places;
  /** Records of each event in the batch. */
  readonly counts: Int32Array;
  /** The records of a batch, those of each event together. */
  start: Uint32Array;
  end: Uint32Array;
  seq: number;
};

/** By event id. */
type Places = {
  /** All shared columns, as they are looked at. */
  readonly f64: Float64Array;
  readonly u32: Uint32Array;
  readonly u16: Uint16Array;
  readonly isKept: Uint8Array;
  /** Where row 0 of the columns is. */
  readonly ts: Uint32Array;
  readonly lane: Uint32Array;
  readonly pid: Uint32Array;
  readonly seq: Uint32Array;
  /** Where the pid is in a record; -1 where it must be read in another way. */
  readonly pidOffset: Int32Array;
  /** The next row, and what turns a row into a place among the batch's records. */
  readonly row: Uint32Array;
  readonly shift: Int32Array;
};

export function makeDealer(
  events: readonly SharedEvent[],
  builders: ReadonlyMap<number, EventBuilder>,
  originTs: number,
  littleEndian: boolean,
): SliceDealer {
  const memory = events[0]?.memory ?? new SharedArrayBuffer(0);
  const numbers = () => new Uint32Array(MAX_IDS);
  const places: Places = {
    f64: new Float64Array(memory),
    u32: new Uint32Array(memory),
    u16: new Uint16Array(memory),
    isKept: new Uint8Array(MAX_IDS),
    ...{ ts: numbers(), lane: numbers(), pid: numbers(), seq: numbers(), row: numbers() },
    pidOffset: new Int32Array(MAX_IDS).fill(-1),
    shift: new Int32Array(MAX_IDS),
  };
  const kept: EventBuilder[] = [];
  for (const event of events) {
    const { id, known, detail } = event;
    if (detail === 'count') continue;
    const builder = builders.get(id) as EventBuilder;
    kept.push(builder);
    places.isKept[id] = 1;
    const at = baseRowsAt(builder, event);
    places.ts[id] = at.ts / 8;
    places.lane[id] = at.lane / 2;
    places.pid[id] = at.pid / 4;
    places.seq[id] = at.seq / 4;
    const offset = known.format.pid?.offset ?? -1;
    if (littleEndian && offset >= 0 && (offset & 3) === 0) places.pidOffset[id] = offset;
  }
  const ids = Uint32Array.from(events, ({ id }) => id);
  const [start, end] = [new Uint32Array(0), new Uint32Array(0)];
  return { originTs, kept, ids, places, counts: new Int32Array(MAX_IDS), start, end, seq: 0 };
}

/** The next batch begins at `rowOf` each event. */
export function startSlice(dealer: SliceDealer, rowOf: (id: number) => number): void {
  dealer.seq = 0;
  for (const id of dealer.ids) {
    dealer.places.row[id] = rowOf(id);
    dealer.seq += rowOf(id);
  }
}

export function dealBatch(dealer: SliceDealer, { window, indexes, taken, runs }: Batch): void {
  const { counts, kept, places } = dealer;
  indexes.forEach(({ id }, lane) => {
    countIds(counts, id, taken[lane] as number);
  });
  let records = 0;
  for (const builder of kept) {
    const { id } = builder;
    builder.from = records;
    builder.count = counts[id] as number;
    places.shift[id] = records - (places.row[id] as number);
    records += builder.count;
  }
  for (const id of dealer.ids) counts[id] = 0;
  if (records > dealer.start.length) {
    dealer.start = new Uint32Array(2 * records);
    dealer.end = new Uint32Array(2 * records);
  }
  const { values } = runs;
  const { originTs } = dealer;
  for (let at = 0; at < 3 * runs.count; at += 3) {
    const lane = values[at] as number;
    const from = values[at + 1] as number;
    const to = values[at + 2] as number;
    const index = indexes[lane] as RecordIndex;
    dealRun(index, from, to, lane, dealer.seq, originTs, places, window.u32, dealer);
    dealer.seq += to - from;
  }
  for (const builder of kept) {
    if (builder.count > 0) readColumns(dealer, builder, window);
  }
}

function countIds(counts: Int32Array, id: Uint16Array, taken: number): void {
  for (let row = 0; row < taken; row++) (counts[id[row] as number] as number)++;
}

/** The hot loop of decoding: one turn per record. */
function dealRun(
  index: RecordIndex,
  from: number,
  to: number,
  lane: number,
  firstSeq: number,
  originTs: number,
  places: Places,
  words: Uint32Array,
  dealt: Pick<SliceDealer, 'start' | 'end'>,
): void {
  const { ts, id, start, end } = index;
  const { start: starts, end: ends } = dealt;
  const { f64, u32, u16, isKept, row: rows, shift, pidOffset } = places;
  const { ts: tsAt, lane: laneAt, pid: pidAt, seq: seqAt } = places;
  for (let at = from; at < to; at++) {
    const event = id[at] as number;
    const row = rows[event] as number;
    rows[event] = row + 1;
    if (isKept[event] === 0) continue;
    f64[(tsAt[event] as number) + row] = (ts[at] as number) - originTs;
    u16[(laneAt[event] as number) + row] = lane;
    u32[(seqAt[event] as number) + row] = firstSeq + (at - from);
    const record = start[at] as number;
    const offset = pidOffset[event] as number;
    if (offset >= 0) {
      u32[(pidAt[event] as number) + row] = words[(record + offset) >>> 2] as number;
    }
    const place = row + (shift[event] as number);
    starts[place] = record;
    ends[place] = end[at] as number;
  }
}

function readColumns(
  { start, end, places }: SliceDealer,
  builder: EventBuilder,
  window: Batch['window'],
): void {
  const { id, from, count, detail, readers } = builder;
  builder.rows += count;
  const starts = start.subarray(from, from + count);
  if ((places.pidOffset[id] as number) < 0) readPids(window, builder, starts, 0);
  if (detail === 'base') return;
  const records = { count, start: starts, end: end.subarray(from, from + count) };
  for (const reader of readers) reader.append(window, records);
}
