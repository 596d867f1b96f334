/**
 * Reads a text of events, whatever its lines look like, block by block: first the heads of the
 * lines, which say what row of which table each is, then the payloads, table by table. The loops of
 * text-loops.ts take the lines that begin as others before them; here is what is done for the rest.
 */
import type { DiagnosticCode, DiagnosticPlace } from '../../src/trace/diagnostics.ts';
import { lineEnd, MAX_LINE_BYTES, readLineBlocks } from '../bytes/lines.ts';
import type { ByteSource } from '../bytes/source.ts';
import type { ImportContext } from '../importer.ts';
import { NO_CPU } from './perf-event-name.ts';
import type { TimeSpan } from './restore-order.ts';
import { type LineHead, learnHead } from './text-head.ts';
import { BLOCK_BYTES, MAX_ROWS, PLACE } from './text-places.ts';
import { addRow, type EventName, makeTableSet, readBlock, type TableSet } from './text-tables.ts';

/** What differs between texts of events. */
export type Dialect = {
  /** Fills the head and finds the event when the line is one; the loops learn both. */
  readonly readEvent: (
    set: TableSet,
    bytes: Uint8Array,
    start: number,
    end: number,
  ) => EventName | undefined;
  /** The dictionary code of the head's command. */
  readonly commOf: (set: TableSet, bytes: Uint8Array) => number;
  /** The CPU that a line which is no event tells of; -1 when the line says nothing. */
  readonly cpuOf: (bytes: Uint8Array, start: number, end: number) => number;
  /** A line of a call chain, which belongs to the event before. */
  readonly isCaller: (bytes: Uint8Array, start: number, end: number) => boolean;
  /** A line that is neither. */
  readonly onOther: (bytes: Uint8Array, start: number, end: number) => void;
  /** The first event of a CPU. */
  readonly onFirst?: (cpu: number, ts: number) => void;
  /** The first event of a CPU that `isWaiting` of the memory names. */
  readonly onResumed: (cpu: number, ts: number) => void;
};

export type Note = {
  readonly code: DiagnosticCode;
  readonly count: number | undefined;
  readonly place: DiagnosticPlace & { readonly line: number };
};

/** What is known after the lines read so far. */
export type TextReading = {
  readonly set: TableSet;
  readonly head: LineHead;
  line: number;
  events: number;
  /** Absolute time of the text's first event: seconds, NaN before it, and nanoseconds. */
  originSeconds: number;
  originFraction: number;
  /** Of the first event that was read, and the earliest of it and those out of order. */
  startTs: number;
  firstTs: number;
  lastTs: number;
  maxDigits: number;
  maxCpu: number;
  /** Lines of call chains. */
  callers: number;
  /** Events that are earlier than the one before them: that of their CPU, and that of the text. */
  backwards: number;
  disordered: number;
  previousTs: number;
  /** Times in which events are not in order. */
  disorder: TimeSpan[];
  /** Of the current block: diagnostics come in the order of lines. */
  readonly notes: Note[];
  onNotes: (notes: Note[]) => void;
};

export type TextOptions = {
  /** For tests: the tables do not depend on it. */
  readonly chunkBytes?: number;
  /** For tests: every line by itself, with the plain versions of all parsers. */
  readonly plain?: boolean;
};

export type TextContext = Pick<ImportContext, 'dictionary' | 'keep' | 'pageSize'> &
  Partial<Pick<ImportContext, 'diagnostics'>>;

/** Without diagnostics, `onNotes` must be set. */
export function startReading(context: TextContext, head: LineHead): TextReading {
  return {
    set: makeTableSet(context),
    head,
    ...nothingRead(),
    originSeconds: Number.NaN,
    originFraction: 0,
    firstTs: 0,
    maxCpu: 0,
    notes: [],
    onNotes: (notes) => addNotes(notes, context),
  };
}

function nothingRead() {
  return {
    line: 0,
    events: 0,
    startTs: Number.POSITIVE_INFINITY,
    firstTs: Number.POSITIVE_INFINITY,
    lastTs: Number.NEGATIVE_INFINITY,
    maxDigits: 6,
    callers: 0,
    backwards: 0,
    disordered: 0,
    previousTs: Number.NEGATIVE_INFINITY,
    disorder: [],
  };
}

/** Begins again behind lines that others read; lines of events are counted on. */
export function restartReading(reading: TextReading): void {
  const { set, maxCpu } = reading;
  Object.assign(reading, nothingRead());
  set.memory.restart(maxCpu);
}

/** A diagnostic of the line that is being read. */
export function note(
  reading: TextReading,
  code: DiagnosticCode,
  count: number | undefined,
  place: DiagnosticPlace = {},
): void {
  reading.notes.push({ code, count, place: { line: reading.line, ...place } });
}

/** A stretch of lines that is read in one go. */
export type Stretch = {
  readonly source: ByteSource;
  /** Where in the whole input it begins. */
  readonly base: number;
  /** Bytes read into the same tables before, and all that will be. */
  readonly before: number;
  readonly whole: number;
};

/** Who says where rows go when several threads read; told before and after they are read. */
export type RowsPlace = {
  /** `isLast` when the stretch has no further lines. */
  readonly before: (isLast: boolean) => void;
  readonly after: () => void;
};

/** Hands every line to the dialect; lines too long become diagnostics. */
export function readStretch(
  { source, base, before, whole }: Stretch,
  reading: TextReading,
  dialect: Dialect,
  options: TextOptions & {
    readonly progress?: (share: number) => void;
    readonly rows?: RowsPlace;
  } = {},
): void {
  const { set } = reading;
  const { bytes } = set.memory;
  const { plain = false, chunkBytes, rows } = options;
  const onBlock = (_: Uint8Array, start: number, length: number, offset: number) => {
    const end = PLACE.BLOCK + length;
    // What is not read because there are too many rows is a block of its own.
    for (let at = PLACE.BLOCK + start; at < end; ) {
      const firstLine = reading.line;
      const block = { bytes, start: at, end, offset: base + offset - PLACE.BLOCK };
      at = scanBlock(reading, dialect, block, plain);
      rows?.before(at >= end && offset + end - PLACE.BLOCK >= source.size);
      const unreadable = readBlock(set, plain);
      rows?.after();
      if (unreadable.length > 0) noteUnreadable(reading, dialect, block, firstLine, unreadable);
      reading.onNotes(reading.notes.splice(0));
    }
  };
  readLineBlocks(source, onBlock, {
    chunkBytes,
    buffer: bytes.subarray(PLACE.BLOCK, PLACE.BLOCK + BLOCK_BYTES),
    progress: (share) => {
      set.share = whole === 0 ? 1 : (before + share * source.size) / whole;
      options.progress?.(set.share);
    },
    onLongLine: (offset) => {
      reading.line++;
      note(reading, 'line_unreadable', 1, { offset: base + offset });
    },
  });
  reading.onNotes(reading.notes.splice(0));
}

type Block = {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** Where in the source `bytes` begins. */
  readonly offset: number;
};

const LF = 0x0a;

/** Every event gets its row; its payload is read later. Returns how far there was room for rows. */
function scanBlock(
  reading: TextReading,
  dialect: Dialect,
  { bytes, start, end, offset }: Block,
  plain: boolean,
): number {
  const { memory } = reading.set;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let line = start;
  while (line < end && memory.get(PLACE.ROWS) < MAX_ROWS) {
    line = skipCallers(reading, dialect, buffer, line, end);
    if (line >= end) break;
    if (!plain) {
      const known = scanKnownLines(reading, dialect, line, end);
      if (known !== line) {
        line = known;
        continue;
      }
    }
    const newline = buffer.indexOf(LF, line);
    const stop = lineEnd(bytes, line, newline);
    reading.line++;
    if (newline - line <= MAX_LINE_BYTES) readLine(reading, dialect, bytes, line, stop);
    else note(reading, 'line_unreadable', 1, { offset: offset + line });
    line = newline + 1;
  }
  return line;
}

const TAB = 0x09;
const SPACE = 0x20;
const EQUALS = 0x3d;

/** Call chains are long: what can be nothing else is told by its first bytes. */
function skipCallers(
  reading: TextReading,
  dialect: Dialect,
  buffer: Buffer,
  from: number,
  end: number,
): number {
  let line = from;
  while (line < end) {
    const isIndented =
      buffer[line] === TAB || (buffer[line] === SPACE && buffer[line + 1] === EQUALS);
    if (!isIndented) break;
    const newline = buffer.indexOf(LF, line);
    if (!dialect.isCaller(buffer, line, lineEnd(buffer, line, newline))) break;
    reading.line++;
    reading.callers++;
    line = newline + 1;
  }
  return line;
}

/** The same for lines that are as lines before them were; returns where the first other begins. */
function scanKnownLines(reading: TextReading, dialect: Dialect, line: number, end: number): number {
  const { memory } = reading.set;
  const isFirst = reading.events === 0;
  memory.set(PLACE.LINES, reading.line);
  memory.set(PLACE.EVENTS, reading.events);
  memory.f64[PLACE.LAST_TS >> 3] = reading.lastTs;
  memory.f64[PLACE.PREVIOUS_TS >> 3] = reading.previousTs;
  memory.f64[PLACE.ORIGIN_SECONDS >> 3] = reading.originSeconds;
  memory.f64[PLACE.ORIGIN_FRACTION >> 3] = reading.originFraction;
  const at = memory.loops.scanLines(line, end);
  if (at === line) return line;
  reading.line = memory.get(PLACE.LINES);
  reading.events = memory.get(PLACE.EVENTS);
  reading.lastTs = memory.f64[PLACE.LAST_TS >> 3] as number;
  reading.previousTs = memory.f64[PLACE.PREVIOUS_TS >> 3] as number;
  reading.head.usual = memory.usual;
  if (isFirst) {
    reading.startTs = memory.rows.ts[0] as number;
    reading.firstTs = reading.startTs;
  }
  const firsts = memory.get(PLACE.FIRST_COUNT);
  for (let nth = 0; nth < firsts; nth++) {
    const cpu = memory.i32[(PLACE.FIRST_CPU >> 2) + nth] as number;
    dialect.onFirst?.(cpu, memory.f64[(PLACE.FIRST_TS >> 3) + nth] as number);
  }
  return at;
}

function readLine(
  reading: TextReading,
  dialect: Dialect,
  bytes: Uint8Array,
  start: number,
  end: number,
): void {
  const { set, head } = reading;
  const event = dialect.readEvent(set, bytes, start, end);
  if (event === undefined) {
    if (dialect.isCaller(bytes, start, end)) reading.callers++;
    else dialect.onOther(bytes, start, end);
    return;
  }
  const comm = dialect.commOf(set, bytes);
  learnHead(set.memory, bytes, start, head, comm);
  const ts = timeOf(reading, dialect, head);
  addRow(set, event, { ts, stop: end, comm, head, seq: reading.events++ });
}

/** Nanoseconds since the text's first event; also notes what follows from time and CPU. */
function timeOf(reading: TextReading, dialect: Dialect, head: LineHead): number {
  const { cpu } = head;
  if (Number.isNaN(reading.originSeconds)) {
    reading.originSeconds = head.seconds;
    reading.originFraction = head.fraction;
  }
  const ts =
    (head.seconds - reading.originSeconds) * 1e9 + (head.fraction - reading.originFraction);
  if (reading.events === 0) {
    reading.startTs = ts;
    reading.firstTs = ts;
    reading.lastTs = ts;
  } else if (ts > reading.lastTs) reading.lastTs = ts;
  else if (ts < reading.lastTs) {
    if (ts < reading.previousTs) reading.disordered++;
    addDisorder(reading, ts, reading.lastTs);
  }
  reading.previousTs = ts;
  if (head.digits > reading.maxDigits) reading.maxDigits = head.digits;
  if (cpu > reading.maxCpu && cpu !== NO_CPU) reading.maxCpu = cpu;
  const { lastOfCpu, isWaiting } = reading.set.memory;
  const last = lastOfCpu[cpu] as number;
  if (ts < last) reading.backwards++;
  else if (Number.isNaN(last)) dialect.onFirst?.(cpu, ts);
  lastOfCpu[cpu] = ts;
  if (isWaiting[cpu] === 1) {
    isWaiting[cpu] = 0;
    dialect.onResumed(cpu, ts);
  }
  return ts;
}

/** An event stands behind a later one: all that lies between their times must be sorted. */
export function addDisorder(reading: TextReading, from: number, to: number): void {
  if (from < reading.firstTs) reading.firstTs = from;
  const last = reading.disorder.at(-1);
  if (last !== undefined && from <= last[1] && to >= last[0]) {
    reading.disorder[reading.disorder.length - 1] = [
      Math.min(from, last[0]),
      Math.max(to, last[1]),
    ];
  } else reading.disorder.push([from, to]);
}

/** Lines whose payload was not understood are looked for again: there are few of them. */
function noteUnreadable(
  reading: TextReading,
  dialect: Dialect,
  { bytes, start }: Block,
  firstLine: number,
  payloads: readonly number[],
): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { usual } = reading.head;
  let line = firstLine;
  let next = start;
  for (const payload of payloads) {
    let from = next;
    while (next <= payload) {
      from = next;
      next = buffer.indexOf(LF, from) + 1;
      line++;
    }
    const stop = lineEnd(bytes, from, next - 1);
    const event = dialect.readEvent(reading.set, bytes, from, stop);
    if (event === undefined) continue;
    event.count--;
    note(reading, 'payload_unreadable', 1, { line, subject: event.name });
  }
  reading.head.usual = usual;
}

/** Diagnostics of lines, in the order of lines. */
function addNotes(notes: Note[], { diagnostics }: TextContext): void {
  notes.sort((left, right) => left.place.line - right.place.line);
  for (const { code, count, place } of notes) diagnostics?.add(code, count, place);
}

/**
 * Spans of time to sort; a diagnostic says so. Where the clock of a CPU went back there is no order
 * of times to restore, so all stays as it stands in the text.
 */
export function disorderOf(reading: TextReading, { diagnostics }: ImportContext): TimeSpan[] {
  const { backwards, disordered, disorder } = reading;
  if (backwards > 0) diagnostics.add('time_went_backwards', backwards);
  else if (disordered > 0) diagnostics.add('lines_out_of_order', disordered);
  return backwards > 0 ? [] : disorder;
}

/** What tables say of themselves: what they lack, a page size that was assumed. */
export function noteTables({ set, callers }: TextReading, context: ImportContext): void {
  const { diagnostics } = context;
  if (callers > 0) diagnostics.add('callers_left_out', callers);
  for (const { name, payloads } of set.builders.values()) {
    if (payloads.usesPageSize && context.pageSize === undefined) {
      diagnostics.add('page_size_assumed', 1, { subject: name });
    }
    if (payloads.missing.length > 0) {
      const subject = `${name}: ${payloads.missing.join(', ')}`;
      diagnostics.add('event_fields_missing', payloads.missing.length, { subject });
    }
  }
}
