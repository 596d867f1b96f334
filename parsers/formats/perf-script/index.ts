/** Text of `perf script`, with microseconds or nanoseconds (--ns), and what -F leaves of it. */
import { FormatError } from '../../../src/trace/errors.ts';
import type { Loss } from '../../../src/trace/trace.ts';
import type { ByteSource } from '../../bytes/source.ts';
import { NO_CPU } from '../../decode/perf-event-name.ts';
import { finishTables } from '../../decode/text-finish.ts';
import {
  type Dialect,
  disorderOf,
  note,
  noteTables,
  startReading,
  type TextContext,
  type TextOptions,
  type TextReading,
} from '../../decode/text-reading.ts';
import {
  belowZeroOf,
  countEvents,
  type EventName,
  type TableSet,
} from '../../decode/text-tables.ts';
import { readTextEvents, readTextInThreads } from '../../decode/text-threads.ts';
import type { ImportContext, Imported } from '../../importer.ts';
import type { WorkerPool } from '../../workers/pool.ts';
import { clockName } from '../perf-data/attrs.ts';
import { LossLog } from '../perf-data/losses.ts';
import {
  isBlankLine,
  isCaller,
  type LineHead,
  makeLineHead,
  parseHead,
  parseHeadFrom,
  skipToName,
} from './line.ts';
import { commOf, eventOf, RECORD } from './names.ts';

const HASH = 0x23;

/** What is known besides the events. */
type Facts = {
  readonly reading: TextReading;
  readonly head: LineHead;
  readonly losses: LossLog;
  readonly said: { kernel?: string; machine?: string; cpus?: number; clock?: string };
};

/** By several threads where there are any. */
export async function readFast(
  source: ByteSource,
  context: ImportContext,
  pool: WorkerPool | undefined,
): Promise<Imported> {
  if (pool === undefined) return readPerfScript(source, context);
  const format = startPerfScript(context);
  await readTextInThreads(source, context, format, pool);
  checkTimes(source, format.reading);
  return finishPerfScript(format.facts, context);
}

export function readPerfScript(
  source: ByteSource,
  context: ImportContext,
  options: TextOptions = {},
): Imported {
  const format = startPerfScript(context);
  readTextEvents(source, context, format, options);
  checkTimes(source, format.reading);
  return finishPerfScript(format.facts, context);
}

/** Of times that begin with 0, which perf sorts. */
const MAX_SHARE_DISORDERED = 0.1;
const FEW_EVENTS = 20;

/** Differences from event to event step back all the time. */
function checkTimes({ name }: ByteSource, reading: TextReading): void {
  const { originSeconds, originFraction, firstTs, backwards, disordered, events } = reading;
  const isFromZero = originSeconds === 0 && originFraction === 0 && firstTs === 0;
  if (!isFromZero || events < FEW_EVENTS) return;
  if (Math.max(backwards, disordered) < MAX_SHARE_DISORDERED * events) return;
  throw new FormatError(
    `${name} has times that count from the event before; perf script must print them ` +
      'without --deltatime',
  );
}

/** Everything that reading lines needs; all it finds out is in `reading` and `facts`. */
export function startPerfScript(context: TextContext) {
  const head = makeLineHead();
  const reading = startReading(context, head);
  const facts: Facts = { reading, head, losses: new LossLog(), said: {} };
  return { id: 'perf-script' as const, reading, dialect: dialectOf(facts), facts };
}

function dialectOf(facts: Facts): Dialect {
  const { head, losses } = facts;
  return {
    readEvent: (set, bytes, start, end) => readEvent(set, head, bytes, start, end),
    commOf: (set, bytes) => commOf(set, bytes, head),
    cpuOf: (bytes, start, end) => {
      if (isBlankLine(bytes, start, end)) return -1;
      return bytes[start] !== HASH && parseHead(bytes, start, end, head) ? head.cpu : 0;
    },
    isCaller,
    onOther: (bytes, start, end) => readOther(facts, bytes, start, end),
    onResumed: (cpu, ts) => losses.resumed(cpu, ts),
  };
}

/** The event of the line; a command that looks like a time is passed over. */
function readEvent(
  set: TableSet,
  head: LineHead,
  bytes: Uint8Array,
  start: number,
  end: number,
): EventName | undefined {
  if (bytes[start] === HASH || !parseHead(bytes, start, end, head)) return undefined;
  do {
    const event = eventOf(set, bytes, end, head);
    // Without a thread before it and a system in it, a word with a colon is no event.
    if (event !== undefined && (head.hasTid || event.system !== '')) return event;
  } while (parseHeadFrom(bytes, start, start + head.usual + 1, end, head));
  return undefined;
}

// PERF_RECORD_LOST lost 1396     (PERF_RECORD_LOST_SAMPLES, at the end, counts the same again)
const LOST = /^PERF_RECORD_LOST lost (\d{1,15})/;

function readOther(facts: Facts, bytes: Uint8Array, start: number, end: number): void {
  const { reading, head, losses } = facts;
  const isComment = bytes[start] === HASH;
  const hasHead = !isComment && parseHead(bytes, start, end, head);
  const from = hasHead ? skipToName(bytes, end, head) : start;
  const text = Buffer.from(bytes.subarray(from, end)).toString('latin1');
  if (text.trim() === '') return;
  if (isComment) {
    readComment(facts, text);
    return;
  }
  const lost = LOST.exec(text.trimStart());
  if (lost !== null && hasHead) {
    const { lastOfCpu, isWaiting } = reading.set.memory;
    losses.lost(head.cpu, lastOfCpu[head.cpu] as number, Number(lost[1]));
    isWaiting[head.cpu] = 1;
  } else if (!RECORD.test(text.trimStart())) {
    note(reading, 'line_unreadable', 1);
  }
}

// # os release : 6.18.44     # arch : x86_64     # nrcpus avail : 2     (perf script --header)
const FACT = /^# (os release|arch|nrcpus avail) : (\S+)/;
// # event : name = …, use_clockid = 1, clockid = 7
const CLOCK = /^# event : .* use_clockid = 1, clockid = (\d{1,3})\b/;

function readComment({ said }: Facts, text: string): void {
  const [, what, value = ''] = FACT.exec(text) ?? [];
  if (what === 'os release') said.kernel = value;
  if (what === 'arch') said.machine = value;
  if (what === 'nrcpus avail' && /^\d{1,5}$/.test(value)) said.cpus = Number(value);
  if (said.clock !== undefined || !text.startsWith('# event')) return;
  const clock = CLOCK.exec(text);
  if (clock !== null) said.clock = clockName(Number(clock[1]));
}

export function finishPerfScript(
  { reading, losses, said }: Facts,
  context: ImportContext,
): Imported {
  const { set } = reading;
  const disorder = disorderOf(reading, context);
  noteTables(reading, context);
  const origin = BigInt(reading.originSeconds) * 1_000_000_000n + BigInt(reading.originFraction);
  return {
    meta: {
      format: 'perf-script',
      format_title: 'perf script text',
      origin_ns: origin + BigInt(reading.firstTs),
      duration_ns: reading.lastTs - reading.firstTs,
      clock: said.clock,
      resolution_ns: reading.maxDigits === 6 ? 1000 : 1,
      cpus: Math.max(said.cpus ?? 0, reading.maxCpu + 1),
      kernel: said.kernel,
      machine: said.machine,
      page_size: context.pageSize,
      events: countEvents(set),
      silent_events: [],
    },
    losses: finishLosses(losses, reading, context),
    belowZero: belowZeroOf(set, -reading.firstTs),
    ...finishTables(set, { shift: -reading.firstTs, disorder }),
  };
}

function finishLosses(
  losses: LossLog,
  { firstTs, lastTs }: TextReading,
  { diagnostics }: ImportContext,
): Loss[] {
  const all = losses.finish(firstTs, lastTs, NO_CPU);
  for (const { cpu, ts_ns, count } of all) diagnostics.add('events_lost', count, { cpu, ts_ns });
  return all;
}
