/**
 * The hot loops of trace.dat in WebAssembly, one turn per record of the trace: the walk over pages
 * that lists or counts records, putting CPUs in order of time, and the columns that all events
 * have. pages.ts and merge-lanes.ts are the plain version, and what tests compare with; it is also
 * what reads whatever is not little-endian.
 *
 * Measured with 3.3 M events: 1.25 s of CPU with the same loops as JavaScript, which was compiled
 * in each thread anew, and 0.63 s so.
 */
import {
  asValue,
  type Body,
  type Call,
  load16,
  load32,
  loadDouble,
  type Operand,
  type Value,
  type Variable,
  WasmModule,
  words,
} from '../../wasm/assembler.ts';
import { addColumnLoops } from '../../wasm/column-loops.ts';
import {
  anySign,
  EVENT,
  forgetCounts,
  placeEvents,
  readEvents,
  writeRow,
} from '../../wasm/event-rows.ts';
import { PADDING, TIME_EXTEND, TWO_27 } from './pages.ts';

/** What a walk over the pages of a lane knows, by its place in bytes. */
export const WALK = {
  bytes: 64,
  /** Time that all others are counted from, in halves. */
  baseLow: 0,
  baseHigh: 4,
  pageBytes: 8,
  dataAt: 12,
  commitAt: 16,
  /** By event id, 4 bytes each: bytes of the smallest record + 1 (0: no format), and an EVENT. */
  least: 20,
  events: 24,
  /** Only when counting: by event id, how many, and where its signs are (0: none). */
  counts: 28,
  signs: 32,
  /** Records in the lane's list. */
  listed: 36,
  /** Times of the first and of the last record, NaN before; how often a time steps back. */
  firstTs: 40,
  lastTs: 48,
  backwards: 56,
} as const;

/** The records of a lane that are to be dealt out. */
export const LANE = {
  bytes: 40,
  ts: 0,
  id: 4,
  start: 8,
  end: 12,
  taken: 16,
  next: 20,
  head: 24,
  lane: 32,
} as const;

const COMMIT_MASK = 0x0fffffff;
const MISSED_EVENTS = 0xc0000000;
const TWO_32 = 4294967296;

/** `walkPages`, `countRecords` and `deal`. */
export function pageLoops(): Uint8Array<ArrayBuffer> {
  const module = new WasmModule();
  const reports = {
    absoluteTime: module.import('absoluteTime', ['i32', 'i32', 'f64'], 'f64'),
    reject: module.import('reject', ['i32', 'i32']),
    damagedPage: module.import('damagedPage', ['i32']),
    belowZero: module.import('belowZero', ['i32', 'i32', 'f64']),
  };
  const readColumns = addColumnLoops(module);
  addWalking(module, reports);
  addCounting(module);
  addDealing(module, readColumns);
  return module.bytes();
}

/** A variable that begins as 0. */
function word(body: Body): Variable {
  return body.local(asValue(0, 'i32'));
}

function double(body: Body, value: Operand = 0): Variable {
  return body.local(asValue(value, 'f64'));
}

type PageWalk = {
  readonly begin: Value;
  readonly end: Value;
  readonly ts: Variable;
  /** Set to 0 when the records do not add up. */
  readonly isWhole: Variable;
  readonly absoluteTime: Call;
};

/** The records of a page: that of scanWords() in pages.ts, which says more. */
function eachRecord(
  body: Body,
  { begin, end, ts, isWhole, absoluteTime }: PageWalk,
  visit: (data: Variable, next: Variable) => void,
): void {
  const at = body.local(begin);
  const [head, type, data, next, extra] = [
    word(body),
    word(body),
    word(body),
    word(body),
    word(body),
  ];
  body.set(isWhole, 1);
  body.while(at.lt(end), (records) => {
    const stop = () => {
      body.set(isWhole, 0);
      records.leave();
    };
    body.set(head, load32(at));
    body.set(type, head.and(31));
    body.set(data, at.add(4));
    body.set(next, data.add(type.shl(2)));
    body.if(type.sub(1).ge(PADDING - 1), () => {
      body.if(type.eq(PADDING).and(head.lt(32)), records.leave);
      body.if(data.ge(end), stop);
      body.set(extra, load32(data));
      body.if(type.ge(TIME_EXTEND), () => {
        const delta = head.shr(5);
        body.if(
          type.eq(TIME_EXTEND),
          () => body.set(ts, ts.add(extra.toDouble().mul(TWO_27).add(delta.toDouble()))),
          () => body.set(ts, absoluteTime(extra, delta, ts)),
        );
        body.set(at, data.add(4));
        records.next();
      });
      body.if(
        extra
          .lt(4)
          .or(extra.and(3))
          .or(extra.gt(end.sub(data))),
        stop,
      );
      body.set(next, data.add(extra));
      body.set(data, data.add(4));
    });
    body.if(next.gt(end), stop);
    body.set(ts, ts.add(head.shr(5).toDouble()));
    body.if(next.gt(data).and(type.ne(PADDING)), () => visit(data, next));
    body.set(at, next);
  });
}

/** Sets `ts` to the page's time. */
function setPageTime(body: Body, walk: Value, page: Value, ts: Variable): void {
  const high = load32(page, 4).toDouble().sub(load32(walk, WALK.baseHigh).toDouble());
  const low = load32(page).toDouble().sub(load32(walk, WALK.baseLow).toDouble());
  body.set(ts, high.mul(TWO_32).add(low));
}

type Reports = {
  readonly absoluteTime: Call;
  readonly reject: Call;
  readonly damagedPage: Call;
  readonly belowZero: Call;
};

/**
 * Walks over pages up to the first that has more to it than records, which it returns. Records are
 * appended to a lane's list, which has `listed` of them; without a lane (0), they are counted.
 */
function addWalking(module: WasmModule, reports: Reports): void {
  const params = words('walk', 'from', 'to', 'lane', 'listed');
  module.func('walkPages', params, 'i32', (body, { walk, from: page, to, lane, listed }) => {
    const ts = double(body);
    const last = body.local(loadDouble(walk, WALK.lastTs));
    const [isWhole, begin, end, commit] = [word(body), word(body), word(body), word(body)];
    const at = (field: number, bytes: number) =>
      body.local(load32(lane, field).add(listed.mul(bytes)));
    const [tsAt, idAt] = [at(LANE.ts, 8), at(LANE.id, 2)];
    const [startAt, endAt] = [at(LANE.start, 4), at(LANE.end, 4)];
    const list = { tsAt, idAt, startAt, endAt };
    const pageBytes = load32(walk, WALK.pageBytes);
    body.while(page.add(load32(walk, WALK.dataAt)).le(to), (pages) => {
      body.set(commit, load32(page.add(load32(walk, WALK.commitAt))));
      body.set(begin, page.add(load32(walk, WALK.dataAt)));
      body.set(end, begin.add(commit.and(COMMIT_MASK)));
      const isTooLong = end.gt(page.add(pageBytes)).or(end.gt(to));
      body.if(commit.and(MISSED_EVENTS).or(isTooLong), pages.leave);
      setPageTime(body, walk, page, ts);
      const { absoluteTime } = reports;
      eachRecord(body, { begin, end: end.and(-4), ts, isWhole, absoluteTime }, (data, next) => {
        noteRecord(body, { walk, lane, list, data, next, ts, last }, reports);
      });
      body.if(isWhole.eq(0), () => body.do(reports.damagedPage(page)));
      body.set(page, page.add(pageBytes));
    });
    body.storeDouble(walk, last, WALK.lastTs);
    body.store32(walk, startAt.sub(load32(lane, LANE.start)).shr(2), WALK.listed);
    body.return(page);
  });
}

type NotedRecord = {
  readonly walk: Value;
  readonly lane: Value;
  readonly list: Readonly<Record<'tsAt' | 'idAt' | 'startAt' | 'endAt', Variable>>;
  readonly data: Value;
  readonly next: Value;
  readonly ts: Value;
  readonly last: Variable;
};

function noteRecord(body: Body, record: NotedRecord, { reject, belowZero }: Reports): void {
  const { walk, lane, data, next, ts, last } = record;
  const id = body.local(load16(data));
  const least = load32(load32(walk, WALK.least).add(id.shl(2)));
  body.if(
    next.sub(data).ge(least.sub(1)),
    () => {
      // Before the first record there is no time, and nothing is less than that.
      body.if(ts.ge(last).eq(0), () => {
        body.if(
          last.eq(last),
          () => body.store32(walk, load32(walk, WALK.backwards).add(1), WALK.backwards),
          () => body.storeDouble(walk, ts, WALK.firstTs),
        );
      });
      body.set(last, ts);
      body.if(
        lane,
        () => listRecord(body, record, id),
        () => addOne(body, load32(walk, WALK.counts).add(id.shl(2))),
      );
      const signs = body.local(load32(load32(walk, WALK.signs).add(id.shl(2))));
      body.if(signs, () => {
        body.if(anySign(body, signs, data).and(0x80), () => body.do(belowZero(id, data, ts)));
      });
    },
    () => body.do(reject(id, least)),
  );
}

function listRecord(body: Body, { list, data, next, ts }: NotedRecord, id: Value): void {
  const { tsAt, idAt, startAt, endAt } = list;
  body.storeDouble(tsAt, ts);
  body.store16(idAt, id);
  body.store32(startAt, data);
  body.store32(endAt, next);
  body.set(tsAt, tsAt.add(8));
  body.set(idAt, idAt.add(2));
  body.set(startAt, startAt.add(4));
  body.set(endAt, endAt.add(4));
}

function addOne(body: Body, place: Value): void {
  const at = body.local(place);
  body.store32(at, load32(at).add(1));
}

/** Counts by event id the records of all lanes that are to be dealt out. */
function addCounting(module: WasmModule): void {
  const params = words('counts', 'lanes', 'laneCount');
  module.func('countRecords', params, undefined, (body, { counts, lanes, laneCount }) => {
    eachTaken(body, lanes, laneCount, (id) => addOne(body, counts.add(id.shl(2))));
  });
}

/** The event ids of the records of all lanes that are to be dealt out. */
function eachTaken(body: Body, lane: Variable, laneCount: Value, visit: (id: Value) => void): void {
  const lastLane = body.local(lane.add(laneCount.mul(LANE.bytes)));
  const [id, lastId] = [word(body), word(body)];
  body.while(lane.lt(lastLane), () => {
    body.set(id, load32(lane, LANE.id));
    body.set(lastId, id.add(load32(lane, LANE.taken).shl(1)));
    body.while(id.lt(lastId), () => {
      visit(load16(id));
      body.set(id, id.add(2));
    });
    body.set(lane, lane.add(LANE.bytes));
  });
}

/** Everything that is done with the records of a batch. */
function addDealing(module: WasmModule, readColumns: Call): void {
  const sift = addSift(module);
  const layOut = addLayOut(module);
  const params = {
    ...words('walk', 'lanes', 'laneCount', 'heap', 'events', 'eventCount'),
    ...words('starts', 'ends', 'seq'),
    origin: 'f64',
  } as const;
  module.func('deal', params, 'i32', (body, all) => {
    const { walk, lanes, laneCount, heap, events, eventCount, seq } = all;
    body.do(layOut(load32(walk, WALK.events), lanes, laneCount, events, eventCount));
    const lane = body.local(lanes);
    const lastLane = body.local(lanes.add(laneCount.mul(LANE.bytes)));
    const end = body.local(heap);
    body.while(lane.lt(lastLane), () => {
      body.if(load32(lane, LANE.taken), () => {
        body.store32(lane, 0, LANE.next);
        body.storeDouble(lane, loadDouble(load32(lane, LANE.ts)), LANE.head);
        body.store32(end, lane);
        body.set(end, end.add(4));
      });
      body.set(lane, lane.add(LANE.bytes));
    });
    const from = body.local(heap.add(end.sub(heap).shr(3).shl(2)));
    body.while(from.ge(heap), () => {
      body.do(sift(heap, end, from));
      body.set(from, from.sub(4));
    });
    mergeLanes(body, { ...all, end, lane, sift });
    readEvents(body, all, readColumns);
    body.return(seq);
  });
}

/** Counts each event's records in a batch and gives them their places. */
function addLayOut(module: WasmModule): Call {
  const params = words('byId', 'lanes', 'laneCount', 'events', 'eventCount');
  return module.func('layOut', params, undefined, (body, all) => {
    const { byId, lanes, laneCount, events, eventCount } = all;
    const event = body.local(events);
    const lastEvent = body.local(events.add(eventCount.mul(EVENT.bytes)));
    forgetCounts(body, events, lastEvent);
    eachTaken(body, lanes, laneCount, (id) => {
      body.set(event, load32(byId.add(id.shl(2))));
      body.store32(event, load32(event, EVENT.count).add(1), EVENT.count);
    });
    placeEvents(body, events, lastEvent);
  });
}

/** Moves the lane at `from` of the heap down to where it belongs. */
function addSift(module: WasmModule): Call {
  const params = words('heap', 'end', 'from');
  return module.func('sift', params, undefined, (body, { heap, end, from: at }) => {
    const moved = word(body);
    const child = word(body);
    body.if(at.lt(end), () => {
      body.set(moved, load32(at));
      body.while(asValue(1, 'i32'), (levels) => {
        body.set(child, at.shl(1).sub(heap).add(4));
        body.if(child.ge(end), levels.leave);
        body.if(child.add(4).lt(end), () => {
          body.if(comesBefore(load32(child, 4), load32(child)), () =>
            body.set(child, child.add(4)),
          );
        });
        body.if(comesBefore(load32(child), moved).eq(0), levels.leave);
        body.store32(at, load32(child));
        body.set(at, child);
      });
      body.store32(at, moved);
    });
  });
}

/** Equal times are in order of the lanes. */
function comesBefore(lane: Value, other: Value): Value {
  const [head, otherHead] = [loadDouble(lane, LANE.head), loadDouble(other, LANE.head)];
  return head.lt(otherHead).or(head.eq(otherHead).and(lane.lt(other)));
}

type Merge = {
  readonly heap: Value;
  readonly end: Variable;
  readonly lane: Variable;
  readonly walk: Value;
  readonly starts: Value;
  readonly ends: Value;
  readonly seq: Variable;
  readonly origin: Value;
  readonly sift: Call;
};

/** Runs of one lane up to the time of the next one, until all is dealt out. */
function mergeLanes(body: Body, merge: Merge): void {
  const { heap, end, lane, sift, seq } = merge;
  const [rival, record, taken, tie] = [word(body), word(body), word(body), word(body)];
  const [limit, ts] = [double(body), double(body)];
  body.while(end.gt(heap), () => {
    body.set(lane, load32(heap));
    body.set(record, load32(lane, LANE.next));
    body.set(taken, load32(lane, LANE.taken));
    body.set(limit, Number.POSITIVE_INFINITY);
    body.set(tie, 1);
    body.if(end.gt(heap.add(4)), () => {
      body.set(rival, load32(heap, 4));
      body.if(end.gt(heap.add(8)), () => {
        body.if(comesBefore(load32(heap, 8), rival), () => body.set(rival, load32(heap, 8)));
      });
      body.set(limit, loadDouble(rival, LANE.head));
      body.set(tie, lane.lt(rival));
    });
    body.set(ts, loadDouble(lane, LANE.head));
    body.while(asValue(1, 'i32'), (run) => {
      dealRecord(body, merge, record, ts);
      body.set(seq, seq.add(1));
      body.set(record, record.add(1));
      body.if(record.ge(taken), run.leave);
      body.set(ts, loadDouble(load32(lane, LANE.ts).add(record.shl(3))));
      body.if(ts.lt(limit).or(ts.eq(limit).and(tie)).eq(0), run.leave);
    });
    body.store32(lane, record, LANE.next);
    body.if(
      record.lt(taken),
      () => body.storeDouble(lane, ts, LANE.head),
      () => {
        body.set(end, end.sub(4));
        body.store32(heap, load32(end));
      },
    );
    body.do(sift(heap, end, heap));
  });
}

/** Writes the columns that all events have, and where the record lies for the others. */
function dealRecord(body: Body, merge: Merge, record: Value, ts: Value): void {
  const { walk, lane, starts, ends, seq, origin } = merge;
  const id = load16(load32(lane, LANE.id).add(record.shl(1)));
  const event = body.local(load32(load32(walk, WALK.events).add(id.shl(2))));
  const of = (list: number) => load32(load32(lane, list).add(record.shl(2)));
  writeRow(body, {
    ...{ event, starts, ends, seq },
    ts: ts.sub(origin),
    lane: load32(lane, LANE.lane),
    start: of(LANE.start),
    end: of(LANE.end),
    pid: (start, offset) => load32(start.add(offset)),
  });
}
