/**
 * A first pass over a large file that only counts: 10 times as fast as reading columns. It tells
 * how long each column gets, where records begin and where stretches overlap in time, so that the
 * second pass (slices.ts) can be shared by threads. `inspect` needs no second one.
 */
import type { ByteSource } from '../../bytes/source.ts';
import type { TimeSpan } from '../../decode/restore-order.ts';
import { united } from '../../decode/restore-order.ts';
import type { ImportContext } from '../../importer.ts';
import type { Facts } from './features.ts';
import type { PerfHeader, Section } from './header.ts';
import { laneBytes } from './lanes.ts';
import { readRecords, WINDOW_BYTES } from './reading.ts';
import { isIrregular, type Reading, startReading } from './state.ts';

/** Where a slice begins, and what lies before it. */
export type SliceStart = {
  /** Number of its first window. */
  readonly window: number;
  /** Samples before it, and those of each table. */
  readonly seq: number;
  readonly counts: Float64Array;
};

export type Overview = {
  readonly reading: Reading;
  /** Where in the file each window begins, and the end of the last. */
  readonly bounds: readonly number[];
  /** The most samples that a window has. */
  readonly mostRows: number;
  readonly slices: readonly SliceStart[];
  /** Times in which windows overlap, in order. */
  readonly spans: readonly TimeSpan[];
};

export type OverviewOptions = {
  /** Parts of about the same size to divide the file into. */
  readonly slices: number;
  readonly windowBytes?: number | undefined;
};

/** Undefined where the file holds more than whole records one after the other. */
export function takeOverview(
  source: ByteSource,
  context: ImportContext,
  header: PerfHeader,
  facts: Facts,
  data: Section,
  options: OverviewOptions,
): Overview | undefined {
  const { windowBytes = WINDOW_BYTES } = options;
  const { sources } = header;
  const bytes = laneBytes(Math.min(windowBytes, data.size));
  const reading = startReading(source, context, header, facts, { windowBytes: bytes, sources });
  for (const event of header.sources) if (!reading.registry.add(event)) return undefined;
  const { counts } = reading.tally;
  const bounds = [data.offset];
  const slices: SliceStart[] = [];
  let seq = 0;
  let mostRows = 0;
  const startSlice = () => {
    slices.push({ window: bounds.length - 1, seq, counts: counts.slice(0, tables(reading)) });
  };
  startSlice();
  const onWindow = (end: number): void => {
    const before = seq;
    seq = sumOf(counts, tables(reading));
    mostRows = Math.max(mostRows, seq - before);
    bounds.push(end);
    const isNext = end - data.offset >= (slices.length * data.size) / options.slices;
    if (isNext && slices.length < options.slices) startSlice();
  };
  readRecords(reading, data, windowBytes, onWindow);
  if (isIrregular(reading)) return undefined;
  return { reading, bounds, mostRows, slices, spans: united(reading.overlaps) };
}

function tables({ registry }: Reading): number {
  return registry.builders.length;
}

function sumOf(values: Float64Array, length: number): number {
  let sum = 0;
  for (let at = 0; at < length; at++) sum += values[at] as number;
  return sum;
}
