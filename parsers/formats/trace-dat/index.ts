/** A trace.dat from its header to its tables; importer.ts says what one is. */

import { generationOf } from '../../../src/events/index.ts';
import { FormatError } from '../../../src/trace/errors.ts';
import { latin1Text } from '../../bytes/latin1.ts';
import { type ByteSource, readBytes } from '../../bytes/source.ts';
import { countersOf } from '../../decode/event-columns.ts';
import type { EventFormat } from '../../decode/event-format.ts';
import { TRACING_MAGIC } from '../../decode/tracing-magic.ts';
import type { ImportContext, Imported } from '../../importer.ts';
import { MIN_BYTES_FOR_WORKERS } from '../../workers/pool.ts';
import { canonicalName, type EventBuilder, type FormatsById } from './assemble.ts';
import { makeWatches } from './below-zero.ts';
import { makeClock } from './clock.ts';
import { columnMaker } from './columns.ts';
import { type CpuData, type Instance, readPreamble, type TraceDatHeader } from './header.ts';
import { readInOrder } from './in-order.ts';
import { readInSlices } from './in-slices.ts';
import { lossesOf } from './losses.ts';
import type { SplitTime } from './pages.ts';
import type { EventsRead, Recording } from './recording.ts';
import { earliestPage, type Lane, lanesOf } from './streams.ts';
import { countEvents, finishTables, foundBelowZero } from './tables.ts';
import { taskCodes } from './task-codes.ts';
import { leastBytes } from './tracer-records.ts';
import { readVersion6 } from './version6.ts';
import { readVersion7 } from './version7.ts';

/** Of version 7: where the name of the packing begins, how far is looked for it. */
const PACKING_AT = 18;
const HEAD_BYTES = 32;
/** Events shrink 5 to 60 times. */
const LEAST_RATIO = 4;

const NANOSECOND_CLOCKS = ['local', 'global', 'perf', 'mono', 'mono_raw', 'boot', 'tai'];

/** By threads where the file is large. */
export async function readWithThreads(
  source: ByteSource,
  context: ImportContext,
): Promise<Imported> {
  // Threads start while the header is read.
  const isLarge = source.file !== undefined && unpackedBytes(source) >= MIN_BYTES_FOR_WORKERS;
  const pool = isLarge ? context.workers?.('trace-dat') : undefined;
  const opened = openTraceDat(source, context);
  if (opened.text !== undefined) {
    const { readText } = await import('./latency-text.ts');
    return readText(opened, context);
  }
  const read =
    (await readInSlices(opened.recording, context, pool)) ??
    readInOrder(opened.recording, context, undefined);
  return finishImport(opened, read, context);
}

/** What the file unpacks to, at a guess before its header is read. */
function unpackedBytes(source: ByteSource): number {
  const head = latin1Text(readBytes(source, 0, HEAD_BYTES));
  const isPacked = head.startsWith(`${TRACING_MAGIC}7\0`) && !head.startsWith('none\0', PACKING_AT);
  return isPacked ? LEAST_RATIO * source.size : source.size;
}

/** A file with pages, ready to have its events read. */
export type Opened = {
  readonly text?: undefined;
  readonly recording: Recording;
  readonly header: TraceDatHeader;
  /** The clock of the buffers, where they say it. */
  readonly clock: string | undefined;
};

/** A file with the text of a latency tracer instead. */
export type OpenedText = { readonly text: ByteSource; readonly header: TraceDatHeader };

export function openTraceDat(source: ByteSource, context: ImportContext): Opened | OpenedText {
  const { preamble, reader } = readPreamble(source);
  const sections = (preamble.version === 6 ? readVersion6 : readVersion7)(reader, preamble);
  const header: TraceDatHeader = { ...preamble, ...sections };
  reportOptions(header, context);
  const { text } = header;
  if (text !== undefined && header.instances.every(({ cpus }) => cpus.length === 0)) {
    return { text, header };
  }
  const formats = formatsById(header, context);
  const instances = usable(source, header, context);
  const clock = instances[0]?.clock ?? header.options.clock;
  return { recording: recordingOf(header, formats, lanesOf(instances), context), header, clock };
}

function recordingOf(
  header: TraceDatHeader,
  formats: FormatsById,
  lanes: readonly Lane[],
  { keep }: ImportContext,
): Recording {
  const { littleEndian } = header;
  const minSize = new Int32Array(65536).fill(-1);
  for (const [id, { format }] of formats) minSize[id] = leastBytes(format);
  const base = earliestPage(lanes, littleEndian);
  const unkept = [...formats].filter(
    ([, known]) => keep !== undefined && keep(canonicalName(known)) !== 'columns',
  );
  const counters = unkept.map(
    ([id, { format, definition }]) => [id, countersOf(format, definition)] as const,
  );
  return {
    lanes,
    formats,
    texts: header,
    makeColumns: columnMaker(header),
    keep,
    watches: makeWatches(counters, littleEndian),
    tasks: taskCodes(header.tasks),
    scanner: { littleEndian, base, minSize },
    base,
    tscToNs: header.options.tscToNs,
  };
}

export function finishImport(
  { recording, header, clock: clockName }: Opened,
  read: EventsRead,
  context: ImportContext,
): Imported {
  const { options } = header;
  const { lanes, formats, base, tasks } = recording;
  const { builders, firstTs, lastTs } = read;
  reportDamage(read, formats, header, context);
  reportMissing(builders, context);
  const clock = makeClock(absolute(base), options.tscToNs, options.offset_ns);
  const sinceFirst = (ts: number) => clock.between(firstTs, ts);
  const rows = new Map(builders.map((builder) => [builder.id, builder.rows]));
  return {
    meta: {
      ...machineFacts(header),
      origin_ns: clock.absolute(absolute(base) + BigInt(firstTs)),
      duration_ns: sinceFirst(lastTs),
      clock: clockName,
      resolution_ns: 1,
      ...countEvents(formats, (id) => rows.get(id) ?? 0),
    },
    tables: finishTables({
      builders,
      lanes,
      tasks,
      convertTimes: (values) => clock.convert(values, firstTs - read.originTs),
    }),
    losses: lossesOf({ lanes, gaps: read.gaps }, options.statistics, sinceFirst, context),
    belowZero: foundBelowZero(builders, read.watches, sinceFirst),
    ...(read.neverBelowZero && { neverBelowZero: read.neverBelowZero }),
  };
}

export function machineFacts(header: TraceDatHeader) {
  const packed = header.packed === undefined ? '' : ` (${header.packed})`;
  return {
    format: 'trace-dat',
    format_title: `trace.dat version ${header.version}${packed}`,
    cpus: header.cpuCount,
    ...parseUname(header.options.uname),
    page_size: header.pageSize,
    generation: generationOf(new Map(header.formats.understood.map(namedFields))),
  };
}

function namedFields({ name, fields }: EventFormat): [string, string[]] {
  return [name, fields.map((field) => field.name)];
}

function reportOptions({ options }: TraceDatHeader, context: ImportContext): void {
  const { diagnostics } = context;
  if (options.missing !== undefined)
    diagnostics.add('input_truncated', undefined, {}, options.missing);
  for (const subject of options.unreadable) diagnostics.add('option_unreadable', 1, { subject });
  for (const reason of options.lostBuffers) diagnostics.add('buffer_left_out', 1, {}, reason);
  if (options.hasTimeShift) {
    const subject = 'times of a guest, left on the clock of the guest';
    diagnostics.add('option_unreadable', 1, { subject });
  }
}

/**
 * The buffers with events, as far as the file has them. Buffers of another clock than the first one
 * with events cannot be put in order with it.
 */
function usable(source: ByteSource, header: TraceDatHeader, context: ImportContext): Instance[] {
  const { diagnostics } = context;
  const present = presentData(source, header.instances, context);
  const filled = present.filter(({ cpus }) => cpus.some(({ size }) => size > 0));
  const clock = filled[0]?.clock ?? header.options.clock;
  if (
    clock !== undefined &&
    !NANOSECOND_CLOCKS.includes(clock) &&
    header.options.tscToNs === undefined
  ) {
    diagnostics.add('clock_not_nanoseconds', undefined, { subject: clock });
  }
  return filled.filter((instance) => {
    if (instance.clock === clock || instance.clock === undefined) return true;
    const { name, clock: other } = instance;
    diagnostics.add('buffer_left_out', 1, {}, `${name}: its clock is ${other}, not ${clock}`);
    return false;
  });
}

function formatsById(header: TraceDatHeader, context: ImportContext): FormatsById {
  for (const name of header.formats.unreadable) {
    context.diagnostics.add('event_format_unreadable', 1, { subject: name });
  }
  return new Map(
    header.formats.understood.map((format) => [
      format.id,
      { format, definition: context.dictionary.get(format.name) },
    ]),
  );
}

/** The parts of the announced data that the file really has. */
function presentData(
  source: ByteSource,
  announced: readonly Instance[],
  context: ImportContext,
): Instance[] {
  let missing = 0;
  let claimed = 0;
  let damage = source.damage;
  const presentCpu = (data: CpuData): CpuData => {
    const here = Math.max(0, Math.min(data.size, data.source.size - data.offset));
    missing += data.size - here;
    if (data.source === source) claimed += here;
    else damage ??= data.source.damage;
    return { ...data, size: here };
  };
  const present = announced.map((instance) => ({
    ...instance,
    cpus: instance.cpus.map(presentCpu),
  }));
  // Data that is claimed twice is no recording, and reading it could take forever.
  if (claimed > source.size) {
    throw new FormatError(
      `${source.name}: the data of its CPUs overlap (${claimed} bytes are claimed of ${source.size})`,
      present[0]?.cpus[0]?.offset,
    );
  }
  if (missing > 0 || damage !== undefined) {
    const detail = damage === undefined ? '' : ` (unpacking: ${damage})`;
    const announcedBytes = missing > 0 ? `${missing} bytes of events are missing` : 'damaged';
    context.diagnostics.add(
      'input_truncated',
      undefined,
      { offset: source.size },
      `at byte ${source.size}: ${announcedBytes}${detail}`,
    );
  }
  return present;
}

function reportDamage(
  { damagedAt, scan }: EventsRead,
  formats: FormatsById,
  header: TraceDatHeader,
  context: ImportContext,
): void {
  const { diagnostics } = context;
  for (const { offset, reason } of header.damaged) {
    diagnostics.add('page_damaged', 1, { offset, subject: reason });
  }
  for (const offset of damagedAt.toSorted((left, right) => left - right))
    diagnostics.add('page_damaged', 1, { offset });
  for (const [id, count] of byId(scan.short)) {
    diagnostics.add('record_too_short', count, {
      subject: formats.get(id)?.format.name ?? `${id}`,
    });
  }
  for (const [id, count] of byId(scan.unknown)) {
    diagnostics.add('event_format_missing', count, { subject: `id ${id}` });
  }
  if (scan.backwards > 0) diagnostics.add('time_went_backwards', scan.backwards);
}

function byId(counts: ReadonlyMap<number, number>): [id: number, count: number][] {
  return [...counts].sort(([left], [right]) => left - right);
}

function reportMissing(builders: readonly EventBuilder[], context: ImportContext): void {
  for (const { format, columns } of builders) {
    if (columns.missing.length === 0) continue;
    const subject = `${format.name}: ${columns.missing.join(', ')}`;
    context.diagnostics.add('event_fields_missing', columns.missing.length, { subject });
  }
}

function absolute(base: SplitTime): bigint {
  return (BigInt(base.high) << 32n) | BigInt(base.low);
}

// Linux localhost 6.18.44-fc-v595 x86_64     (the host's name may have been taken out)
function parseUname(text: string | undefined): {
  kernel: string | undefined;
  machine: string | undefined;
} {
  const words = text?.split(/\s+/) ?? [];
  return words.length < 3
    ? { kernel: undefined, machine: undefined }
    : { kernel: words.at(-2), machine: words.at(-1) };
}
