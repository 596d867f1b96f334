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
import { MOST_ADDRESSES, RECORD_HEADER_BYTES, RECORD_SAMPLE } from './samples.ts';

/** What a walk over samples knows, by its place in bytes. */
export const SCAN = {
  bytes: 80,
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
} as const;

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

/** `countSamples` */
export function countLoops(): Uint8Array<ArrayBuffer> {
  const module = new WasmModule();
  const belowZero = module.import('belowZero', ['i32', 'i32', 'f64']);
  addCounting(module, belowZero);
  return module.bytes();
}

/** `listSamples` and `dealSamples`. */
export function decodeLoops(): Uint8Array<ArrayBuffer> {
  const module = new WasmModule();
  const readColumns = addColumnLoops(module);
  addListing(module);
  addDealing(module, readColumns);
  return module.bytes();
}

function word(body: Body): Variable {
  return body.local(asValue(0, 'i32'));
}

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

/** Samples up to the first that is anything else than usual; returns where that is. */
function eachSample(
  body: Body,
  { scan, from: at, to }: { scan: Variable; from: Variable; to: Variable },
  visit: (sample: Sample) => void,
): void {
  const [next, kind, first, last, cpu] = [
    word(body),
    word(body),
    word(body),
    word(body),
    word(body),
  ];
  const ts = body.local(asValue(0, 'f64'));
  body.while(at.add(RECORD_HEADER_BYTES).le(to), (samples) => {
    body.set(next, at.add(load16(at, 6)));
    body.if(next.gt(to).or(load16(at, 6).and(3)), samples.leave);
    body.if(load32(at).ne(RECORD_SAMPLE), () => {
      const type = load32(at);
      const isPassed = load64(scan, SCAN.passed).shr(type.toWide()).toWord().and(1);
      const isSound = type.lt(64).and(load16(at, 6).ge(RECORD_HEADER_BYTES));
      body.if(isPassed.and(isSound).eq(0), samples.leave);
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
    setTime(body, scan, at.add(load32(kind, KIND.time)), ts);
    body.storeDouble(load32(scan, SCAN.lastOfCpu).add(cpu.shl(3)), ts);
    visit({ at, kind, ts, cpu, first, last });
    body.set(at, next);
  });
  body.return(at);
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

function setTime(body: Body, scan: Value, at: Value, ts: Variable): void {
  const high = load32(at, 4).toDouble().sub(load32(scan, SCAN.baseHigh).toDouble());
  const low = load32(at).toDouble().sub(load32(scan, SCAN.baseLow).toDouble());
  body.set(ts, high.mul(TWO_32).add(low));
}

/** Returns where it stopped. `belowZero` is told of a sample with a sign: table, record, time. */
function addCounting(module: WasmModule, belowZero: Call): void {
  const params = words('scan', 'from', 'to');
  module.func('countSamples', params, 'i32', (body, all) => {
    const { scan } = all;
    const times = body.local(load32(scan, SCAN.times));
    const first = body.local(loadDouble(times));
    const last = body.local(loadDouble(times, 8));
    eachSample(body, all, ({ kind, ts, first: record }) => {
      const table = load32(kind, KIND.table);
      const count = body.local(load32(scan, SCAN.counts).add(table.shl(3)));
      body.storeDouble(count, loadDouble(count).add(1));
      body.if(ts.lt(first), () => {
        body.set(first, ts);
        body.storeDouble(times, ts);
      });
      body.if(ts.gt(last), () => {
        body.set(last, ts);
        body.storeDouble(times, ts, 8);
      });
      const signs = body.local(load32(kind, KIND.signs));
      body.if(signs, () => {
        body.if(anySign(body, signs, record).and(0x80), () =>
          body.do(belowZero(table, record, ts)),
        );
      });
    });
  });
}

/** Returns where it stopped, also when the list is full. */
function addListing(module: WasmModule): void {
  const params = words('scan', 'from', 'to');
  module.func('listSamples', params, 'i32', (body, all) => {
    const { scan } = all;
    const row = body.local(load32(scan, SCAN.count));
    const window = body.local(load32(scan, SCAN.window));
    const place = (list: number, shift: number) => load32(scan, list).add(row.shl(shift));
    eachSample(body, all, ({ at, kind, ts, cpu, first, last }) => {
      body.if(row.ge(load32(scan, SCAN.capacity)), () => body.return(at));
      body.storeDouble(place(SCAN.time, 3), ts);
      body.store16(place(SCAN.table, 1), load32(kind, KIND.table));
      body.store16(place(SCAN.cpu, 1), cpu);
      body.store32(place(SCAN.tid, 2), load32(at.add(load32(kind, KIND.tid))));
      body.store32(place(SCAN.start, 2), first.sub(window));
      body.store32(place(SCAN.end, 2), last.sub(window));
      body.set(row, row.add(1));
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
    const find = (list: number, shift: number) => load32(scan, list).add(row.shl(shift));
    const each = (visit: () => void) => {
      body.set(place, from);
      body.while(place.lt(to), () => {
        body.set(row, place);
        body.if(order, () => body.set(row, load32(order.add(place.shl(2)))));
        body.set(event, events.add(load16(find(SCAN.table, 1)).mul(EVENT.bytes)));
        visit();
        body.set(place, place.add(1));
      });
    };
    each(() => body.store32(event, load32(event, EVENT.count).add(1), EVENT.count));
    placeEvents(body, events, lastEvent);
    const window = load32(scan, SCAN.window);
    each(() => {
      writeRow(body, {
        ...{ event, starts, ends, seq },
        ts: loadDouble(find(SCAN.time, 3)).sub(origin),
        lane: load16(find(SCAN.cpu, 1)),
        start: load32(find(SCAN.start, 2)).add(window),
        end: load32(find(SCAN.end, 2)).add(window),
        pid: () => load32(find(SCAN.tid, 2)),
      });
      body.set(seq, seq.add(1));
    });
    readEvents(body, { events, eventCount, starts, ends }, readColumns);
    body.return(seq);
  });
}
