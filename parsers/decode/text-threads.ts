/**
 * Reads a text of events with as many threads as there are: each takes a stretch of whole lines,
 * and this one puts them together in order.
 */
import type { DiagnosticCollector } from '../../src/trace/diagnostics.ts';
import { FormatError } from '../../src/trace/errors.ts';
import { type ByteSource, fileSource, readBytes, sliceSource } from '../bytes/source.ts';
import type { Detail, ImportContext } from '../importer.ts';
import { MIN_BYTES_FOR_WORKERS, type WorkerPool } from '../workers/pool.ts';
import type { Seed } from './text-exchange.ts';
import { appendPart, type PartStep, partOf, type TextPart } from './text-part.ts';
import { type Dialect, readStretch, type TextOptions, type TextReading } from './text-reading.ts';
import { reserveTable, type TableRegion, type TableSet } from './text-tables.ts';

/** Read by this thread alone before the others start: what it learns of layouts is theirs, too. */
const LEAD_BYTES = 2 << 20;
/** What this thread reads beyond its share while the others start, which takes them some 80 ms. */
const HEAD_START_BYTES = 24 << 20;
const LF = 0x0a;

/** Threads for this input, or undefined where one is enough. */
export function threadsFor(source: ByteSource, context: ImportContext): WorkerPool | undefined {
  const isLarge = source.file !== undefined && source.size >= MIN_BYTES_FOR_WORKERS;
  return isLarge ? context.workers?.() : undefined;
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

export type TextJob = {
  readonly format: TextFormat['id'];
  readonly file: { readonly fd: number; readonly start: number };
  readonly size: number;
  /** Where in the whole input the stretch begins. */
  readonly base: number;
  readonly pageSize: number | undefined;
  /** What is kept, by canonical name; of all others, everything. */
  readonly details: ReadonlyMap<string, Detail>;
  /** Of each table by its name: what is known of it, and memory for its columns. */
  readonly seeds: ReadonlyMap<string, Seed>;
  readonly regions: ReadonlyMap<string, TableRegion>;
  readonly comms: readonly string[];
};

/** The same with more than one thread. */
export async function readTextInThreads(
  source: ByteSource,
  context: ImportContext,
  { id, reading, dialect }: TextFormat,
  pool: WorkerPool,
  leadBytes = LEAD_BYTES,
): Promise<void> {
  const { size } = source;
  const read = (from: number, to: number) => {
    const part = sliceSource(source, source.name, from, to - from);
    const stretch = { source: part, base: from, before: from, whole: size };
    readStretch(stretch, reading, dialect, { progress: context.progress });
  };
  const lead = lineEndAfter(source, leadBytes);
  read(0, lead);
  const headStart = Math.min(HEAD_START_BYTES, (size - lead) / 8);
  const share = (size - lead - headStart) / (pool.size + 1);
  const cuts = Array.from({ length: pool.size }, (_, nth) =>
    lineEndAfter(source, Math.floor(lead + headStart + (nth + 1) * share)),
  );
  const start = source.file?.start ?? 0;
  const common = { format: id, pageSize: context.pageSize, ...learnedSoFar(reading, context) };
  const regions = reserveTables(reading.set, lead, [
    cuts[0] ?? size,
    ...cuts.map((from, nth) => (cuts[nth + 1] ?? size) - from),
  ]);
  const parts = cuts.map((from, nth) => {
    const file = { fd: source.file?.fd ?? -1, start: start + from };
    const place = { file, base: from, size: (cuts[nth + 1] ?? size) - from };
    const job: TextJob = { ...common, ...place, regions: regions[nth + 1] ?? new Map() };
    // Whatever goes wrong there, this thread reads the stretch itself.
    return pool.run<TextPart | undefined>('text-part', job).catch(() => undefined);
  });
  read(lead, cuts[0] ?? size);
  for (const [nth, from] of cuts.entries()) {
    const part = await parts[nth];
    const own = regions[nth + 1] ?? new Map();
    if (part === undefined || !appendPart(reading, dialect, part, own)) {
      read(from, cuts[nth + 1] ?? size);
    }
    reading.onNotes(reading.notes.splice(0));
  }
  checkEnd(source, reading, context.diagnostics);
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

/** Memory for each thread's rows of each table that is known by now; `sizes` are their bytes. */
function reserveTables(
  { tables }: TableSet,
  lead: number,
  sizes: readonly number[],
): ReadonlyMap<string, TableRegion>[] {
  const regions = sizes.map(() => new Map<string, TableRegion>());
  for (const builder of tables) {
    if (builder.detail !== 'columns') continue;
    const rows = sizes.map((size) => Math.ceil(((builder.rows * size) / lead) * SPARE) + 64);
    for (const [nth, region] of reserveTable(builder, rows).entries()) {
      regions[nth]?.set(builder.name, region);
    }
  }
  return regions;
}

function learnedSoFar(reading: TextReading, { dictionary, keep }: ImportContext) {
  const { set } = reading;
  const builders = [...set.builders.values()];
  const seeds = new Map(builders.map(({ name, payloads }) => [name, payloads.seeds]));
  const names = [...[...dictionary.values()].map(({ name }) => name), ...set.builders.keys()];
  const details = new Map<string, Detail>(names.map((name) => [name, keep?.(name) ?? 'columns']));
  return { seeds, details, comms: set.comms.dictionary };
}

/** More steps than this are a text that is no trace for the most part. */
const MAX_STEPS = 50_000;

/** What a thread does. Throws when the text is better left to one thread. */
export function readTextPart(
  job: TextJob,
  start: (context: Pick<ImportContext, 'keep' | 'pageSize'>) => Omit<TextFormat, 'id'>,
) {
  const { reading, dialect } = start({
    keep: (name) => job.details.get(name) ?? 'columns',
    pageSize: job.pageSize,
  });
  const steps: PartStep[] = [];
  const recorder: Dialect = {
    ...dialect,
    onOther: (bytes, from, to) => {
      const cpu = dialect.cpuOf(bytes, from, to);
      if (cpu < 0) return;
      const last = reading.set.memory.lastOfCpu[cpu] ?? Number.NaN;
      const text = bytes.slice(from, to + 1);
      const { line, firstTs } = reading;
      steps.push({ kind: 'line', line, text, cpu, last, firstTs });
      reading.set.memory.isWaiting[cpu] = 1;
    },
    onFirst: (cpu, ts) => steps.push({ kind: 'resumed', cpu, ts }),
    onResumed: (cpu, ts) => steps.push({ kind: 'resumed', cpu, ts }),
  };
  reading.onNotes = (notes) => {
    for (const { code, count, place } of notes) steps.push({ kind: 'note', code, count, place });
    if (steps.length > MAX_STEPS) throw new Error('too many lines are no events');
  };
  reading.set.seeds = job.seeds;
  reading.set.regions = job.regions;
  for (const comm of job.comms) reading.set.comms.code(comm);
  const file = fileSource('', job.file, job.size);
  // A file may go on behind the stretch.
  const source = sliceSource(file, '', 0, job.size);
  const stretch = { source, base: job.base, before: 0, whole: job.size };
  readStretch(stretch, reading, recorder);
  const { part, transfer } = partOf(reading, steps);
  reading.set.memory.release();
  return { output: part, transfer };
}
