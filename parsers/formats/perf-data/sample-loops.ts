/**
 * The hot loops of perf.data in WebAssembly, one turn per sample: those that count samples and that
 * list them, and the columns that all events have. scanUsualSamples() in samples.ts is the plain
 * version and says more; it reads whatever is no file, and tests compare with it.
 */

import { NO_CPU } from '../../decode/perf-event-name.ts';
import {
  asValue,
  type Body,
  type Call,
  load16,
  load32,
  load64,
  loadDouble,
  select,
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
import { addOrdering } from './order-loops.ts';
import { RECORD_COMM, RECORD_FORK } from './records.ts';
import { MOST_ADDRESSES, PERF_CONTEXT_MAX, RECORD_HEADER_BYTES, RECORD_SAMPLE } from './samples.ts';

/** What a walk over samples knows, by its place in bytes. */
export const SCAN = {
  bytes: 112,
  /** Where the window begins: places in the lists count from there. */
  window: 0,
  /** Where a sample's id is; the KIND of all samples where they have none (else 0). */
  idAt: 4,
  only: 8,
  /** Addresses of KINDs by sample id, from `firstId` on; 0 where there is none yet. */
  kinds: 12,
  firstId: 16,
  /** Time that all others are counted from, in halves. */
  baseLow: 20,
  baseHigh: 24,
  /** Doubles by CPU: the time of its last sample. */
  lastOfCpu: 28,
  /** The list of samples, how many it has and may have. */
  time: 32,
  table: 36,
  cpu: 40,
  tid: 44,
  start: 48,
  end: 52,
  count: 56,
  capacity: 60,
  /** Or only how many there are: doubles by table; and the first and the last time. */
  counts: 64,
  times: 68,
  /** Types of records that are passed over, by bit: those below 64. */
  passed: 72,
  /** Least bytes of a FORK and a COMM with a time, and how far from their end it is. */
  leastFork: 80,
  leastComm: 84,
  recordTime: 88,
  /** Lists of what they say (TaskNotes), and how many are in them. */
  noteTimes: 92,
  noteTids: 96,
  noteChanges: 100,
  noteCount: 104,
  /** Callers in call chains, which are only counted. */
  callers: 108,
} as const;

/** So many changes of tasks are noted at most before the program is asked to take them. */
export const MOST_NOTES = 4096;

/** Where the samples of one kind have what. */
export const KIND = {
  bytes: 40,
  time: 0,
  cpu: 4,
  tid: 8,
  fixedEnd: 12,
  hasCallchain: 16,
  tracepoint: 20,
  minSize: 24,
  table: 28,
  /** Address of the list of signs; 0 for none. */
  signs: 32,
} as const;

/** Sample ids that are known, from the least on. */
export const KIND_IDS = 65536;

const TWO_32 = 4294967296;
const ALL_BITS = 0xffffffff;

/** `countSamples` and `listSamples`. */
export function countLoops(): Uint8Array<ArrayBuffer> {
  const module = new WasmModule();
  const belowZero = module.import('belowZero', ['i32', 'i32', 'f64']);
  addCounting(module, belowZero);
  addListing(module, belowZero);
  return module.bytes();
}

/** `orderSamples` and `dealSamples`. */
export function decodeLoops(): Uint8Array<ArrayBuffer> {
  const module = new WasmModule();
  const readColumns = addColumnLoops(module);
  addOrdering(module);
  addDealing(module, readColumns);
  return module.bytes();
}

function word(body: Body): Variable {
  return body.local(asValue(0, 'i32'));
}

/** Members of a SCAN in variables: memory would be asked again for each sample. */
function members(body: Body, scan: Value, all: readonly number[]): VariableList {
  return all.map((member) => body.local(load32(scan, member))) as VariableList;
}

type VariableList = Variable[] & { readonly [nth in 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7]: Variable };

/** A sample with all values in their usual places. */
type Sample = {
  readonly at: Variable;
  readonly kind: Variable;
  readonly ts: Variable;
  readonly cpu: Variable;
  /** Its record: from the first byte to the last. */
  readonly first: Variable;
  readonly last: Variable;
};

/** Samples up to the first that is anything else than usual; then `finish`, and where that is. */
function eachSample(
  body: Body,
  { scan, from: at, to }: { scan: Variable; from: Variable; to: Variable },
  visit: (sample: Sample, leave: () => void) => void,
  finish: () => void = () => {},
): void {
  const [next, kind, first, last, cpu] = [
    word(body),
    word(body),
    word(body),
    word(body),
    word(body),
  ];
  const ts = body.local(asValue(0, 'f64'));
  const callers = word(body);
  // What memory says again and again is kept in variables: stores might have changed it.
  const base = {
    high: body.local(load32(scan, SCAN.baseHigh).toDouble()),
    low: body.local(load32(scan, SCAN.baseLow).toDouble()),
  };
  const lastOfCpu = body.local(load32(scan, SCAN.lastOfCpu));
  body.while(at.add(RECORD_HEADER_BYTES).le(to), (samples) => {
    body.set(next, at.add(load16(at, 6)));
    body.if(next.gt(to).or(load16(at, 6).and(3)), samples.leave);
    body.if(load32(at).ne(RECORD_SAMPLE), () => {
      const type = load32(at);
      const isSound = type.lt(64).and(load16(at, 6).ge(RECORD_HEADER_BYTES));
      const isPassed = load64(scan, SCAN.passed).shr(type.toWide()).toWord().and(1).and(isSound);
      body.if(isPassed.eq(0), () => noteTask(body, { scan, at, next, base, ts }, samples.leave));
      body.set(at, next);
      samples.next();
    });
    findKind(body, { scan, at, kind }, samples.leave);
    body.set(first, at.add(load32(kind, KIND.fixedEnd)));
    body.if(load32(kind, KIND.hasCallchain), () => {
      body.if(load64(first).gt(MOST_ADDRESSES), samples.leave);
      body.set(first, first.add(8).add(load32(first).shl(3)));
    });
    body.set(last, load32(first));
    body.set(first, first.add(4));
    const hasRoom = first.le(next).and(last.le(next.sub(first)));
    const isWhole = hasRoom.and(last.ge(load32(kind, KIND.minSize)));
    body.if(isWhole.eq(0), samples.leave);
    body.if(load16(first).ne(load32(kind, KIND.tracepoint)), samples.leave);
    body.set(cpu, load32(at.add(load32(kind, KIND.cpu))));
    body.if(cpu.ge(NO_CPU), samples.leave);
    body.set(last, last.add(first));
    setTime(body, base, at.add(load32(kind, KIND.time)), ts);
    body.storeDouble(lastOfCpu.add(cpu.shl(3)), ts);
    visit({ at, kind, ts, cpu, first, last }, samples.leave);
    body.if(load32(kind, KIND.hasCallchain), () => {
      countCallers(body, at.add(load32(kind, KIND.fixedEnd)), callers);
    });
    body.set(at, next);
  });
  finish();
  body.store32(scan, load32(scan, SCAN.callers).add(callers), SCAN.callers);
  body.return(at);
}

/** Adds how many addresses a call chain has that do not just tell the context of the next. */
function countCallers(body: Body, chain: Value, callers: Variable): void {
  const address = body.local(chain.add(8));
  const end = body.local(address.add(load32(chain).shl(3)));
  body.while(address.lt(end), () => {
    body.set(callers, callers.add(load64(address).lt(PERF_CONTEXT_MAX)));
    body.set(address, address.add(8));
  });
}

type TaskRecord = Readonly<Record<'scan' | 'at' | 'next' | 'ts', Variable>> & {
  readonly base: { high: Value; low: Value };
};

/** A FORK or a COMM with a time becomes what TaskHistory keeps; all else is for the program. */
function noteTask(body: Body, { scan, at, next, base, ts }: TaskRecord, leave: () => void): void {
  const [isFork, isComm] = [load32(at).eq(RECORD_FORK), load32(at).eq(RECORD_COMM)];
  const count = load32(scan, SCAN.noteCount);
  body.if(isFork.or(isComm).and(count.lt(MOST_NOTES)).eq(0), leave);
  const least = select(isFork, load32(scan, SCAN.leastFork), load32(scan, SCAN.leastComm));
  body.if(load16(at, 6).lt(least), leave);
  const time = next.sub(load32(scan, SCAN.recordTime));
  body.if(load64(time).eq(0), leave);
  setTime(body, base, time, ts);
  // Nothing is inherited from a task that is not alive, which is -1.
  body.if(isFork.and(load32(at, 20).ge(2 ** 31)).eq(0), () => {
    const place = (list: number, shift: number) => load32(scan, list).add(count.shl(shift));
    const change = select(isFork, load32(at, 20).xor(ALL_BITS), at.sub(load32(scan, SCAN.window)));
    body.storeDouble(place(SCAN.noteTimes, 3), ts);
    body.store32(place(SCAN.noteTids, 2), select(isFork, load32(at, 16), load32(at, 12)));
    body.store32(place(SCAN.noteChanges, 2), change);
    body.store32(scan, count.add(1), SCAN.noteCount);
  });
}

function findKind(
  body: Body,
  { scan, at, kind }: { scan: Value; at: Value; kind: Variable },
  leave: () => void,
): void {
  body.set(kind, load32(scan, SCAN.only));
  body.if(kind.eq(0), () => {
    const id = body.local(load64(at.add(load32(scan, SCAN.idAt))));
    body.set(id, id.sub(load32(scan, SCAN.firstId).toWide()));
    body.if(id.ge(KIND_IDS), leave);
    body.set(kind, load32(load32(scan, SCAN.kinds).add(id.toWord().shl(2))));
    body.if(kind.eq(0), leave);
  });
}

function setTime(body: Body, base: { high: Value; low: Value }, at: Value, ts: Variable): void {
  const high = load32(at, 4).toDouble().sub(base.high);
  const low = load32(at).toDouble().sub(base.low);
  body.set(ts, high.mul(TWO_32).add(low));
}

/** Returns where it stopped. `belowZero` is told of a sample with a sign: table, record, time. */
function addCounting(module: WasmModule, belowZero: Call): void {
  const params = words('scan', 'from', 'to');
  module.func('countSamples', params, 'i32', (body, all) => {
    const { count, finish } = counter(body, all.scan, belowZero);
    eachSample(body, all, count, finish);
  });
}

/** Counts samples; `finish` says when the first and the last one were. */
function counter(body: Body, scan: Value, belowZero: Call) {
  const times = body.local(load32(scan, SCAN.times));
  const counts = body.local(load32(scan, SCAN.counts));
  const first = body.local(loadDouble(times));
  const last = body.local(loadDouble(times, 8));
  const at = word(body);
  const signs = word(body);
  const count = ({ kind, ts, first: record }: Sample): void => {
    body.set(at, counts.add(load32(kind, KIND.table).shl(3)));
    body.storeDouble(at, loadDouble(at).add(1));
    body.if(ts.lt(first), () => body.set(first, ts));
    body.if(ts.gt(last), () => body.set(last, ts));
    body.set(signs, load32(kind, KIND.signs));
    body.if(signs, () => {
      body.if(anySign(body, signs, record).and(0x80), () =>
        body.do(belowZero(load32(kind, KIND.table), record, ts)),
      );
    });
  };
  const finish = (): void => {
    body.storeDouble(times, first);
    body.storeDouble(times, last, 8);
  };
  return { count, finish };
}

/** The same, and lists them. Returns where it stopped, also when the list is full. */
function addListing(module: WasmModule, belowZero: Call): void {
  const params = words('scan', 'from', 'to');
  module.func('listSamples', params, 'i32', (body, all) => {
    const { scan } = all;
    const { count, finish } = counter(body, scan, belowZero);
    const row = body.local(load32(scan, SCAN.count));
    const [window, capacity, time, table, cpus, tid, start, end] = members(body, scan, [
      ...[SCAN.window, SCAN.capacity],
      ...[SCAN.time, SCAN.table, SCAN.cpu, SCAN.tid, SCAN.start, SCAN.end],
    ]);
    const list = (sample: Sample, leave: () => void): void => {
      const { at, kind, ts, cpu, first, last } = sample;
      body.if(row.ge(capacity), leave);
      count(sample);
      body.storeDouble(time.add(row.shl(3)), ts);
      body.store16(table.add(row.shl(1)), load32(kind, KIND.table));
      body.store16(cpus.add(row.shl(1)), cpu);
      body.store32(tid.add(row.shl(2)), load32(at.add(load32(kind, KIND.tid))));
      body.store32(start.add(row.shl(2)), first.sub(window));
      body.store32(end.add(row.shl(2)), last.sub(window));
      body.set(row, row.add(1));
    };
    eachSample(body, all, list, () => {
      finish();
      body.store32(scan, row, SCAN.count);
    });
  });
}

/**
 * Samples [from, to) in the given order (0: that of the list) → rows of their events, whose EVENTs
 * stand by table. Returns the position behind the last.
 */
function addDealing(module: WasmModule, readColumns: Call): void {
  const params = {
    ...words('scan', 'order', 'from', 'to', 'events', 'eventCount', 'starts', 'ends', 'seq'),
    origin: 'f64',
  } as const;
  module.func('dealSamples', params, 'i32', (body, all) => {
    const { scan, order, from, to, events, eventCount, starts, ends, seq, origin } = all;
    const lastEvent = body.local(events.add(eventCount.mul(EVENT.bytes)));
    forgetCounts(body, events, lastEvent);
    const place = body.local(from);
    const row = word(body);
    const event = word(body);
    const [window, time, table, cpus, tid, start, end] = members(body, scan, [
      ...[SCAN.window, SCAN.time, SCAN.table, SCAN.cpu, SCAN.tid, SCAN.start, SCAN.end],
    ]);
    const each = (visit: () => void) => {
      body.set(place, from);
      body.while(place.lt(to), () => {
        body.set(row, place);
        body.if(order, () => body.set(row, load32(order.add(place.shl(2)))));
        body.set(event, events.add(load16(table.add(row.shl(1))).mul(EVENT.bytes)));
        visit();
        body.set(place, place.add(1));
      });
    };
    each(() => body.store32(event, load32(event, EVENT.count).add(1), EVENT.count));
    placeEvents(body, events, lastEvent);
    each(() => {
      writeRow(body, {
        ...{ event, starts, ends, seq },
        ts: loadDouble(time.add(row.shl(3))).sub(origin),
        lane: load16(cpus.add(row.shl(1))),
        start: load32(start.add(row.shl(2))).add(window),
        end: load32(end.add(row.shl(2))).add(window),
        pid: () => load32(tid.add(row.shl(2))),
      });
      body.set(seq, seq.add(1));
    });
    readEvents(body, { events, eventCount, starts, ends }, readColumns);
    body.return(seq);
  });
}
