/**
 * Samples of a stretch → rows of the tables, in order of time within the stretch. Some thousand are
 * read at a time: each column is a walk over their records, which are then still in the processor's
 * cache.
 */
import {
  addToBatch,
  BATCH_ROWS,
  type EventBuilder,
  makeRoom,
  readRecords,
} from '../../decode/event-tables.ts';
import { finishGrowing, growing, reserve } from '../../decode/growing.ts';
import type { ByteWindow } from '../../decode/record-window.ts';
import type { MovableTable, TimeSpan } from '../../decode/restore-order.ts';
import { orderByTime } from '../../decode/time-order.ts';
import type { SampleIndex } from './samples.ts';

/** Where rows go. */
export type Rows = {
  readonly builders: readonly EventBuilder[];
  /** Position of the next row in the whole trace. */
  seq: number;
  /** The part of the input that was read so far, and the same before the window at hand. */
  shareRead: number;
  shareBefore: number;
  /** Events without a table have a place in the order where stretches overlap: in these times. */
  readonly spans: readonly TimeSpan[];
  readonly others: OtherRows;
};

export const ALL_TIMES: TimeSpan = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];

/** Time, CPU and position of rows that are in no table. */
export class OtherRows {
  readonly #ts = growing((length) => new Float64Array(length));
  readonly #cpu = growing((length) => new Uint16Array(length));
  readonly #seq = growing((length) => new Uint32Array(length));

  add(ts: number, cpu: number, seq: number): void {
    const to = reserve(this.#ts, 1);
    reserve(this.#cpu, 1);
    reserve(this.#seq, 1);
    this.#ts.array[to] = ts;
    this.#cpu.array[to] = cpu;
    this.#seq.array[to] = seq;
  }

  /** All of another's, behind one's own. */
  append({ ts, cpu, seq }: MovableTable): void {
    const to = reserve(this.#ts, ts.length);
    reserve(this.#cpu, ts.length);
    reserve(this.#seq, ts.length);
    this.#ts.array.set(ts, to);
    this.#cpu.array.set(cpu, to);
    this.#seq.array.set(seq, to);
  }

  finish(): MovableTable {
    const [ts, cpu, seq] = [this.#ts, this.#cpu, this.#seq];
    const columns = { ts: finishGrowing(ts), cpu: finishGrowing(cpu), seq: finishGrowing(seq) };
    return { ...columns, payload: [] };
  }
}

/** Adds the samples of a stretch to their tables and empties the index. */
export function readColumns(rows: Rows, window: ByteWindow, index: SampleIndex): void {
  const { count, time } = index;
  if (count === 0) return;
  const order = orderByTime(index);
  const first = time[order === undefined ? 0 : (order[0] as number)] as number;
  const last = time[order === undefined ? count - 1 : (order[count - 1] as number)] as number;
  const spans = rows.spans.filter(([from, to]) => from <= last && to >= first);
  for (let from = 0; from < count; from += BATCH_ROWS) {
    const to = Math.min(count, from + BATCH_ROWS);
    gatherBatch(rows, index, order, spans, from, to);
    const share = rows.shareBefore + ((rows.shareRead - rows.shareBefore) * to) / count;
    readBatch(rows, window, index, rows.seq - from, share);
    rows.seq += to - from;
  }
  index.count = 0;
}

function gatherBatch(
  { builders, others, seq }: Rows,
  index: SampleIndex,
  order: Uint32Array | undefined,
  spans: readonly TimeSpan[],
  from: number,
  to: number,
): void {
  const { table, time, cpu } = index;
  for (let place = from; place < to; place++) {
    const row = order === undefined ? place : (order[place] as number);
    const builder = builders[table[row] as number] as EventBuilder;
    if (builder.detail !== 'count') {
      addToBatch(builder, row, place);
    } else if (spans.length > 0 && isWithin(spans, time[row] as number)) {
      others.add(time[row] as number, cpu[row] as number, seq + place - from);
    }
  }
}

export function isWithin(spans: readonly TimeSpan[], time: number): boolean {
  for (const [from, to] of spans) if (time >= from && time <= to) return true;
  return false;
}

function readBatch(
  { builders }: Rows,
  window: ByteWindow,
  index: SampleIndex,
  firstSeq: number,
  share: number,
): void {
  for (const builder of builders) {
    if (builder.count === 0) continue;
    makeRoom(builder, share);
    copyBase(builder, index, firstSeq);
    readRecords(builder, window, share);
  }
}

/** The values that every table has, one loop for each. */
function copyBase(builder: EventBuilder, index: SampleIndex, firstSeq: number): void {
  const { rows, places, start, end, firstRow: to, count } = builder;
  pick(builder.ts.array, to, index.time, rows, count);
  pickCpus(builder.cpu.array, to, index.cpu, rows, count);
  pickTids(builder.pid.array, to, index.tid, rows, count);
  pickPlaces(start, index.start, rows, count);
  pickPlaces(end, index.end, rows, count);
  const seq = builder.seq.array;
  for (let i = 0; i < count; i++) seq[to + i] = firstSeq + (places[i] as number);
}

// out[to + i] = values[rows[i]]: four times, so that each has one type of array.

function pick(
  out: Float64Array,
  to: number,
  values: Float64Array,
  rows: Uint32Array,
  count: number,
) {
  for (let i = 0; i < count; i++) out[to + i] = values[rows[i] as number] as number;
}

function pickCpus(
  out: Uint16Array,
  to: number,
  values: Uint16Array,
  rows: Uint32Array,
  count: number,
) {
  for (let i = 0; i < count; i++) out[to + i] = values[rows[i] as number] as number;
}

function pickTids(
  out: Int32Array,
  to: number,
  values: Int32Array,
  rows: Uint32Array,
  count: number,
) {
  for (let i = 0; i < count; i++) out[to + i] = values[rows[i] as number] as number;
}

function pickPlaces(out: Uint32Array, values: Uint32Array, rows: Uint32Array, count: number) {
  for (let i = 0; i < count; i++) out[i] = values[rows[i] as number] as number;
}
