/**
 * Records of a batch in order of time → rows of their events, in WebAssembly: the columns that all
 * events have are written while the records are dealt out, and where the records lie is remembered
 * for the others, those of each event together.
 */
import { asValue, type Body, type Call, load8, load32, type Value } from './assembler.ts';

/** What the loops know of an event, by its place in bytes. */
export const EVENT = {
  bytes: 56,
  /** Where row 0 of the columns is; `lane` is the CPU, or what tells it. */
  ts: 0,
  lane: 4,
  pid: 8,
  seq: 12,
  /** The next row, and what turns a row into a place among the batch's records. */
  row: 16,
  shift: 20,
  /** Its records in the batch, and the place of the first. */
  count: 24,
  from: 28,
  /** Where the pid is in a record; NO_PID where it is read in another way. */
  pidOffset: 32,
  isKept: 36,
  /** Its own columns: the first COLUMN, the end of the last one, and where rows are told from. */
  columns: 40,
  columnsEnd: 44,
  firstRow: 48,
} as const;
export const NO_PID = 0xffffffff;

type Row = {
  /** Its EVENT. */
  readonly event: Value;
  /** Lists of where records lie. */
  readonly starts: Value;
  readonly ends: Value;
  readonly ts: Value;
  readonly lane: Value;
  readonly seq: Value;
  readonly start: Value;
  readonly end: Value;
  /** For events whose `pidOffset` is not NO_PID. */
  readonly pid: (start: Value, offset: Value) => Value;
};

/** The next row of an event that was counted and has its place (placeEvents). */
export function writeRow(body: Body, record: Row): void {
  const { event, starts, ends, ts, lane, seq, end, pid } = record;
  const row = body.local(load32(event, EVENT.row));
  body.store32(event, row.add(1), EVENT.row);
  body.if(load32(event, EVENT.isKept), () => {
    body.storeDouble(load32(event, EVENT.ts).add(row.shl(3)), ts);
    body.store16(load32(event, EVENT.lane).add(row.shl(1)), lane);
    body.store32(load32(event, EVENT.seq).add(row.shl(2)), seq);
    const start = body.local(record.start);
    const pidOffset = load32(event, EVENT.pidOffset);
    body.if(pidOffset.ne(NO_PID), () => {
      body.store32(load32(event, EVENT.pid).add(row.shl(2)), pid(start, pidOffset));
    });
    const place = body.local(row.add(load32(event, EVENT.shift)).shl(2));
    body.store32(starts.add(place), start);
    body.store32(ends.add(place), end);
  });
}

/** Before a batch is counted. */
export function forgetCounts(body: Body, events: Value, lastEvent: Value): void {
  const event = body.local(events);
  body.while(event.lt(lastEvent), () => {
    body.store32(event, 0, EVENT.count);
    body.set(event, event.add(EVENT.bytes));
  });
}

/** Gives the events of a batch, which were counted, their places among its records. */
export function placeEvents(body: Body, events: Value, lastEvent: Value): void {
  const event = body.local(events);
  const place = body.local(asValue(0, 'i32'));
  body.while(event.lt(lastEvent), () => {
    body.if(load32(event, EVENT.isKept), () => {
      body.store32(event, place, EVENT.from);
      body.store32(event, place.sub(load32(event, EVENT.row)), EVENT.shift);
      body.set(place, place.add(load32(event, EVENT.count)));
    });
    body.set(event, event.add(EVENT.bytes));
  });
}

type Events = { readonly [name in 'events' | 'eventCount' | 'starts' | 'ends']: Value };

/** The columns of their own, of all events that have records in the batch. */
export function readEvents(
  body: Body,
  { events, eventCount, starts, ends }: Events,
  readColumns: Call,
): void {
  const event = body.local(events);
  const lastEvent = body.local(events.add(eventCount.mul(EVENT.bytes)));
  body.while(event.lt(lastEvent), () => {
    const count = body.local(load32(event, EVENT.count));
    body.if(count, () => {
      const from = body.local(load32(event, EVENT.from).shl(2));
      const [first, last] = [load32(event, EVENT.columns), load32(event, EVENT.columnsEnd)];
      const row = load32(event, EVENT.row).sub(count);
      const firstRow = load32(event, EVENT.firstRow);
      body.do(readColumns(first, last, row, firstRow, starts.add(from), ends.add(from), count));
    });
    body.set(event, event.add(EVENT.bytes));
  });
}

/** The bytes that hold the signs of a record's counters, all in one; hardly ever is one set. */
export function anySign(body: Body, signs: Value, data: Value): Value {
  const at = body.local(signs.add(4));
  const end = body.local(at.add(load32(signs).shl(2)));
  const all = body.local(asValue(0, 'i32'));
  body.while(at.lt(end), () => {
    body.set(all, all.or(load8(data.add(load32(at)))));
    body.set(at, at.add(4));
  });
  return all;
}
