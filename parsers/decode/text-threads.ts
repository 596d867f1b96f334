/**
 * Reads a text of events with as many threads as there are: each takes a stretch of whole lines,
 * and this one puts them together in order.
 */
import type { DiagnosticCollector } from '../../src/trace/diagnostics.ts';
import { FormatError } from '../../src/trace/errors.ts';
import {
  type ByteSource,
  type FilePlace,
  fileSource,
  readBytes,
  sliceSource,
} from '../bytes/source.ts';
import type { Detail, ImportContext } from '../importer.ts';
import { MIN_BYTES_FOR_WORKERS, type WorkerPool } from '../workers/pool.ts';
import { appendPart, type PartStep, partOf, type TextPart } from './text-part.ts';
import {
  type Dialect,
  readStretch,
  restartReading,
  type TextOptions,
  type TextReading,
} from './text-reading.ts';
import { shareTable, splitTable, type TableRegion, type TableSet } from './text-tables.ts';

/** Read by every thread first: what it learns of them is what this one learns. */
const LEAD_BYTES = 2 << 20;
/** What this thread goes on with before it looks again whether the others have read the lead. */
const STEP_BYTES = 2 << 20;
/** Longer than this no thread takes to start, which mostly costs some 20 MB. */
const MOST_HEAD_START_BYTES = 128 << 20;
const LF = 0x0a;

/** Threads for this input, or undefined where one is enough. */
export function threadsFor(source: ByteSource, context: ImportContext): WorkerPool | undefined {
  const isLarge = source.file !== undefined && source.size >= MIN_BYTES_FOR_WORKERS;
  return isLarge ? context.workers?.('text-lead') : undefined;
}

/** Reads all lines. Throws FormatError when none was an event. */
export function readTextEvents(
  source: ByteSource,
  { progress, diagnostics }: ImportContext,
  { reading, dialect }: TextFormat,
  options: TextOptions,
): void {
  const stretch = { source, base: 0, before: 0, whole: source.size };
  readStretch(stretch, reading, dialect, { ...options, progress });
  checkEnd(source, reading, diagnostics);
}

function checkEnd(
  { name, size, damage }: ByteSource,
  { events, line }: TextReading,
  diagnostics: DiagnosticCollector,
): void {
  if (damage !== undefined) {
    const detail = `at byte ${size} (unpacking: ${damage})`;
    diagnostics.add('input_truncated', undefined, { offset: size }, detail);
  }
  if (events === 0) throw new FormatError(`${name} has no trace event in its ${line} lines`);
}

export type TextFormat = {
  readonly id: 'ftrace-text' | 'perf-script';
  readonly reading: TextReading;
  readonly dialect: Dialect;
};

/** What a thread does first. */
export type TextLead = {
  readonly format: TextFormat['id'];
  readonly file: FilePlace;
  readonly size: number;
  readonly pageSize: number | undefined;
  /** What is kept, by canonical name; of all others, everything. */
  readonly details: ReadonlyMap<string, Detail>;
  /** How many threads have done it. */
  readonly ready: Int32Array;
};

export type TextJob = {
  readonly file: FilePlace;
  readonly size: number;
  /** Where in the whole input the stretch begins. */
  readonly base: number;
  /** Of the tables that are known by now, by name. */
  readonly details: ReadonlyMap<string, Detail>;
  /** Memory for the columns of tables. */
  readonly regions: ReadonlyMap<string, TableRegion>;
};

/** The same with more than one thread. */
export async function readTextInThreads(
  source: ByteSource,
  context: ImportContext,
  { id, reading, dialect }: TextFormat,
  pool: WorkerPool,
  leadBytes = LEAD_BYTES,
): Promise<void> {
  const { size, file = { fd: -1, start: 0 } } = source;
  const read = (from: number, to: number, whole = size) => {
    const part = sliceSource(source, source.name, from, to - from);
    const stretch = { source: part, base: from, before: from, whole };
    readStretch(stretch, reading, dialect, { progress: context.progress });
  };
  const lead = lineEndAfter(source, leadBytes);
  const ready = startThreads(pool, { format: id, file, size: lead }, context);
  read(0, lead, lead);
  shareTables(reading.set, size / lead);
  let at = lead;
  const headStart = Math.min(MOST_HEAD_START_BYTES, size / 2);
  while (at < headStart && Atomics.load(ready, 0) < pool.size) {
    const next = lineEndAfter(source, at + Math.min(STEP_BYTES, leadBytes));
    read(at, next);
    at = next;
  }
  // From here on, all are equally fast.
  const share = (size - at) / (pool.size + 1);
  const cuts = Array.from({ length: pool.size }, (_, nth) =>
    lineEndAfter(source, Math.floor(at + (nth + 1) * share)),
  );
  const ends = [...cuts.slice(1), size];
  const regions = splitTables(reading.set, [
    cuts[0] ?? size,
    ...cuts.map((from, nth) => (ends[nth] ?? size) - from),
  ]);
  const details = detailsOf(reading.set.builders.keys(), context);
  const parts = cuts.map((from, nth) => {
    const place = { file: { ...file, start: file.start + from }, base: from };
    const own = regions[nth + 1] ?? new Map();
    const job: TextJob = { ...place, size: (ends[nth] ?? size) - from, details, regions: own };
    // Whatever goes wrong there, this thread reads the stretch itself.
    return pool.run<TextPart | undefined>('text-part', job).catch(() => undefined);
  });
  read(at, cuts[0] ?? size);
  for (const [nth, from] of cuts.entries()) {
    const part = await parts[nth];
    const own = regions[nth + 1] ?? new Map();
    if (part === undefined || !appendPart(reading, dialect, part, own)) {
      read(from, ends[nth] ?? size);
    }
    reading.onNotes(reading.notes.splice(0));
  }
  checkEnd(source, reading, context.diagnostics);
}

/** All threads read the lead; returns where they say that they have. */
function startThreads(
  pool: WorkerPool,
  lead: Pick<TextLead, 'format' | 'file' | 'size'>,
  context: ImportContext,
): Int32Array {
  const ready = new Int32Array(new SharedArrayBuffer(4));
  const { dictionary, pageSize } = context;
  const details = detailsOf(
    [...dictionary.values()].map(({ name }) => name),
    context,
  );
  const job: TextLead = { ...lead, pageSize, details, ready };
  for (let thread = 0; thread < pool.size; thread++) {
    pool.run('text-lead', job).catch(() => Atomics.add(ready, 0, 1));
  }
  return ready;
}

function detailsOf(names: Iterable<string>, { keep }: ImportContext): Map<string, Detail> {
  return new Map(Array.from(names, (name) => [name, keep?.(name) ?? 'columns']));
}

/** The end of the first line that ends behind `offset`; that of the input when there is none. */
function lineEndAfter(source: ByteSource, offset: number): number {
  for (let at = offset; at < source.size; ) {
    const bytes = readBytes(source, at, 64 << 10);
    const newline = bytes.indexOf(LF);
    if (newline >= 0) return at + newline + 1;
    if (bytes.length === 0) break;
    at += bytes.length;
  }
  return source.size;
}

/**
 * Rows are reserved as if the rest had so many times those of the part that was read: where it has
 * more, columns are copied; where it has fewer, rows move by the difference.
 */
const SPARE = 1.15;
const MIN_SPARE_ROWS = 256;

/** Memory that threads share for all rows of each table; the input has `times` those read so far. */
function shareTables({ tables }: TableSet, times: number): void {
  for (const builder of tables) {
    if (builder.detail !== 'columns') continue;
    shareTable(builder, Math.ceil(builder.rows * times * SPARE) + MIN_SPARE_ROWS);
  }
}

/** Parts of it for what each thread has still to read, of so many bytes. */
function splitTables(
  { tables }: TableSet,
  sizes: readonly number[],
): ReadonlyMap<string, TableRegion>[] {
  const regions = sizes.map(() => new Map<string, TableRegion>());
  const all = sizes.reduce((sum, size) => sum + size, 0);
  for (const builder of tables) {
    // One that has outgrown its memory is put together by copies.
    if (!builder.isReserved) continue;
    const { rows: used, ts } = builder;
    const rows = sizes.map((size, nth) => {
      return (nth === 0 ? used : 0) + Math.floor(((ts.length - used) * size) / all);
    });
    for (const [nth, region] of splitTable(builder, rows).entries()) {
      regions[nth]?.set(builder.name, region);
    }
  }
  return regions;
}

/** More steps than this are a text that is no trace for the most part. */
const MAX_STEPS = 50_000;

/** What has read the lead, and can go on anywhere. */
type Started = Omit<TextFormat, 'id'>;

/** What a thread does first: it learns what lines look like. */
export function readTextLead(
  { file, size, pageSize, details, ready }: TextLead,
  start: (context: Pick<ImportContext, 'keep' | 'pageSize'>) => Started,
): Started {
  const started = start({ keep: (name) => details.get(name) ?? 'columns', pageSize });
  const { reading, dialect } = started;
  reading.onNotes = () => {};
  const silent = { ...dialect, onOther: () => {}, onFirst: () => {}, onResumed: () => {} };
  const stretch = { source: stretchOf(file, size), base: 0, before: 0, whole: size };
  readStretch(stretch, reading, silent);
  Atomics.add(ready, 0, 1);
  return started;
}

/** What a thread does then. Throws when the text is better left to one thread. */
export function readTextPart(
  { file, size, base, regions, details }: TextJob,
  { reading, dialect }: Started,
) {
  restartReading(reading, regions, details);
  const { memory } = reading.set;
  const steps: PartStep[] = [];
  const recorder: Dialect = {
    ...dialect,
    onOther: (bytes, from, to) => {
      const cpu = dialect.cpuOf(bytes, from, to);
      if (cpu < 0) return;
      const last = memory.lastOfCpu[cpu] ?? Number.NaN;
      const text = bytes.slice(from, to + 1);
      const { line, firstTs } = reading;
      steps.push({ kind: 'line', line, text, cpu, last, firstTs });
      memory.isWaiting[cpu] = 1;
    },
    onFirst: (cpu, ts) => steps.push({ kind: 'resumed', cpu, ts }),
    onResumed: (cpu, ts) => steps.push({ kind: 'resumed', cpu, ts }),
  };
  reading.onNotes = (notes) => {
    for (const { code, count, place } of notes) steps.push({ kind: 'note', code, count, place });
    if (steps.length > MAX_STEPS) throw new Error('too many lines are no events');
  };
  readStretch({ source: stretchOf(file, size), base, before: 0, whole: size }, reading, recorder);
  const { part, transfer } = partOf(reading, steps);
  memory.release();
  return { output: part, transfer };
}

/** A file may go on behind the stretch. */
function stretchOf(file: FilePlace, size: number): ByteSource {
  return sliceSource(fileSource('', file, size), '', 0, size);
}
