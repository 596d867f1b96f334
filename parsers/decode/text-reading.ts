/**
 * Reads a text of events, whatever its lines look like, block by block: first the heads of the
 * lines, which say what row of which table each is, then the payloads, table by table.
 */
import type { DiagnosticCode, DiagnosticPlace } from '../../src/trace/diagnostics.ts';
import { lineEnd, MAX_LINE_BYTES, readLineBlocks } from '../bytes/lines.ts';
import type { ByteSource } from '../bytes/source.ts';
import type { ImportContext } from '../importer.ts';
import { NO_CPU } from './perf-event-name.ts';
import type { TimeSpan } from './restore-order.ts';
import {
  type LineHead,
  learnHead,
  makeQuickHeads,
  type QuickHeads,
  quickHead,
} from './text-head.ts';
import {
  addRow,
  type BatchSpace,
  type EventName,
  makeTableSet,
  readBlock,
  type TableSet,
} from './text-tables.ts';

/** What differs between texts of events. */
export type Dialect = {
  /** Fills the head and finds the event when the line is one: the plain version of the next. */
  readonly readEvent: ReadEvent;
  /** The same when all up to the time's colon is known; undefined when in doubt. */
  readonly guessEvent: ReadEvent;
  /** The dictionary code of the head's command. */
  readonly commOf: (set: TableSet, bytes: Uint8Array) => number;
  /** The CPU that a line which is no event tells of; -1 when the line says nothing. */
  readonly cpuOf: (bytes: Uint8Array, start: number, end: number) => number;
  /** A line that is no event. */
  readonly onOther: (bytes: Uint8Array, start: number, end: number) => void;
  /** The first event of a CPU. */
  readonly onFirst?: (cpu: number, ts: number) => void;
  /** The first event of a CPU that is in `waiting`. */
  readonly onResumed: (cpu: number, ts: number) => void;
};

export type ReadEvent = (
  set: TableSet,
  bytes: Uint8Array,
  start: number,
  end: number,
) => EventName | undefined;

export type Note = {
  readonly code: DiagnosticCode;
  readonly count: number | undefined;
  readonly place: DiagnosticPlace & { readonly line: number };
};

/** What is known after the lines read so far. */
export type TextReading = {
  readonly set: TableSet;
  readonly head: LineHead;
  readonly heads: QuickHeads;
  line: number;
  events: number;
  /** Absolute time of the first event: seconds and nanoseconds in the second. */
  originSeconds: number;
  originFraction: number;
  firstTs: number;
  lastTs: number;
  maxDigits: number;
  maxCpu: number;
  /** Events that are earlier than the one before them: that of their CPU, and that of the text. */
  backwards: number;
  disordered: number;
  previousTs: number;
  /** Times in which events are not in order. */
  readonly disorder: TimeSpan[];
  /** Time of the last event of each CPU; NaN before the first. */
  readonly lastOfCpu: Float64Array;
  /** CPUs whose next event ends a gap. */
  readonly waiting: Set<number>;
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
    heads: makeQuickHeads(),
    line: 0,
    events: 0,
    originSeconds: 0,
    originFraction: 0,
    firstTs: 0,
    lastTs: 0,
    maxDigits: 6,
    maxCpu: 0,
    backwards: 0,
    disordered: 0,
    previousTs: 0,
    disorder: [],
    lastOfCpu: new Float64Array(NO_CPU + 1).fill(Number.NaN),
    waiting: new Set(),
    notes: [],
    onNotes: (notes) => addNotes(notes, context),
  };
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

/** Hands every line to the dialect; lines too long become diagnostics. */
export function readStretch(
  { source, base, before, whole }: Stretch,
  reading: TextReading,
  dialect: Dialect,
  options: TextOptions & { readonly progress?: (share: number) => void } = {},
): void {
  const { set } = reading;
  const space: BatchSpace = { places: new Uint32Array(0), at: new Int32Array(0) };
  const { plain = false, chunkBytes } = options;
  const onBlock = (bytes: Uint8Array, start: number, end: number, offset: number) => {
    const firstLine = reading.line;
    const block = { bytes, start, end, offset: base + offset };
    scanBlock(reading, dialect, block, plain);
    const unreadable = readBlock(set, bytes, space, plain);
    if (unreadable.length > 0) noteUnreadable(reading, dialect, block, firstLine, unreadable);
    reading.onNotes(reading.notes.splice(0));
  };
  readLineBlocks(source, onBlock, {
    chunkBytes,
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

/** The hot loop of lines: every event gets its row; its payload is read later. */
function scanBlock(
  reading: TextReading,
  dialect: Dialect,
  { bytes, start, end, offset }: Block,
  plain: boolean,
): void {
  // Measured: the native search does 9 GB/s, a loop over the bytes 1 GB/s.
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let line = start; line < end; ) {
    const newline = buffer.indexOf(LF, line);
    const stop = lineEnd(bytes, line, newline);
    reading.line++;
    if (newline - line <= MAX_LINE_BYTES) readLine(reading, dialect, bytes, line, stop, plain);
    else note(reading, 'line_unreadable', 1, { offset: offset + line });
    line = newline + 1;
  }
}

function readLine(
  reading: TextReading,
  dialect: Dialect,
  bytes: Uint8Array,
  start: number,
  end: number,
  plain: boolean,
): void {
  const { set, head, heads } = reading;
  let comm = plain ? -1 : quickHead(heads, bytes, start, end, head);
  let event = comm < 0 ? undefined : dialect.guessEvent(set, bytes, start, end);
  if (event === undefined) {
    event = dialect.readEvent(set, bytes, start, end);
    if (event === undefined) {
      dialect.onOther(bytes, start, end);
      return;
    }
    comm = dialect.commOf(set, bytes);
    learnHead(heads, bytes, start, head, comm);
  }
  addEventRow(reading, dialect, event, end, comm);
}

function addEventRow(
  reading: TextReading,
  dialect: Dialect,
  event: EventName,
  stop: number,
  comm: number,
): void {
  const { head, set } = reading;
  const { builder } = event;
  const ts = timeOf(reading, dialect, head);
  if (set.last !== undefined) set.last.next = event;
  set.last = event;
  const row = addRow(set, builder, head.payload, stop);
  builder.ts[row] = ts;
  builder.cpu[row] = head.cpu;
  builder.pid[row] = head.pid;
  builder.comm[row] = comm;
  builder.seq[row] = reading.events++;
  event.count++;
}

/** Nanoseconds since the text's first event; also notes what follows from time and CPU. */
function timeOf(reading: TextReading, dialect: Dialect, head: LineHead): number {
  const { cpu } = head;
  if (reading.events === 0) {
    reading.originSeconds = head.seconds;
    reading.originFraction = head.fraction;
  }
  const ts =
    (head.seconds - reading.originSeconds) * 1e9 + (head.fraction - reading.originFraction);
  if (ts > reading.lastTs) reading.lastTs = ts;
  else if (ts < reading.lastTs) {
    if (ts < reading.previousTs) reading.disordered++;
    addDisorder(reading, ts, reading.lastTs);
  }
  reading.previousTs = ts;
  if (head.digits > reading.maxDigits) reading.maxDigits = head.digits;
  if (cpu > reading.maxCpu && cpu !== NO_CPU) reading.maxCpu = cpu;
  const last = reading.lastOfCpu[cpu] as number;
  if (ts < last) reading.backwards++;
  else if (Number.isNaN(last)) dialect.onFirst?.(cpu, ts);
  reading.lastOfCpu[cpu] = ts;
  if (reading.waiting.size > 0 && reading.waiting.delete(cpu)) dialect.onResumed(cpu, ts);
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

/** What tables say of themselves: columns that they lack, a page size that was assumed. */
export function noteTables({ set }: TextReading, context: ImportContext): void {
  const { diagnostics } = context;
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
