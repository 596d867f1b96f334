/**
 * Trace text as the kernel prints it (`trace`, `trace_pipe`) and as `trace-cmd report` does. Both
 * write one event a line; the kernel adds latency flags, trace-cmd pads the event's name.
 */
import { generationOf } from '../../../src/events/index.ts';
import type { Loss } from '../../../src/trace/trace.ts';
import type { ByteSource } from '../../bytes/source.ts';
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
import { belowZeroOf, countEvents, seenEvents } from '../../decode/text-tables.ts';
import { readTextEvents, readTextInThreads } from '../../decode/text-threads.ts';
import type { ImportContext, Imported } from '../../importer.ts';
import type { WorkerPool } from '../../workers/pool.ts';
import { readLineOf } from './header.ts';
import { COUNT_DIGITS, isCaller, type LineHead, makeLineHead, parsePrefix } from './line.ts';
import { eventOf } from './names.ts';

/** A gap that ends at the next event of its CPU; times are those of the file until the end. */
type Gap = {
  readonly kind: 'lost' | 'start';
  readonly cpu: number;
  readonly count: number | undefined;
  readonly line: number;
  readonly from: number;
  ts: number | undefined;
};

/** What is known besides the events. */
type Facts = {
  readonly reading: TextReading;
  announcedCpus: number;
  byTraceCmd: boolean;
  overwrittenKnown: boolean;
  readonly gaps: Gap[];
  /** Those of them whose CPU has had no event since. */
  readonly openGaps: Map<number, Gap[]>;
};

const HASH = 0x23;

/** By several threads where there are any. */
export async function readFast(
  source: ByteSource,
  context: ImportContext,
  pool: WorkerPool | undefined,
): Promise<Imported> {
  if (pool === undefined) return readFtraceText(source, context);
  const format = startFtraceText(context);
  await readTextInThreads(source, context, format, pool);
  return finishFtraceText(format.facts, context);
}

export function readFtraceText(
  source: ByteSource,
  context: ImportContext,
  options: TextOptions = {},
): Imported {
  const format = startFtraceText(context);
  readTextEvents(source, context, format, options);
  return finishFtraceText(format.facts, context);
}

/** Everything that reading lines needs; all it finds out is in `reading` and `facts`. */
export function startFtraceText(context: TextContext) {
  const head = makeLineHead();
  const reading = startReading(context, head);
  const facts: Facts = {
    reading,
    announcedCpus: 0,
    byTraceCmd: false,
    overwrittenKnown: false,
    gaps: [],
    openGaps: new Map(),
  };
  return { id: 'ftrace-text' as const, reading, dialect: dialectOf(facts, head), facts };
}

function dialectOf(facts: Facts, head: LineHead): Dialect {
  return {
    readEvent: (set, bytes, start, end) => {
      // Commands are padded to 16 columns, so a line that begins with # is none of an event.
      const isPrefixed = bytes[start] !== HASH && parsePrefix(bytes, start, end, head);
      return isPrefixed ? eventOf(set, bytes, end, head) : undefined;
    },
    commOf: ({ comms }, bytes) => comms.codeOfBytes(bytes, head.commStart, head.commEnd),
    cpuOf: (bytes, start, end) => {
      const other = readLineOf(bytes, start, end);
      if (other.kind === 'known') return -1;
      return 'cpu' in other ? other.cpu : 0;
    },
    isCaller,
    onOther: (bytes, start, end) => readOther(facts, bytes, start, end),
    onResumed: (cpu, ts) => {
      for (const gap of facts.openGaps.get(cpu) ?? []) gap.ts = ts;
      facts.openGaps.delete(cpu);
    },
  };
}

function readOther(facts: Facts, bytes: Uint8Array, start: number, end: number): void {
  const { reading } = facts;
  const other = readLineOf(bytes, start, end);
  switch (other.kind) {
    case 'known':
      return;
    case 'trace-cmd':
      facts.byTraceCmd = true;
      facts.announcedCpus = Math.max(facts.announcedCpus, other.cpus ?? 0);
      return;
    case 'header':
      facts.announcedCpus = Math.max(facts.announcedCpus, other.cpus ?? 0);
      facts.overwrittenKnown = true;
      if (other.overwritten !== undefined && other.overwritten > 0) {
        note(reading, 'events_overwritten', other.overwritten);
      }
      return;
    case 'cpu-start':
      openGap(facts, 'start', other.cpu, undefined);
      return;
    case 'lost':
      if (other.byTraceCmd) facts.byTraceCmd = true;
      openGap(facts, 'lost', other.cpu, other.count);
      return;
    case 'unknown':
      note(reading, 'line_unreadable', 1);
  }
}

function openGap(
  { reading, gaps, openGaps }: Facts,
  kind: Gap['kind'],
  cpu: number,
  count: number | undefined,
): void {
  const last = reading.set.memory.lastOfCpu[cpu] ?? Number.NaN;
  const from = Number.isNaN(last) ? reading.firstTs : last;
  const gap: Gap = { kind, cpu, count, line: reading.line, from, ts: undefined };
  gaps.push(gap);
  reading.set.memory.isWaiting[cpu] = 1;
  const open = openGaps.get(cpu);
  if (open === undefined) openGaps.set(cpu, [gap]);
  else open.push(gap);
}

export function finishFtraceText(facts: Facts, context: ImportContext): Imported {
  const { reading } = facts;
  const { set } = reading;
  const disorder = disorderOf(reading, context);
  noteTables(reading, context);
  if (reading.maxDigits === COUNT_DIGITS)
    context.diagnostics.add('clock_not_nanoseconds', undefined);
  const origin = BigInt(reading.originSeconds) * 1_000_000_000n + BigInt(reading.originFraction);
  return {
    meta: {
      format: 'ftrace-text',
      format_title: facts.byTraceCmd ? 'trace-cmd report text' : 'ftrace text',
      origin_ns: origin + BigInt(reading.firstTs),
      duration_ns: reading.lastTs - reading.firstTs,
      clock: undefined,
      resolution_ns: reading.maxDigits === 6 ? 1000 : 1,
      cpus: Math.max(facts.announcedCpus, reading.maxCpu + 1),
      kernel: undefined,
      machine: undefined,
      page_size: context.pageSize,
      events: countEvents(set),
      silent_events: [],
      generation: generationOf(seenEvents(set)),
    },
    losses: finishGaps(facts, context),
    belowZero: belowZeroOf(set, -reading.firstTs),
    ...finishTables(set, { shift: -reading.firstTs, disorder }),
  };
}

/** Losses on the trace's clock; each gap is also a diagnostic. */
function finishGaps(facts: Facts, { diagnostics }: ImportContext): Loss[] {
  const { reading, gaps, overwrittenKnown } = facts;
  return gaps.flatMap(({ kind, cpu, count, line, from, ts }) => {
    const ts_ns = (ts ?? from) - reading.firstTs;
    if (kind === 'start') {
      // The header's count, where there is one, already has these.
      const amount = overwrittenKnown ? 0 : undefined;
      diagnostics.add('events_overwritten', amount, { cpu, ts_ns, line });
      return [];
    }
    diagnostics.add('events_lost', count, { cpu, ts_ns, line });
    return [{ cpu, ts_ns, from_ns: from - reading.firstTs, count }];
  });
}
