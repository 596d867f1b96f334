/** A perf.data from its header to its tables; importer.ts says what one is. */

import { DiagnosticCollector } from '../../../src/trace/diagnostics.ts';
import { FormatError } from '../../../src/trace/errors.ts';
import { type ByteSource, NotHeldError } from '../../bytes/source.ts';
import type { ImportContext, Imported } from '../../importer.ts';
import { countRecords } from './counting.ts';
import { noFacts } from './features.ts';
import { type PerfHeader, readHeader, type Section } from './header.ts';
import { leastForWorkers } from './importer.ts';
import { makeLane } from './lanes.ts';
import { laneParts, readRecords, WINDOW_BYTES } from './reading.ts';
import { EventRegistry } from './registry.ts';
import { imported } from './result.ts';
import { readFeatureInto } from './side-records.ts';
import { type Reading, startReading, truncated } from './state.ts';
import {
  type Opened,
  type ReadInWindows,
  readInWindows,
  readWindowsAlone,
  type WindowOptions,
} from './windows.ts';

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

/** The same tables, by threads where the file is worth it. */
export async function readFast(source: ByteSource, context: ImportContext): Promise<Imported> {
  const opened = await openAny(source, context);
  const isHeld = opened.source.notHeld === undefined;
  const fast =
    opened.data.size < leastForWorkers(source)
      ? undefined
      : keepsAny(opened)
        ? await readTogether(opened)
        : isHeld
          ? readCounts(opened)
          : undefined;
  return fast ?? readPlainly(await held(opened));
}

/** All but the records must be held; in files that mislead they may be among them. */
async function openAny(source: ByteSource, context: ImportContext): Promise<Opened> {
  const { notHeld } = source;
  if (notHeld === undefined) return openPerfData(source, context);
  try {
    // What it says of the file is said once.
    openPerfData(source, { ...context, diagnostics: new DiagnosticCollector() });
    return openPerfData(source, context);
  } catch (error) {
    if (!(error instanceof NotHeldError)) throw error;
    return openPerfData(await notHeld.hold(), context);
  }
}

async function held(opened: Opened): Promise<Opened> {
  const { source } = opened;
  return { ...opened, source: (await source.notHeld?.hold()) ?? source };
}

/** For tests: the fast way without threads; undefined where it has none. */
export function readPerfDataAlone(
  source: ByteSource,
  context: ImportContext,
  options: WindowOptions,
): Imported | undefined {
  const opened = openPerfData(source, context);
  if (!keepsAny(opened)) return readCounts(opened, options.windowBytes);
  return mayList(opened) ? finishRead(readWindowsAlone(opened, options)) : undefined;
}

function readCounts(opened: Opened, windowBytes?: number): Imported | undefined {
  const { isPipe, sources } = opened.header;
  if (isPipe || sources.length === 0) return undefined;
  const reading = countRecords(opened, windowBytes);
  return reading === undefined ? undefined : imported(reading, undefined);
}

async function readTogether(opened: Opened): Promise<Imported | undefined> {
  if (!mayList(opened)) return undefined;
  const pool = opened.source.file === undefined ? undefined : opened.context.workers?.('perf-data');
  return finishRead(await readInWindows(opened, pool));
}

function finishRead(read: ReadInWindows | undefined): Imported | undefined {
  if (read === undefined) return undefined;
  const { reading, others, origin, neverBelowZero } = read;
  return { ...imported(reading, others, origin), neverBelowZero };
}

/** Loops know the events of a file's header, and this byte order. */
function mayList({ header: { isPipe, sources, littleEndian } }: Opened): boolean {
  return littleEndian && !isPipe && sources.length > 0;
}

function keepsAny({ header, facts, context }: Opened): boolean {
  const registry = new EventRegistry(facts, context, header.littleEndian);
  return header.sources.some((source) => registry.detailOf(source) !== 'count');
}

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

function readPlainly(
  { source, context, header, facts, data }: Opened,
  bytes = WINDOW_BYTES,
): Imported {
  const reading = startReading(source, context, header, facts);
  const { registry } = reading;
  for (const event of header.sources) {
    if (!registry.add(event)) throw new FormatError(`${source.name} has too many events`);
  }
  readRecords(reading, data, makeLane(Math.min(bytes, data.size), laneParts(reading)));
  if (registry.sources.length === 0) {
    throw new FormatError(`${source.name} describes no event that was recorded`, source.size);
  }
  return imported(reading, reading.rows?.others);
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
