/**
 * Reads a text of events with as many threads as there are. All read the first stretch, which
 * teaches them what lines look like, then share the rest out in chunks (text-chunks.ts). A chunk
 * with something new is again read by all; then they go on.
 */
import type { DiagnosticCollector } from '../../src/trace/diagnostics.ts';
import { FormatError, UsageError } from '../../src/trace/errors.ts';
import {
  type ByteSource,
  type FilePlace,
  fileSource,
  HEAD_BYTES,
  readBytes,
  sliceSource,
} from '../bytes/source.ts';
import type { Detail, ImportContext } from '../importer.ts';
import { whyNoEvents } from '../no-events.ts';
import type { WorkerPool } from '../workers/pool.ts';
import {
  boundsOf,
  type ChunkPlan,
  lineEndAfter,
  readChunks,
  type TextPart,
} from './text-chunks.ts';
import { appendChunks, dropChunks, restoreState, stateOf, useComms } from './text-part.ts';
import { READ_BYTES } from './text-places.ts';
import { type Dialect, readStretch, type TextOptions, type TextReading } from './text-reading.ts';
import {
  joinTable,
  leaveTable,
  linesOf,
  regionOf,
  shareTable,
  type TableRegion,
  type TableSet,
} from './text-tables.ts';
import { chunksRead, enter, failTurns, hasEntered, makeTurns } from './text-turns.ts';

/** Sizes for tests: tables do not depend on them. */
export type ThreadSizes = {
  /** Read by every thread first: what it learns of it is what this one learns. */
  readonly leadBytes: number;
  /** A block with the line that goes on behind it. */
  readonly chunkBytes: number;
};

const SIZES: ThreadSizes = { leadBytes: 2 << 20, chunkBytes: READ_BYTES - (16 << 10) };
/**
 * To stop and go on takes as long as this many chunks: where there is something new more often, the
 * next stretch that is read by all is longer.
 */
const FEW_CHUNKS = 8;
const MOST_ALONE = 64;

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
  source: ByteSource,
  { events, line, set }: TextReading,
  diagnostics: DiagnosticCollector,
): void {
  const { name, size, damage } = source;
  if (damage !== undefined) {
    const detail = `at byte ${size} (unpacking: ${damage})`;
    diagnostics.add('input_truncated', undefined, { offset: size }, detail);
  }
  if (readEvents(set) > 0) return;
  const what =
    events === 0
      ? `no trace event in its ${line} lines`
      : `${events} trace events in its ${line} lines, and none can be understood`;
  const why = whyNoEvents(readBytes(source, 0, HEAD_BYTES));
  throw new FormatError(`${name} has ${what}${why === undefined ? '' : `: ${why}`}`);
}

/** Lines of events that were understood. */
function readEvents(set: TableSet): number {
  let read = 0;
  for (const event of set.byName.values()) read += linesOf(set, event);
  return read;
}

export type TextFormat = {
  readonly id: 'ftrace-text' | 'perf-script';
  readonly reading: TextReading;
  readonly dialect: Dialect;
};

/** Lines that every thread reads, to learn from them. */
type Taught = { readonly from: number; readonly to: number };

/** What a thread does first. */
export type TextLead = {
  readonly format: TextFormat['id'];
  readonly file: FilePlace;
  readonly size: number;
  readonly lead: Taught;
  readonly pageSize: number | undefined;
  /** What is kept, by canonical name; of all others, everything. */
  readonly details: ReadonlyMap<string, Detail>;
};

export type TextJob = {
  /** Which of the threads it is. */
  readonly thread: number;
  /** All so far, in order. */
  readonly taught: readonly Taught[];
  readonly plan: ChunkPlan;
  /** Of the tables that are known by now, by name. */
  readonly details: ReadonlyMap<string, Detail>;
  /** Memory for the columns of tables. */
  readonly regions: ReadonlyMap<string, TableRegion>;
  readonly comms: readonly string[];
  /** For tests: no more chunks than this. */
  readonly most?: number;
};

/** The same with more than one thread. */
export async function readTextInThreads(
  source: ByteSource,
  context: ImportContext,
  { id, reading, dialect }: TextFormat,
  pool: WorkerPool,
  { leadBytes, chunkBytes }: ThreadSizes = SIZES,
): Promise<void> {
  const { size } = source;
  const read = ({ from, to }: Taught, whole = size) => {
    const part = sliceSource(source, source.name, from, to - from);
    const stretch = { source: part, base: from, before: from, whole };
    readStretch(stretch, reading, dialect, { progress: context.progress });
  };
  const taught = [{ from: 0, to: lineEndAfter(source, leadBytes) }];
  const lead = taught[0] as Taught;
  startThreads(source, pool, { format: id, lead }, context);
  read(lead, lead.to);
  let at = lead.to;
  let alone = 1;
  while (at < size && reading.events > 0) {
    const next = await readShared(source, { from: at, to: size, chunkBytes }, taught, {
      ...{ reading, dialect, pool, context },
    });
    if (next === undefined) break;
    const { from } = next;
    const isOften = from - at < FEW_CHUNKS * chunkBytes;
    alone = isOften ? Math.min(2 * alone, MOST_ALONE) : 1;
    at = Math.max(next.to, lineEndAfter(source, from + (alone - 1) * chunkBytes));
    if (from === at) continue;
    read({ from, to: at });
    taught.push({ from, to: at });
  }
  read({ from: at, to: size });
  checkEnd(source, reading, context.diagnostics);
}

type Sharing = {
  readonly reading: TextReading;
  readonly dialect: Dialect;
  readonly pool: WorkerPool;
  readonly context: ImportContext;
};

/**
 * Reads a stretch with all threads. Returns the chunk that must be read by itself, before the next
 * can be shared out, or an empty one at the end; undefined, with nothing read, if a thread failed.
 */
async function readShared(
  source: ByteSource,
  stretch: Pick<ChunkPlan, 'from' | 'to' | 'chunkBytes'>,
  taught: readonly Taught[],
  { reading, dialect, pool, context }: Sharing,
): Promise<Taught | undefined> {
  const { set } = reading;
  const { from, to, chunkBytes } = stretch;
  shareTables(set, to / from);
  const before = stateOf(reading);
  const chunks = Math.ceil((to - from) / chunkBytes);
  const turns = makeTurns(chunks, pool.size, before.rows, reading.events);
  const plan = { ...stretch, turns };
  const job = {
    ...{ taught: [...taught], plan, comms: before.comms },
    details: detailsOf(set.builders.keys(), context),
    regions: new Map(
      set.tables.filter(({ isShared }) => isShared).map((own) => [own.name, regionOf(own)]),
    ),
  };
  const others = Array.from({ length: pool.size }, (_, thread) =>
    // Whatever goes wrong there, this thread reads the stretch itself.
    pool.run<TextPart | undefined>('text-part', { ...job, thread }).catch(() => undefined),
  );
  const own = ownChunks(source, reading, dialect, plan, context);
  const begun = others.filter((_, thread) => hasEntered(turns, thread));
  const parts = [own, ...(await Promise.all(begun))];
  restoreState(reading, before);
  const count = chunksRead(turns);
  const all = parts.flatMap((part) => part ?? []);
  const isRead =
    all.length === parts.length &&
    appendChunks(reading, dialect, all, { count, before: before.comms });
  if (!isRead) {
    dropChunks(reading, before);
    return undefined;
  }
  if (count === chunks) return { from: to, to };
  const [next, end] = boundsOf(source, plan, count);
  return { from: next, to: end };
}

/** Undefined where another thread has failed. */
function ownChunks(
  source: ByteSource,
  reading: TextReading,
  dialect: Dialect,
  plan: ChunkPlan,
  { progress }: ImportContext,
): TextPart | undefined {
  try {
    return readChunks(source, reading, dialect, plan, { progress });
  } catch (error) {
    if (error instanceof UsageError) throw error;
    return undefined;
  }
}

/** All threads read the lead. */
function startThreads(
  { size, file = { fd: -1, start: 0 } }: ByteSource,
  pool: WorkerPool,
  given: Pick<TextLead, 'format' | 'lead'>,
  context: ImportContext,
): void {
  const { dictionary, pageSize } = context;
  const names = [...dictionary.values()].map(({ name }) => name);
  const job: TextLead = { ...given, file, size, pageSize, details: detailsOf(names, context) };
  // A thread that fails says so again when it is asked for chunks.
  for (let thread = 0; thread < pool.size; thread++) pool.run('text-lead', job).catch(() => {});
}

function detailsOf(names: Iterable<string>, { keep }: ImportContext): Map<string, Detail> {
  return new Map(Array.from(names, (name) => [name, keep?.(name) ?? 'columns']));
}

/**
 * Rows are reserved as if the rest had so many times those of the part that was read: where it has
 * more, columns are copied to larger memory.
 */
const SPARE = 1.5;
const MIN_SPARE_ROWS = 4096;

/** Memory that threads share for all rows of each table; the input has `times` those read so far. */
function shareTables({ tables }: TableSet, times: number): void {
  for (const builder of tables) {
    if (builder.detail === 'count') continue;
    const rows = Math.ceil(builder.rows * times * SPARE) + MIN_SPARE_ROWS;
    shareTable(builder, rows);
  }
}

/** What has read the lead, and can go on anywhere. */
export type TextReader = Omit<TextFormat, 'id'> & {
  readonly source: ByteSource;
  /** How many stretches it was taught by. */
  taught: number;
};

/** What a thread does first: it learns what lines look like. */
export function readTextLead(
  { file, size, lead, pageSize, details }: TextLead,
  start: (context: Pick<ImportContext, 'keep' | 'pageSize'>) => Omit<TextFormat, 'id'>,
): TextReader {
  const { reading, dialect } = start({
    keep: (name) => details.get(name) ?? 'columns',
    pageSize,
  });
  const reader = { source: fileSource('', file, size), reading, dialect, taught: 0 };
  learn(reader, [lead]);
  return reader;
}

/** Reads lines that tables do not get, from those on that it has not read. */
function learn(reader: TextReader, taught: readonly Taught[]): void {
  const { source, reading, dialect } = reader;
  const silent = { ...dialect, onOther: () => {}, onFirst: () => {}, onResumed: () => {} };
  reading.onNotes = () => {};
  const fresh = taught.slice(reader.taught);
  if (fresh.length > 0) for (const builder of reading.set.tables) leaveTable(builder);
  for (const { from, to } of fresh) {
    const part = sliceSource(source, '', from, to - from);
    readStretch({ source: part, base: from, before: 0, whole: to - from }, reading, silent);
    reader.taught++;
  }
}

/** What a thread does then. Throws when the text is better left to one thread. */
export function readTextPart(
  { thread, taught, plan, details, regions, comms, most }: TextJob,
  reader: TextReader,
): { readonly output: TextPart } {
  const { reading, dialect, source } = reader;
  const { set } = reading;
  learn(reader, taught);
  // The others do not wait for a thread that has still to learn.
  if (!enter(plan.turns, thread)) return { output: NOTHING };
  try {
    useComms(reading, comms);
    for (const builder of set.tables) {
      builder.detail = details.get(builder.name) ?? builder.detail;
      const region = regions.get(builder.name);
      if (region !== undefined) joinTable(builder, region);
    }
  } catch (error) {
    failTurns(plan.turns);
    throw error;
  }
  return { output: readChunks(source, reading, dialect, plan, { most }) };
}

/** Of a thread that came too late. */
const NOTHING: TextPart = { chunks: [], comms: [], names: -1, notes: [] };
