/** The records beside the samples: names of tasks, losses, and what a pipe says of its events. */
import { FormatError } from '../../../src/trace/errors.ts';
import { makeReader } from '../../bytes/reader.ts';
import { type ByteSource, memorySource } from '../../bytes/source.ts';
import { NO_CPU } from '../../decode/perf-event-name.ts';
import type { ByteWindow } from '../../decode/record-window.ts';
import { MIN_ATTR_BYTES, parseAttr } from './attrs.ts';
import { type Facts, readFeature } from './features.ts';
import { readIds, type Section } from './header.ts';
import type { Lane } from './lanes.ts';
import {
  RECORD_ATTR,
  RECORD_AUXTRACE,
  RECORD_COMM,
  RECORD_COMPRESSED,
  RECORD_COMPRESSED2,
  RECORD_FEATURE,
  RECORD_FORK,
  RECORD_LOST,
  RECORD_LOST_SAMPLES,
  RECORD_TRACING_DATA,
} from './records.ts';
import { RECORD_HEADER_BYTES, timeAt } from './samples.ts';
import type { Reading } from './state.ts';
import { FROM_THE_START, type TaskNotes } from './tasks.ts';

/** PERF_RECORD_MISC_LOST_SAMPLES_BPF: left out by a filter, on purpose. */
const MISC_FILTERED = 1 << 15;
const COMM_BYTES = 16;
/** Where a COMM has the name: behind pid and tid. */
const NAME_AT = RECORD_HEADER_BYTES + 8;

/** What the record means; false for those that need more than their own bytes. */
export function onRecord(
  reading: Reading,
  lane: Lane,
  type: number,
  at: number,
  end: number,
): boolean {
  switch (type) {
    case RECORD_COMM:
      readComm(reading, lane, at, end);
      return true;
    case RECORD_FORK:
      readFork(reading, lane, at, end);
      return true;
    case RECORD_LOST:
      readLost(reading, lane, at, end, at + 16);
      return true;
    case RECORD_LOST_SAMPLES:
      readLost(reading, lane, at, end, at + 8);
      return true;
    case RECORD_ATTR:
      if (reading.isPipe) readAttr(reading, lane, at, end);
      return true;
    case RECORD_FEATURE:
      if (reading.isPipe) readFeatureRecord(reading, lane, at, end);
      return true;
    case RECORD_COMPRESSED:
    case RECORD_COMPRESSED2:
    case RECORD_TRACING_DATA:
    case RECORD_AUXTRACE:
      return false;
    default:
      return true;
  }
}

/** Time in the identification at the end of a record; before all others when perf made it up. */
function trailerTime(
  { registry, clock, littleEndian }: Reading,
  lane: Pick<Lane, 'window'>,
  end: number,
): number {
  const { time } = registry.trailer;
  const { view } = lane.window;
  if (time === 0) return FROM_THE_START;
  const isZero =
    view.getUint32(end - time, true) === 0 && view.getUint32(end - time + 4, true) === 0;
  return isZero ? FROM_THE_START : timeAt(view, littleEndian, end - time, clock);
}

// pid u32, tid u32, name and its NUL, identification
function readComm(reading: Reading, lane: Lane, at: number, end: number): void {
  const nameAt = at + NAME_AT;
  const nameEnd = end - reading.registry.trailer.bytes;
  if (nameAt >= nameEnd) {
    tooShort(reading, 'COMM');
    return;
  }
  const { bytes, view } = lane.window;
  const tid = view.getInt32(nameAt - 4, reading.littleEndian);
  const limit = Math.min(nameEnd, nameAt + COMM_BYTES);
  const code = reading.comms.codeOfBytes(bytes, nameAt, limit);
  reading.tasks.named(trailerTime(reading, lane, end), tid, code);
}

// pid u32, ppid u32, tid u32, ptid u32, time u64, identification
function readFork(reading: Reading, lane: Lane, at: number, end: number): void {
  if (at + 32 + reading.registry.trailer.bytes > end) {
    tooShort(reading, 'FORK');
    return;
  }
  const { view } = lane.window;
  const tid = view.getInt32(at + 16, reading.littleEndian);
  const parent = view.getInt32(at + 20, reading.littleEndian);
  reading.tasks.forked(trailerTime(reading, lane, end), tid, parent);
}

/** What loops that scan samples must know to note usual FORKs and COMMs, and who takes these. */
export type TaskRecords = {
  /** Least bytes of a record that has a time, and how far from its end that is. */
  readonly leastFork: number;
  readonly leastComm: number;
  readonly time: number;
  /** Instead of its code, the change of a name is the place of its COMM. */
  readonly take: (window: ByteWindow, notes: TaskNotes, count: number) => void;
};

/** One FORK for each dozen of samples, where programs start all the time. */
export function taskRecords({ registry, comms, tasks }: Reading): TaskRecords {
  const { bytes, time } = registry.trailer;
  // No record is as large as what has no time would have to be.
  const least = time === 0 ? 2 ** 16 : RECORD_HEADER_BYTES + bytes;
  const take = ({ bytes: all, u32 }: ByteWindow, notes: TaskNotes, count: number): void => {
    const { changes } = notes;
    for (let nth = 0; nth < count; nth++) {
      const at = changes[nth] as number;
      if (at < 0) continue;
      const end = at + ((u32[(at >>> 2) + 1] as number) >>> 16) - bytes;
      const nameAt = at + NAME_AT;
      changes[nth] = comms.codeOfBytes(all, nameAt, Math.min(end, nameAt + COMM_BYTES));
    }
    tasks.append(notes, count);
  };
  return { leastFork: least + 24, leastComm: least + 9, time, take };
}

function readLost(reading: Reading, lane: Lane, at: number, end: number, countAt: number): void {
  const { registry, littleEndian, state, losses } = reading;
  const { view } = lane.window;
  const { bytes, cpu } = registry.trailer;
  if (countAt + 8 + bytes > end) {
    tooShort(reading, 'LOST');
    return;
  }
  const misc = view.getUint16(at + 4, littleEndian);
  if (view.getUint32(at, littleEndian) === RECORD_LOST_SAMPLES && (misc & MISC_FILTERED) !== 0)
    return;
  const count = Number(view.getBigUint64(countAt, littleEndian));
  const onCpu = cpu === 0 ? NO_CPU : Math.min(NO_CPU, view.getUint32(end - cpu, littleEndian));
  if (count === 0) return;
  if (isTotalLoss(reading, lane, at, end)) {
    losses.total(onCpu, count);
    return;
  }
  losses.lost(onCpu, state.lastOfCpu[onCpu] as number, count);
  state.waiting.add(onCpu);
}

/** Does a record of losses tell those of the whole recording, wherever it stands? */
export function isTotalLoss(
  reading: Reading,
  lane: Pick<Lane, 'window'>,
  at: number,
  end: number,
): boolean {
  const { bytes, time } = reading.registry.trailer;
  const hasTime = time > 0 && at + RECORD_HEADER_BYTES + bytes <= end;
  return hasTime && trailerTime(reading, lane, end) === FROM_THE_START;
}

export function tooShort(reading: Reading, subject: string): void {
  reading.notes.add('record_too_short', 1, { subject });
}

// attr, ids
function readAttr(reading: Reading, lane: Lane, at: number, end: number): void {
  const { littleEndian, registry } = reading;
  const content = lane.window.bytes.slice(at + RECORD_HEADER_BYTES, end);
  const view = new DataView(content.buffer);
  const size = content.length < MIN_ATTR_BYTES ? 0 : view.getUint32(4, littleEndian);
  if (size < MIN_ATTR_BYTES || size > content.length) {
    tooShort(reading, 'ATTR');
    return;
  }
  const attr = parseAttr(new DataView(content.buffer, 0, size), littleEndian);
  const ids = makeReader(memorySource('attr', content), size, littleEndian);
  registry.add({ attr, ids: readIds(ids, Math.floor((content.length - size) / 8)) });
}

// number of the feature u64, then what its section would hold
function readFeatureRecord(reading: Reading, lane: Lane, at: number, end: number): void {
  if (at + 16 > end) {
    tooShort(reading, 'FEATURE');
    return;
  }
  const { littleEndian, facts, source } = reading;
  const feature = Number(lane.window.view.getBigUint64(at + 8, littleEndian));
  const content = memorySource(source.name, lane.window.bytes.slice(at + 16, end));
  readFeatureInto(reading, facts, content, feature, { offset: 0, size: content.size });
}

/** A feature that cannot be read costs what it would have told, not the trace. */
export function readFeatureInto(
  reading: Pick<Reading, 'notes' | 'littleEndian'>,
  facts: Facts,
  source: ByteSource,
  feature: number,
  section: Section,
): void {
  try {
    readFeature(facts, source, feature, section, reading.littleEndian);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    optionUnreadable(reading, `feature ${feature}: ${error.message}`);
  }
}

export function optionUnreadable({ notes }: Pick<Reading, 'notes'>, subject: string): void {
  notes.add('option_unreadable', 1, { subject });
}
