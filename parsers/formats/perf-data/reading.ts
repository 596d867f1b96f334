/** The records of a perf.data from first to last, also those that come out of compressed ones. */
import { FormatError } from '../../../src/trace/errors.ts';
import { ZstdStream } from '../../bytes/zstd-stream.ts';
import type { TimeSpan } from '../../decode/restore-order.ts';
import { readTracingData } from '../../decode/tracing-header.ts';
import { readColumns } from './columns.ts';
import type { Section } from './header.ts';
import {
  emptyLane,
  type Lane,
  type LaneParts,
  makeLane,
  placeOf,
  recordBytes,
  scanLane,
} from './lanes.ts';
import {
  packedPart,
  RECORD_COMPRESSED,
  RECORD_COMPRESSED2,
  RECORD_TRACING_DATA,
} from './records.ts';
import { onRecord, optionUnreadable, taskRecords, tooShort } from './side-records.ts';
import { isIrregular, markIrregular, type Reading, truncated } from './state.ts';
import { countIndexed, takeTimes } from './tally.ts';

/** Measured: 2 to 8 MiB are equally fast, 32 MiB takes 1.2 times as long. */
export const WINDOW_BYTES = 4 << 20;

/** Reads all records; what is not regular ends it where samples are only counted. */
export function readRecords(reading: Reading, data: Section, lane: Lane): void {
  const { source, context, rows } = reading;
  const fileEnd = data.offset + data.size;
  let fileAt = data.offset;
  lane.origin = fileAt;
  for (;;) {
    const { filled } = lane;
    const wanted = Math.min(lane.window.bytes.length - filled, fileEnd - fileAt);
    const got = source.readInto(lane.window.bytes.subarray(filled, filled + wanted), fileAt);
    fileAt += got;
    lane.filled += got;
    const share = data.size === 0 ? 1 : (fileAt - data.offset) / data.size;
    if (rows !== undefined) {
      rows.shareBefore = rows.shareRead;
      rows.shareRead = share;
    }
    let beyond = 0;
    while (beyond === 0 && scanLane(lane, () => damaged(reading, lane))) {
      const bytes = readSpecialRecord(reading, lane);
      beyond = Math.max(0, bytes - (lane.filled - lane.at));
      lane.at += bytes - beyond;
    }
    emptyLane(lane);
    if (isIrregular(reading)) return;
    lane.origin = fileAt - lane.filled + beyond;
    fileAt += beyond;
    context.progress(share);
    if (got === 0 || fileAt >= fileEnd) break;
  }
  const missing = fileAt - fileEnd;
  if (missing > 0) truncated(reading, `${missing} bytes of its last record are missing`);
  finishLane(reading, lane);
  if (reading.unpackedLane === undefined) return;
  drainUnpacked(reading, reading.unpackedLane);
  finishLane(reading, reading.unpackedLane);
}

/** What a lane needs to read the records of the file. */
export function laneParts(reading: Reading): LaneParts {
  const { littleEndian, clock, state, registry } = reading;
  return {
    littleEndian,
    clock,
    state,
    kindOf: registry.kindOf,
    known: registry.known,
    tasks: taskRecords(reading),
    tally: reading.rows === undefined ? reading.tally : undefined,
    take: (lane: Lane) => takeStretch(reading, lane),
    onRecord: (lane: Lane, type: number, at: number, end: number) =>
      onRecord(reading, lane, type, at, end),
  };
}

/** Takes the samples of a stretch. */
function takeStretch(reading: Reading, { scanner, window }: Lane): void {
  const { tally, rows, registry } = reading;
  const { index } = scanner;
  if (rows !== undefined) countIndexed(tally, index, window.bytes, registry.signs);
  takeTimesOf(reading);
  if (rows !== undefined) readColumns(rows, window, index);
}

/** Compares the times of a stretch that was counted with those before it, and returns them. */
export function takeTimesOf(reading: Reading): TimeSpan | undefined {
  const times = takeTimes(reading.tally);
  if (times === undefined) return undefined;
  const [first, last] = times;
  // Equal times also need sorting: the CPU settles them.
  if (first <= reading.lastTime) reading.overlaps.push([first, reading.lastTime]);
  reading.firstTime = Math.min(reading.firstTime, first);
  reading.lastTime = Math.max(reading.lastTime, last);
  return times;
}

/** Says what is left of a record whose end is missing, behind the last one. */
export function finishLane(reading: Reading, lane: Lane): void {
  const left = lane.filled - lane.at;
  if (left > 0) truncated(reading, `${left} bytes of a record are there, its end is missing`);
  lane.at = lane.filled;
  emptyLane(lane);
}

function damaged(reading: Reading, lane: Lane): void {
  reading.notes.add('record_damaged', 1, placeOf(lane));
}

/** Records with more behind them, or with records inside; returns how many bytes to pass over. */
function readSpecialRecord(reading: Reading, lane: Lane): number {
  const { littleEndian, source, facts } = reading;
  const { view } = lane.window;
  const { at } = lane;
  const bytes = recordBytes(lane);
  markIrregular(reading);
  const type = view.getUint32(at, littleEndian);
  if (type === RECORD_COMPRESSED || type === RECORD_COMPRESSED2) {
    unpack(reading, lane, type, at + bytes);
    return bytes;
  }
  // The size of what follows the record: u32 of tracing data, u64 of auxiliary (hardware) traces.
  const isTracing = type === RECORD_TRACING_DATA;
  if (bytes < (isTracing ? 12 : 16) || lane.origin === undefined) return bytes;
  const more = isTracing
    ? view.getUint32(at + 8, littleEndian)
    : Number(view.getBigUint64(at + 8, littleEndian));
  if (isTracing) {
    try {
      facts.tracing = readTracingData(source, lane.origin + at + bytes);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      optionUnreadable(reading, `tracing data: ${error.message}`);
    }
  }
  return bytes + Math.min(more, source.size);
}

/** Each record is a piece of one stream, flushed so far that whole records come out of it. */
function unpack(reading: Reading, lane: Lane, type: number, end: number): void {
  if (reading.unpackFailed) return;
  const packed = packedPart(lane.window, type, lane.at, end);
  if (packed === undefined) {
    tooShort(reading, 'COMPRESSED2');
    return;
  }
  reading.unpackedLane ??= makeLane(WINDOW_BYTES, laneParts(reading));
  const target = reading.unpackedLane;
  reading.unpacker ??= new ZstdStream(
    (unpacked) => addUnpacked(reading, target, unpacked),
    reading.context.limits,
  );
  try {
    reading.unpacker.push(packed);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    // What follows refers to what came before: nothing more can be unpacked.
    reading.unpackFailed = true;
    reading.unpacker = undefined;
    truncated(reading, `${error.message}, in the record at byte ${(lane.origin ?? 0) + lane.at}`);
  }
}

function addUnpacked(reading: Reading, lane: Lane, unpacked: Uint8Array): void {
  let from = 0;
  while (from < unpacked.length) {
    const room = lane.window.bytes.length - lane.filled;
    const part = unpacked.subarray(from, from + room);
    lane.window.bytes.set(part, lane.filled);
    lane.filled += part.length;
    from += part.length;
    if (lane.filled < lane.window.bytes.length) return;
    drainUnpacked(reading, lane);
  }
}

function drainUnpacked(reading: Reading, lane: Lane): void {
  while (scanLane(lane, () => damaged(reading, lane))) lane.at += recordBytes(lane);
  emptyLane(lane);
}
