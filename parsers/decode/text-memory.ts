/**
 * The memory in which the loops of text-loops.ts work: a block of lines, what lines and payloads
 * before it looked like, and the rows that are made of it. One is used by one reading at a time.
 */
import { instantiate, sharedMemory } from '../wasm/memory.ts';
import { NO_CPU } from './perf-event-name.ts';
import { TEXT_LOOPS_BYTES } from './text-loops-bytes.ts';
import {
  EVENT_BYTES,
  EVENT_SLOTS,
  LITERAL_BYTES,
  MAX_NAMES,
  MAX_ROWS,
  MAX_SINKS,
  PLACE,
  PREFIX_BYTES,
  PREFIX_SLOTS,
  PREFIX_WAYS,
  STATE_BYTES,
  TEXT_BYTES,
  TEXT_SLOTS,
  TEXT_WAYS,
} from './text-places.ts';

type Loops = {
  readonly prefixSlot: (end: number) => number;
  readonly nameSlot: (name: number, end: number) => number;
  readonly scanLines: (line: number, end: number) => number;
  readonly sortRows: (rows: number) => void;
  readonly startBatch: (first: number, count: number) => void;
  readonly textSlot: (at: number, length: number, sink: number) => number;
  readonly findText: (at: number, length: number, sink: number) => number;
  readonly followRows: (layout: number, count: number, stride: number) => number;
};

const free: TextMemory[] = [];
const MAX_FREE = 2;
/** Longer texts are not remembered. */
const MAX_TEXT = TEXT_BYTES - 48;

export class TextMemory {
  readonly bytes: Uint8Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly f64: Float64Array;
  readonly u64: BigUint64Array;
  readonly loops: Loops;
  /** Rows of the current block, as scanLines makes them. */
  readonly rows: {
    readonly start: Int32Array;
    readonly stop: Int32Array;
    readonly ts: Float64Array;
    readonly cpu: Uint16Array;
    readonly pid: Int32Array;
    readonly comm: Int32Array;
    readonly seq: Int32Array;
    readonly table: Uint16Array;
  };
  readonly sorted: Int32Array;
  /** Of a batch, by place: see startBatch. */
  readonly start: Int32Array;
  readonly stop: Int32Array;
  readonly at: Int32Array;
  /** Those that are not read so far. */
  readonly places: Int32Array;
  /** Time of the last event of each CPU, NaN before the first; and who waits for the next one. */
  readonly lastOfCpu: Float64Array;
  readonly isWaiting: Uint8Array;
  /** Where the format's parser looks first in lines like those that are known. */
  usual = 0;
  /** Nothing may be learned that tables depend on: whoever meets it throws NewShape. */
  isFrozen = false;
  #events = 0;
  #literalsEnd = 0;
  #sinks = 0;

  constructor() {
    const memory = sharedMemory(PLACE.END);
    const { buffer } = memory;
    const ints = (at: number) => new Int32Array(buffer, at, MAX_ROWS);
    this.bytes = new Uint8Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.f64 = new Float64Array(buffer);
    this.u64 = new BigUint64Array(buffer);
    this.loops = instantiate(TEXT_LOOPS_BYTES, memory, {}) as Loops;
    this.rows = {
      start: ints(PLACE.ROW_START),
      stop: ints(PLACE.ROW_STOP),
      ts: new Float64Array(buffer, PLACE.ROW_TS, MAX_ROWS),
      cpu: new Uint16Array(buffer, PLACE.ROW_CPU, MAX_ROWS),
      pid: ints(PLACE.ROW_PID),
      comm: ints(PLACE.ROW_COMM),
      seq: ints(PLACE.ROW_SEQ),
      table: new Uint16Array(buffer, PLACE.ROW_TABLE, MAX_ROWS),
    };
    this.sorted = ints(PLACE.SORTED);
    this.start = ints(PLACE.START);
    this.stop = ints(PLACE.STOP);
    this.at = ints(PLACE.AT);
    this.places = ints(PLACE.PLACES);
    this.lastOfCpu = new Float64Array(buffer, PLACE.LAST_OF_CPU, NO_CPU + 1);
    this.isWaiting = new Uint8Array(buffer, PLACE.IS_WAITING, NO_CPU + 1);
    for (let digits = 0; digits <= 8; digits++) {
      this.u64[PLACE.POWERS / 8 + digits] = 10n ** BigInt(digits);
    }
    this.bytes.fill(255, PLACE.HEX, PLACE.HEX + 256);
    for (const [value, digit] of [...'0123456789abcdef'].entries()) {
      this.bytes[PLACE.HEX + digit.charCodeAt(0)] = value;
      this.bytes[PLACE.HEX + digit.toUpperCase().charCodeAt(0)] = value;
    }
    this.#start();
  }

  /** One that knows nothing of any text. */
  static take(): TextMemory {
    const used = free.pop();
    if (used === undefined) return new TextMemory();
    used.#forget();
    return used;
  }

  /** For the next reading in this thread. */
  release(): void {
    if (free.length < MAX_FREE && !free.includes(this)) free.push(this);
  }

  #forget(): void {
    const { TEXTS, TABLE_ROWS, HEAD_SECONDS } = PLACE;
    this.#clear(HEAD_SECONDS, STATE_BYTES);
    this.#clear(PLACE.EVENT_SLOTS, 4 * EVENT_SLOTS);
    this.#clear(TABLE_ROWS, 4 * MAX_NAMES);
    this.forgetPrefixes();
    const texts = TEXT_WAYS * TEXT_SLOTS;
    for (let nth = 0; nth < texts; nth++) this.set(TEXTS + TEXT_BYTES * nth, 0);
    this.isFrozen = false;
    this.#start();
  }

  #start(): void {
    this.set(PLACE.NAME_WIDTH, -1);
    this.restart(NO_CPU);
    this.#events = 0;
    this.#literalsEnd = PLACE.LITERALS;
    this.#sinks = 0;
  }

  /** Codes of commands mean others from now on. */
  forgetPrefixes(): void {
    // One word each: to clear them took longer than to read a small text.
    const prefixes = PREFIX_WAYS * PREFIX_SLOTS;
    for (let nth = 0; nth < prefixes; nth++) this.set(PLACE.PREFIXES + PREFIX_BYTES * nth, 0);
  }

  /** No line was read so far; there are no CPUs above `maxCpu`. */
  restart(maxCpu: number): void {
    for (const [from, to] of [
      [0, maxCpu + 1],
      [NO_CPU, NO_CPU + 1],
    ]) {
      this.lastOfCpu.fill(Number.NaN, from, to);
      this.isWaiting.fill(0, from, to);
    }
  }

  /** Rows of a block that was not read to its end are no more. */
  dropRows(): void {
    const touched = PLACE.TOUCHED >> 2;
    for (const table of this.i32.subarray(touched, touched + this.get(PLACE.TOUCHED_COUNT))) {
      this.set(PLACE.TABLE_ROWS + 4 * table, 0);
    }
    this.set(PLACE.TOUCHED_COUNT, 0);
    this.set(PLACE.ROWS, 0);
  }

  #clear(at: number, bytes: number): void {
    this.bytes.fill(0, at, at + bytes);
  }

  /** The number at one of the addresses of PLACE. */
  get(place: number): number {
    return this.i32[place >> 2] as number;
  }

  set(place: number, value: number): void {
    this.i32[place >> 2] = value;
  }

  /** A number that tells the texts of a column from those of others. */
  newSink(): number {
    return ++this.#sinks;
  }

  /** A line's bytes from `start` to `end` stand for a task on a CPU, wherever they come again. */
  learnPrefix(
    start: number,
    end: number,
    { cpu, pid, comm }: { cpu: number; pid: number; comm: number },
  ): boolean {
    if (end - start > PREFIX_BYTES - 16) return false;
    const slot = this.loops.prefixSlot(end);
    let way = 0;
    while (way < PREFIX_WAYS && this.i32[(slot + PREFIX_BYTES * way) >> 2] !== 0) way++;
    const at = slot + PREFIX_BYTES * (way < PREFIX_WAYS ? way : pid & (PREFIX_WAYS - 1));
    this.i32.set([end - start, cpu, pid, comm], at >> 2);
    this.bytes.copyWithin(at + 16, start, end);
    return true;
  }

  /**
   * The event whose name stands from `name` to `end` in the block gives rows of a table from now
   * on. Returns where its lines are counted, or 0 where it cannot be learned.
   */
  learnEvent(
    name: number,
    end: number,
    { table, isAligned, skipsBlanks }: { table: number; isAligned: boolean; skipsBlanks: boolean },
  ): number {
    const length = end - name;
    const isShort = length < (isAligned ? 13 : 1);
    if (isShort || length > EVENT_BYTES - 40 || this.#events === MAX_NAMES) return 0;
    const at = PLACE.EVENT_RECORDS + EVENT_BYTES * this.#events++;
    const slot = (PLACE.EVENT_SLOTS >> 2) + this.loops.nameSlot(isAligned ? 0 : name, end);
    this.#clear(at, EVENT_BYTES);
    this.bytes.copyWithin(at + 40, name, end);
    const next = this.i32[slot] as number;
    const tail = Math.max(0, length - 8);
    // Then the count, and whether lines have a period (expectPeriod).
    this.i32.set([next, length, table, Number(skipsBlanks), 0, tail, 0], at >> 2);
    this.bytes.copyWithin(at + 32, at + 40 + tail, at + 48 + tail);
    this.i32[slot] = at;
    return at + 16;
  }

  /** Lines of an event that was learned have a number before its name. */
  expectPeriod(counted: number): void {
    this.set(counted + 8, 1);
  }

  /** The text at `from` has the code in the sink. */
  learnText(from: number, to: number, sink: number, code: number): void {
    const length = to - from;
    if (length > MAX_TEXT || this.loops.findText(from, length, sink) !== 0) return;
    const slot = this.loops.textSlot(from, length, sink);
    let way = 0;
    while (way < TEXT_WAYS && this.i32[(slot + TEXT_BYTES * way) >> 2] !== 0) way++;
    const at = slot + TEXT_BYTES * (way < TEXT_WAYS ? way : code % TEXT_WAYS);
    const tail = Math.max(0, length - 8);
    this.#clear(at + 16, TEXT_BYTES - 16);
    this.i32.set([sink, length, code, tail], at >> 2);
    this.bytes.copyWithin(at + 32, from, to);
    this.bytes.copyWithin(at + 16, at + 32, at + 40);
    this.bytes.copyWithin(at + 24, at + 32 + tail, at + 40 + tail);
  }

  /** Room for what the loops know of payloads; 0 where there is no more. */
  #room(bytes: number): number {
    const at = this.#literalsEnd;
    const end = (at + bytes + 7) & ~7;
    if (end > PLACE.LITERALS + LITERAL_BYTES) return 0;
    this.#literalsEnd = end;
    this.#clear(at, end - at);
    return at;
  }

  /** Numbers for the loops; 0 where there is no room. */
  addNumbers(numbers: readonly number[]): number {
    const at = this.#room(4 * numbers.length);
    if (at !== 0) this.i32.set(numbers, at >> 2);
    return at;
  }

  /** A literal for the loops; 0 where there is no room. */
  addLiteral(literal: Uint8Array): number {
    const { length } = literal;
    const at = this.#room(32 + Math.max(8, length));
    if (at === 0) return 0;
    const tail = Math.max(0, length - 8);
    this.i32.set([length, tail], at >> 2);
    this.bytes.set(literal, at + 32);
    this.bytes.copyWithin(at + 8, at + 32, at + 40);
    this.bytes.copyWithin(at + 16, at + 32 + tail, at + 40 + tail);
    this.bytes.fill(255, at + 24, at + 24 + Math.min(8, length));
    return at;
  }

  /** True when the values of as many sinks fit. */
  hasRoomFor(sinks: number): boolean {
    return sinks <= MAX_SINKS;
  }

  /** Bytes from one sink's values to the next one's. */
  strideOf(count: number): number {
    return (8 * count + 63) & ~63;
  }
}
