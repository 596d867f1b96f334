/**
 * A large file in one pass: this thread lists the samples of windows, and as soon as one is listed,
 * any thread deals its samples out to columns in shared memory. Nothing is read twice, and nobody
 * waits: threads with nothing to deal read on (chunk-reader.ts), and while all windows are in use,
 * this thread deals, too.
 */
import type { Column } from '../../../src/trace/column.ts';
import { DiagnosticCollector } from '../../../src/trace/diagnostics.ts';
import type { ByteSource } from '../../bytes/source.ts';
import type { ImportContext } from '../../importer.ts';
import { type SharedMemory, sharedMemory } from '../../wasm/memory.ts';
import type { WorkerPool } from '../../workers/pool.ts';
import { ChunkReader } from './chunk-reader.ts';
import type { OtherRows } from './columns.ts';
import type { Facts } from './features.ts';
import { guessSamples } from './guess.ts';
import { isPacked, type PerfHeader, type Section } from './header.ts';
import { joinColumns, joinOthers } from './join-columns.ts';
import { laneBytes } from './lanes.ts';
import { KnownSamples, placeScan } from './loop-scanner.ts';
import { isIrregular, type Reading, startReading } from './state.ts';
import { type DealPlan, type Dealt, WindowDealer } from './window-dealer.ts';
import { WindowLister } from './window-lister.ts';
import { LEAST_FILLED, placeRing, WindowRing } from './window-ring.ts';

/**
 * Measured with two threads and 3 M events: 1 MiB takes 0.42 s and 0.66 s of CPU, 2 MiB 0.44 s and
 * 0.69 s, 4 MiB 0.47 s and 0.77 s. What one thread has read is then still in the caches that
 * another reads it from.
 */
const WINDOW_BYTES = 1 << 20;
/** The most that a window begins with of the one before it. */
const MOST_REST = 1 << 16;
/** Windows in use for each thread: one at hand, and some that wait. */
const WINDOWS_PER_THREAD = 3;
/** Columns have less for each byte of a file; what is not used costs nothing. */
const BYTES_PER_BYTE = 4;
const LEAST_BYTES = 64 << 20;
/** Packed records: perf's streams shrink 5 to 25 times. */
const MOST_RATIO = 250;
/** Of a guess by the first window with an event. */
const MARGIN = 2;
/** WebAssembly has no more. */
const MOST_BYTES = 2 ** 32 - 2 ** 16;

export type Opened = {
  readonly source: ByteSource;
  readonly context: ImportContext;
  readonly header: PerfHeader;
  readonly facts: Facts;
  readonly data: Section;
};

/** For tests: how large windows are, how many take turns to deal them out, and a bad guess. */
export type WindowOptions = {
  readonly windowBytes?: number;
  readonly dealers?: number;
  readonly guess?: (source: number, first: number) => number;
};

/** What was read; tables count their times from `origin`. */
export type ReadInWindows = {
  readonly reading: Reading;
  /** Rows without a table. */
  readonly others: OtherRows;
  readonly origin: number;
  readonly neverBelowZero: ReadonlySet<Column>;
};

/**
 * Undefined where the file holds more than whole records one after the other, and where there is
 * not enough memory for columns that threads share.
 */
export async function readInWindows(
  opened: Opened,
  pool: WorkerPool | undefined,
): Promise<ReadInWindows | undefined> {
  let options: RunOptions = { threads: pool?.size };
  for (;;) {
    const run = startRun(opened, options);
    if (run === undefined) return undefined;
    const { plan } = run;
    const jobs = Array.from({ length: options.threads ?? 0 }, () =>
      pool?.run<Dealt>('perf-data', plan),
    );
    const theirs = Promise.allSettled(jobs);
    const isRead = await listAny(run);
    if (!isRead) return undefined;
    // Threads that were too late for any window are not waited for.
    const dealt = (run.lister.isDealtHere ? [] : await theirs).map((one) =>
      one.status === 'fulfilled' ? one.value : undefined,
    );
    const hasFailed = dealt.includes(undefined);
    const since = missing(run);
    if (!hasFailed && since === undefined) return finishRun(run, dealt as Dealt[]);
    // What a thread that failed had taken is read again, with all the rest.
    const threads = hasFailed ? 0 : options.threads;
    options = { since, threads, diagnostics: new DiagnosticCollector() };
  }
}

/** The same without threads. */
export function readWindowsAlone(
  opened: Opened,
  options: WindowOptions,
): ReadInWindows | undefined {
  let run = startRun(opened, options);
  if (run === undefined || !listAll(run)) return undefined;
  const since = missing(run);
  if (since === undefined) return finishRun(run, []);
  run = startRun(opened, { ...options, since, diagnostics: new DiagnosticCollector() });
  if (run === undefined || !listAll(run)) return undefined;
  return finishRun(run, []);
}

type RunOptions = WindowOptions & {
  /** Beside this one. */
  readonly threads?: number | undefined;
  /** By window: the first time behind it. */
  readonly since?: readonly number[] | undefined;
  /** Takes what an earlier run has told already. */
  readonly diagnostics?: DiagnosticCollector;
};

type Run = {
  readonly opened: Opened;
  readonly plan: DealPlan;
  readonly reading: Reading;
  readonly ring: WindowRing;
  readonly dealers: readonly WindowDealer[];
  readonly lister: WindowLister;
};

function startRun(opened: Opened, options: RunOptions = {}): Run | undefined {
  const { source, header, facts, data } = opened;
  const { sources } = header;
  const context = { ...opened.context };
  if (options.diagnostics !== undefined)
    Object.assign(context, { diagnostics: options.diagnostics });
  const packed = isPacked(header);
  const bytes = packed ? Math.min(data.size * MOST_RATIO, MOST_BYTES) : data.size;
  const windowBytes = laneBytes(Math.min(options.windowBytes ?? WINDOW_BYTES, bytes));
  const windows = Math.ceil(bytes / (LEAST_FILLED * windowBytes - MOST_REST)) + 3;
  const slots = (1 + (options.threads ?? 0)) * WINDOWS_PER_THREAD;
  const isInOrder = packed || source.notHeld !== undefined;
  const inChunks = isInOrder ? 0 : bytes;
  const all = sources.length;
  const places = placeRing({ slots, windowBytes, windows, sources: all, bytes: inChunks });
  const memory = reserve(bytes * BYTES_PER_BYTE + places.end + LEAST_BYTES);
  if (memory === undefined || memory.buffer.byteLength < places.end) return undefined;
  const ring = new WindowRing(memory, places, true);
  const scan = placeScan(ring, sources.length);
  const reading = startReading(source, context, header, facts, {
    known: (watched) => new KnownSamples(memory, scan, sources, watched),
  });
  const guessByShare = (_: number, first: number) => (MARGIN * first) / reading.shareRead;
  for (const event of sources) if (!reading.registry.add(event)) return undefined;
  const file = isInOrder || source.file === undefined ? undefined : { place: source.file, data };
  const plan = { memory, ring: places, facts, sources, file };
  const dealers = Array.from({ length: options.dealers ?? 1 }, () => new WindowDealer(plan));
  const { since } = options;
  const guess = options.guess ?? (isInOrder ? guessByShare : guessSamples(source, data, sources));
  const chunks = isInOrder ? undefined : new ChunkReader(ring, memory, source, data);
  const own = { chunks, reading, ring, memory, guess, since, dealers };
  const lister = new WindowLister(own);
  return { opened, plan, reading, ring, dealers, lister };
}

/** Undefined where there is none. */
function reserve(bytes: number): SharedMemory | undefined {
  for (let size = Math.min(bytes, MOST_BYTES); size >= LEAST_BYTES; size /= 2) {
    try {
      return sharedMemory(size);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
  return undefined;
}

/** False where the file is not regular, or memory does not suffice. */
function listAll(run: Run): boolean {
  return closeRing(run, () => run.lister.listAll(run.opened.data));
}

/** The same of what is not held, too. */
async function listAny(run: Run): Promise<boolean> {
  const { source, data } = run.opened;
  const { notHeld } = source;
  if (notHeld === undefined) return listAll(run);
  let failed: unknown;
  try {
    const chunks = notHeld.chunks(data.offset, data.offset + data.size);
    await run.lister.listChunks(chunks, data.size);
  } catch (error) {
    failed = error;
  }
  return closeRing(run, () => {
    if (failed !== undefined) throw failed;
  });
}

/** Ends the run of all threads, whatever came of it. */
function closeRing({ reading, ring, lister }: Run, list: () => void): boolean {
  let isRead = false;
  try {
    list();
    isRead = !isIrregular(reading) && lister.isWhole;
    if (isRead) lister.close();
    return isRead;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    isRead = false;
    return false;
  } finally {
    if (!isRead) ring.close(0);
  }
}

/** The first time behind each window, where dealers had to know it and did not. */
function missing({ reading, lister }: Run): number[] | undefined {
  const isAllKept = reading.registry.builders.every(({ detail }) => detail !== 'count');
  return isAllKept || lister.isTold ? undefined : lister.firstBehind();
}

function finishRun({ opened, reading, plan, dealers, lister }: Run, dealt: Dealt[]): ReadInWindows {
  const all = [...dealers.map((dealer) => dealer.finish()), ...dealt];
  const neverBelowZero = joinColumns(reading, plan.memory, lister, all);
  const { context } = opened;
  return {
    reading: { ...reading, context },
    others: joinOthers(all),
    origin: lister.origin,
    neverBelowZero,
  };
}
