/**
 * Trace text as the kernel prints it (`trace`, `trace_pipe`) and as `trace-cmd report` does. Both
 * write one event a line; the kernel adds latency flags, trace-cmd pads the event's name.
 */
import { generationOf } from '../../../src/events/index.ts';
import type { Loss } from '../../../src/trace/trace.ts';
import type { ByteSource } from '../../bytes/source.ts';
import { readEventLines } from '../../decode/event-lines.ts';
import type { ImportContext, Imported, Importer } from '../../importer.ts';
import { readOtherLine } from './header.ts';
import { type LineHead, makeLineHead, parsePrefix } from './line.ts';
import { sniff } from './sniff.ts';
import {
  addRow,
  countEvents,
  eventOf,
  finishTables,
  makeTableSet,
  seenEvents,
  type TableSet,
} from './tables.ts';

export const ftraceText: Importer = {
  id: 'ftrace-text',
  title: 'ftrace text',
  sniff,
  read: (source, context) => readFtraceText(source, context),
};

const ASSUMED_PAGE_SIZE = 4096;
const MAX_CPUS = 65536;

/** A gap that ends at the next event of its CPU; times are those of the file until the end. */
type Gap = {
  readonly kind: 'lost' | 'start';
  readonly cpu: number;
  readonly count: number | undefined;
  readonly line: number;
  readonly from: number;
  ts: number | undefined;
};

/** What is known after the lines read so far. */
type Reading = {
  readonly context: ImportContext;
  readonly tables: TableSet;
  readonly head: LineHead;
  line: number;
  events: number;
  /** Absolute time of the first event: seconds and nanoseconds in the second. */
  originSeconds: number;
  originFraction: number;
  firstTs: number;
  lastTs: number;
  maxDigits: number;
  maxCpu: number;
  announcedCpus: number;
  byTraceCmd: boolean;
  overwrittenKnown: boolean;
  backwards: number;
  /** Time of the last event of each CPU; NaN before the first. */
  readonly lastOfCpu: Float64Array;
  readonly gaps: Gap[];
  /** Those of them whose CPU has had no event since. */
  readonly openGaps: Map<number, Gap[]>;
};

/** `chunkBytes` is for tests: the tables do not depend on it. */
export function readFtraceText(
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
    announcedCpus: 0,
    byTraceCmd: false,
    overwrittenKnown: false,
    backwards: 0,
    lastOfCpu: new Float64Array(MAX_CPUS).fill(Number.NaN),
    gaps: [],
    openGaps: new Map(),
  };
}

function readLine(reading: Reading, bytes: Uint8Array, start: number, end: number): void {
  reading.line++;
  const { head } = reading;
  // Commands are padded to 16 columns, so a line that begins with # is none of an event.
  const isPrefixed = bytes[start] !== 0x23 && parsePrefix(bytes, start, end, head);
  const event = isPrefixed ? eventOf(reading.tables, bytes, end, head) : undefined;
  if (event === undefined) {
    readOther(reading, bytes, start, end);
    return;
  }
  const ts = timeOf(reading, head);
  const seq = reading.events++;
  if (!addRow(reading.tables, event, bytes, end, head, ts, seq)) {
    const place = { line: reading.line, subject: event.name };
    reading.context.diagnostics.add('payload_unreadable', 1, place);
  }
}

/** Nanoseconds since the file's first event; also notes what follows from time and CPU. */
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
  if (cpu > reading.maxCpu) reading.maxCpu = cpu;
  if (ts < (reading.lastOfCpu[cpu] as number)) reading.backwards++;
  reading.lastOfCpu[cpu] = ts;
  if (reading.openGaps.size > 0) closeGaps(reading, cpu, ts);
  return ts;
}

function closeGaps(reading: Reading, cpu: number, ts: number): void {
  for (const gap of reading.openGaps.get(cpu) ?? []) gap.ts = ts;
  reading.openGaps.delete(cpu);
}

function readOther(reading: Reading, bytes: Uint8Array, start: number, end: number): void {
  const { diagnostics } = reading.context;
  const { line } = reading;
  const other = readOtherLine(Buffer.from(bytes.subarray(start, end)).toString('latin1'));
  switch (other.kind) {
    case 'known':
      return;
    case 'trace-cmd':
      reading.byTraceCmd = true;
      reading.announcedCpus = Math.max(reading.announcedCpus, other.cpus ?? 0);
      return;
    case 'header':
      reading.announcedCpus = Math.max(reading.announcedCpus, other.cpus ?? 0);
      reading.overwrittenKnown = true;
      if (other.overwritten !== undefined && other.overwritten > 0) {
        diagnostics.add('events_overwritten', other.overwritten, { line });
      }
      return;
    case 'cpu-start':
      openGap(reading, 'start', other.cpu, undefined);
      return;
    case 'lost':
      if (other.byTraceCmd) reading.byTraceCmd = true;
      openGap(reading, 'lost', other.cpu, other.count);
      return;
    case 'unknown':
      diagnostics.add('line_unreadable', 1, { line });
  }
}

function openGap(
  reading: Reading,
  kind: Gap['kind'],
  cpu: number,
  count: number | undefined,
): void {
  const last = reading.lastOfCpu[cpu] ?? Number.NaN;
  const from = Number.isNaN(last) ? reading.firstTs : last;
  const gap: Gap = { kind, cpu, count, line: reading.line, from, ts: undefined };
  reading.gaps.push(gap);
  const open = reading.openGaps.get(cpu);
  if (open === undefined) reading.openGaps.set(cpu, [gap]);
  else open.push(gap);
}

function finish(reading: Reading): Imported {
  const { context, tables } = reading;
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
      format: 'ftrace-text',
      format_title: reading.byTraceCmd ? 'trace-cmd report text' : 'ftrace text',
      origin_ns: origin + BigInt(reading.firstTs),
      duration_ns: reading.lastTs - reading.firstTs,
      clock: undefined,
      resolution_ns: reading.maxDigits === 6 ? 1000 : 1,
      cpus: Math.max(reading.announcedCpus, reading.maxCpu + 1),
      kernel: undefined,
      machine: undefined,
      page_size: context.pageSize,
      events: countEvents(tables),
      silent_events: [],
      generation: generationOf(seenEvents(tables)),
    },
    losses: finishGaps(reading),
    tables: finishTables(tables, -reading.firstTs),
  };
}

/** Losses on the trace's clock; each gap is also a diagnostic. */
function finishGaps(reading: Reading): Loss[] {
  const { diagnostics } = reading.context;
  return reading.gaps.flatMap(({ kind, cpu, count, line, from, ts }) => {
    const ts_ns = (ts ?? from) - reading.firstTs;
    if (kind === 'start') {
      // The header's count, where there is one, already has these.
      const amount = reading.overwrittenKnown ? 0 : undefined;
      diagnostics.add('events_overwritten', amount, { cpu, ts_ns, line });
      return [];
    }
    diagnostics.add('events_lost', count, { cpu, ts_ns, line });
    return [{ cpu, ts_ns, from_ns: from - reading.firstTs, count }];
  });
}
