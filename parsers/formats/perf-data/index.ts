/** A perf.data from its header to its tables; importer.ts says what one is. */
import { FormatError } from '../../../src/trace/errors.ts';
import type { ByteSource } from '../../bytes/source.ts';
import type { ImportContext, Imported } from '../../importer.ts';
import { MIN_BYTES_FOR_WORKERS, type WorkerPool } from '../../workers/pool.ts';
import { makeTaskQueue } from '../../workers/task-queue.ts';
import { type Facts, noFacts } from './features.ts';
import { type PerfHeader, readHeader, type Section } from './header.ts';
import { type Overview, type OverviewOptions, takeOverview } from './overview.ts';
import { readRecords } from './reading.ts';
import { EventRegistry } from './registry.ts';
import { imported } from './result.ts';
import { readFeatureInto } from './side-records.ts';
import type { SliceJob } from './slice-job.ts';
import { joinSlices, planSlices, runSlices, type SlicePlan, type SliceResult } from './slices.ts';
import { type Reading, startReading, truncated } from './state.ts';

/**
 * The plain way, which reads everything: all records in one go, in one thread. `windowBytes`: how
 * much of the file is held at a time; only tests give it.
 */
export function readPerfData(
  source: ByteSource,
  context: ImportContext,
  windowBytes?: number,
): Imported {
  return readPlainly(openPerfData(source, context), windowBytes);
}

/** The same tables, by counting first and reading columns then, where the file is worth it. */
export async function readFast(source: ByteSource, context: ImportContext): Promise<Imported> {
  const opened = openPerfData(source, context);
  const slow = () => readPlainly(opened);
  if (opened.data.size < MIN_BYTES_FOR_WORKERS) return slow();
  return (await readInSlices(opened)) ?? slow();
}

/** For tests: the fast way, in so many slices and without threads; undefined where it has none. */
export function readPerfDataInSlices(
  source: ByteSource,
  context: ImportContext,
  options: OverviewOptions,
): Imported | undefined {
  const opened = openPerfData(source, context);
  const overview = overviewOf(opened, options);
  return overview === undefined ? undefined : finishAlone(overview);
}

type Opened = {
  readonly source: ByteSource;
  readonly context: ImportContext;
  readonly header: PerfHeader;
  readonly facts: Facts;
  readonly data: Section;
};

function openPerfData(source: ByteSource, context: ImportContext): Opened {
  const header = readHeader(source);
  const { littleEndian } = header;
  const facts = noFacts();
  for (const [feature, section] of header.features) {
    const place = { notes: context.diagnostics, littleEndian };
    readFeatureInto(place, facts, source, feature, section);
  }
  const data = presentData({ source, context }, header);
  return { source, context, header, facts, data };
}

function readPlainly({ source, context, header, facts, data }: Opened, bytes?: number): Imported {
  const reading = startReading(source, context, header, facts);
  const { registry } = reading;
  for (const event of header.sources) {
    if (!registry.add(event)) throw new FormatError(`${source.name} has too many events`);
  }
  readRecords(reading, data, bytes);
  if (registry.sources.length === 0) {
    throw new FormatError(`${source.name} describes no event that was recorded`, source.size);
  }
  return imported(reading, reading.rows?.others);
}

/** What part of the progress that is shown the first pass is. */
const OVERVIEW_SHARE = 0.3;
/** Of each thread: with more, none waits long for the last. */
const SLICES_PER_THREAD = 3;

async function readInSlices(opened: Opened): Promise<Imported | undefined> {
  // Threads start while the first pass runs.
  const pool = mayKeepAny(opened) && opened.source.file ? opened.context.workers?.() : undefined;
  const slices = pool === undefined ? 1 : SLICES_PER_THREAD * (pool.size + 1);
  const overview = overviewOf(opened, { slices });
  if (overview === undefined) return undefined;
  return pool === undefined ? finishAlone(overview) : finishTogether(overview, pool);
}

function finishAlone(overview: Overview): Imported {
  const { reading } = overview;
  if (!keepsAny(reading)) return imported(reading, undefined);
  const plan = planSlices(overview, makeTaskQueue(overview.slices.length), 1);
  return finishSlices(overview, plan, runSlices(plan, reading.source));
}

function finishSlices(
  overview: Overview,
  plan: SlicePlan,
  results: readonly SliceResult[],
): Imported {
  return imported(overview.reading, joinSlices(overview, plan, results), plan.originTs);
}

async function finishTogether(overview: Overview, pool: WorkerPool): Promise<Imported> {
  const { reading, slices } = overview;
  const { file, name, size } = reading.source;
  if (file === undefined || !keepsAny(reading)) return finishAlone(overview);
  const plan = planSlices(overview, makeTaskQueue(slices.length), pool.size + 1);
  const job: SliceJob = { plan, name, file, size };
  const theirs = Promise.allSettled(
    Array.from({ length: pool.size }, () => pool.run<SliceResult[]>('perf-data', job)),
  );
  const own = runSlices(plan, reading.source);
  const results = (await theirs).map((one) => (one.status === 'fulfilled' ? one.value : undefined));
  // What a thread that failed had taken is read again, with all the rest.
  if (results.includes(undefined)) return finishAlone(overview);
  return finishSlices(overview, plan, [...own, ...results.flatMap((some) => some ?? [])]);
}

function mayKeepAny({ header, facts, context }: Opened): boolean {
  const registry = new EventRegistry(facts, context, header.littleEndian);
  return header.sources.some((source) => registry.detailOf(source) !== 'count');
}

function keepsAny({ registry }: Reading): boolean {
  return registry.builders.some(({ detail }) => detail !== 'count');
}

function overviewOf(opened: Opened, options: OverviewOptions): Overview | undefined {
  const { source, header, facts, data } = opened;
  const context = {
    ...opened.context,
    progress: (share: number) => opened.context.progress(OVERVIEW_SHARE * share),
  };
  if (header.isPipe || header.sources.length === 0) return undefined;
  // The loops that read slices know this byte order alone.
  if (!header.littleEndian && mayKeepAny(opened)) return undefined;
  return takeOverview(source, context, header, facts, data, options);
}

/** The records that the file really has. */
function presentData(reading: Pick<Reading, 'source' | 'context'>, header: PerfHeader): Section {
  const { data, isPipe, missingFeatures } = header;
  const { source } = reading;
  const there = source.size - data.offset;
  if (data.size === 0 && there > 0) {
    // perf writes the size, and then the formats of the events, when it ends.
    truncated(reading, 'perf was killed before it closed the file');
    return { offset: data.offset, size: there };
  }
  if (data.size > there) {
    truncated(reading, `${data.size - there} bytes of events and all behind them are missing`);
    return { offset: data.offset, size: there };
  }
  if (missingFeatures > 0) truncated(reading, `${missingFeatures} of its features are missing`);
  else if (source.damage !== undefined)
    truncated(reading, isPipe ? 'damaged' : 'its end is missing');
  return data;
}
