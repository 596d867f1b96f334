/** Text of `perf script`, with microseconds or (--ns) nanoseconds, and with what -F leaves of it. */
import type { Loss } from '../../../src/trace/trace.ts';
import type { ByteSource } from '../../bytes/source.ts';
import { readEventLines } from '../../decode/event-lines.ts';
import { NO_CPU } from '../../decode/perf-event-name.ts';
import type { ImportContext, Imported, Importer } from '../../importer.ts';
import { clockName } from '../perf-data/attrs.ts';
import { LossLog } from '../perf-data/losses.ts';
import {
  addRow,
  countEvents,
  type EventName,
  eventOf,
  finishTables,
  makeTableSet,
  type TableSet,
} from './events.ts';
import {
  isCallchain,
  type LineHead,
  makeLineHead,
  parseHead,
  parseHeadFrom,
  skipToName,
} from './line.ts';
import { sniff } from './sniff.ts';

export const perfScript: Importer = {
  id: 'perf-script',
  title: 'perf script text',
  sniff,
  read: (source, context) => readPerfScript(source, context),
};

const ASSUMED_PAGE_SIZE = 4096;
const HASH = 0x23;

/** What is known after the lines read so far. */
type Reading = {
  readonly context: ImportContext;
  readonly tables: TableSet;
  readonly head: LineHead;
  line: number;
  events: number;
  /** Absolute time of the first event. */
  originSeconds: number;
  originFraction: number;
  firstTs: number;
  lastTs: number;
  maxDigits: number;
  maxCpu: number;
  backwards: number;
  /** Time of the last event of each CPU; NaN before the first. */
  readonly lastOfCpu: Float64Array;
  readonly losses: LossLog;
  readonly waiting: Set<number>;
  readonly facts: { kernel?: string; machine?: string; cpus?: number; clock?: string };
};

/** `chunkBytes` is for tests: the tables do not depend on it. */
export function readPerfScript(
  source: ByteSource,
  context: ImportContext,
  options: { chunkBytes?: number } = {},
): Imported {
  const reading = startReading(context);
  const onLine = (bytes: Uint8Array, start: number, end: number) =>
    readLine(reading, bytes, start, end);
  readEventLines(source, context, reading, onLine, options.chunkBytes);
  return finish(reading);
}

function startReading(context: ImportContext): Reading {
  return {
    context,
    tables: makeTableSet(context.dictionary, context.pageSize ?? ASSUMED_PAGE_SIZE),
    head: makeLineHead(),
    line: 0,
    events: 0,
    originSeconds: 0,
    originFraction: 0,
    firstTs: 0,
    lastTs: 0,
    maxDigits: 6,
    maxCpu: 0,
    backwards: 0,
    lastOfCpu: new Float64Array(NO_CPU + 1).fill(Number.NaN),
    losses: new LossLog(),
    waiting: new Set(),
    facts: {},
  };
}

function readLine(reading: Reading, bytes: Uint8Array, start: number, end: number): void {
  reading.line++;
  const { head, context } = reading;
  const isEvent = bytes[start] !== HASH && parseHead(bytes, start, end, head);
  const event = isEvent ? readEvent(reading, bytes, start, end) : undefined;
  if (event === undefined) {
    readOther(reading, bytes, start, end, isEvent);
    return;
  }
  const ts = timeOf(reading, head);
  const seq = reading.events++;
  if (!addRow(reading.tables, event, bytes, end, head, ts, seq)) {
    const place = { line: reading.line, subject: event.name };
    context.diagnostics.add('payload_unreadable', 1, place);
  }
}

/** The event of the line; a command that looks like a time is passed over. */
function readEvent(
  { tables, head }: Reading,
  bytes: Uint8Array,
  start: number,
  end: number,
): EventName | undefined {
  do {
    const event = eventOf(tables, bytes, end, head);
    // Without a thread before it and a system in it, a word with a colon is no event.
    if (event !== undefined && (head.hasTid || event.system !== '')) return event;
  } while (parseHeadFrom(bytes, start, start + head.point + 1, end, head));
  return undefined;
}

/** Nanoseconds since the text's first event; also notes what follows from the line's time and CPU. */
function timeOf(reading: Reading, head: LineHead): number {
  const { cpu } = head;
  if (reading.events === 0) {
    reading.originSeconds = head.seconds;
    reading.originFraction = head.fraction;
  }
  const ts =
    (head.seconds - reading.originSeconds) * 1e9 + (head.fraction - reading.originFraction);
  if (ts > reading.lastTs) reading.lastTs = ts;
  else if (ts < reading.firstTs) reading.firstTs = ts;
  if (head.digits > reading.maxDigits) reading.maxDigits = head.digits;
  if (cpu > reading.maxCpu && cpu !== NO_CPU) reading.maxCpu = cpu;
  if (ts < (reading.lastOfCpu[cpu] as number)) reading.backwards++;
  reading.lastOfCpu[cpu] = ts;
  if (reading.waiting.size > 0 && reading.waiting.delete(cpu)) reading.losses.resumed(cpu, ts);
  return ts;
}

// PERF_RECORD_LOST lost 1396     (PERF_RECORD_LOST_SAMPLES, at the end, counts the same again)
const LOST = /^PERF_RECORD_LOST lost (\d{1,15})/;
// PERF_RECORD_COMM exec: dd:16037/16037
const RECORD = /^PERF_RECORD_[A-Z]/;

function readOther(
  reading: Reading,
  bytes: Uint8Array,
  start: number,
  end: number,
  hasHead: boolean,
): void {
  if (isCallchain(bytes, start, end)) return;
  const { head } = reading;
  const from = hasHead ? skipToName(bytes, end, head) : start;
  const text = Buffer.from(bytes.subarray(from, end)).toString('latin1');
  if (text.trim() === '') return;
  if (bytes[start] === HASH) {
    readComment(reading, text);
    return;
  }
  const lost = LOST.exec(text.trimStart());
  if (lost !== null && hasHead) {
    reading.losses.lost(head.cpu, reading.lastOfCpu[head.cpu] as number, Number(lost[1]));
    reading.waiting.add(head.cpu);
  } else if (!RECORD.test(text.trimStart())) {
    reading.context.diagnostics.add('line_unreadable', 1, { line: reading.line });
  }
}

// # os release : 6.18.44     # arch : x86_64     # nrcpus avail : 2     (perf script --header)
const FACT = /^# (os release|arch|nrcpus avail) : (\S+)/;
// # event : name = …, use_clockid = 1, clockid = 7
const CLOCK = /^# event : .* use_clockid = 1, clockid = (\d{1,3})\b/;

function readComment({ facts }: Reading, text: string): void {
  const [, what, value = ''] = FACT.exec(text) ?? [];
  if (what === 'os release') facts.kernel = value;
  if (what === 'arch') facts.machine = value;
  if (what === 'nrcpus avail' && /^\d{1,5}$/.test(value)) facts.cpus = Number(value);
  if (facts.clock !== undefined || !text.startsWith('# event')) return;
  const clock = CLOCK.exec(text);
  if (clock !== null) facts.clock = clockName(Number(clock[1]));
}

function finish(reading: Reading): Imported {
  const { context, tables, facts } = reading;
  const { diagnostics } = context;
  if (reading.backwards > 0) diagnostics.add('time_went_backwards', reading.backwards);
  for (const { name, payloads } of tables.builders.values()) {
    if (payloads.usesPageSize && context.pageSize === undefined) {
      diagnostics.add('page_size_assumed', 1, { subject: name });
    }
    if (payloads.missing.length > 0) {
      const subject = `${name}: ${payloads.missing.join(', ')}`;
      diagnostics.add('event_fields_missing', payloads.missing.length, { subject });
    }
  }
  const origin = BigInt(reading.originSeconds) * 1_000_000_000n + BigInt(reading.originFraction);
  return {
    meta: {
      format: 'perf-script',
      format_title: 'perf script text',
      origin_ns: origin + BigInt(reading.firstTs),
      duration_ns: reading.lastTs - reading.firstTs,
      clock: facts.clock,
      resolution_ns: reading.maxDigits === 6 ? 1000 : 1,
      cpus: Math.max(facts.cpus ?? 0, reading.maxCpu + 1),
      kernel: facts.kernel,
      machine: facts.machine,
      page_size: context.pageSize,
      events: countEvents(tables),
      silent_events: [],
    },
    losses: finishLosses(reading),
    tables: finishTables(tables, -reading.firstTs),
  };
}

function finishLosses({ losses, firstTs, lastTs, context }: Reading): Loss[] {
  const all = losses.finish(firstTs, lastTs, NO_CPU);
  for (const { cpu, ts_ns, count } of all) {
    context.diagnostics.add('events_lost', count, { cpu, ts_ns });
  }
  return all;
}
