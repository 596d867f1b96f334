/** trace.dat as `trace-cmd record` writes it, versions 6 and 7, any byte order and word size. */

import { generationOf } from '../../../src/events/index.ts';
import { FormatError } from '../../../src/trace/errors.ts';
import type { EventCount } from '../../../src/trace/trace.ts';
import type { ByteSource } from '../../bytes/source.ts';
import { columnsOf } from '../../decode/event-columns.ts';
import type { EventFormat } from '../../decode/event-format.ts';
import { symbolResolver } from '../../decode/kernel-symbols.ts';
import type { ImportContext, Imported, Importer } from '../../importer.ts';
import { readFtraceText } from '../ftrace-text/index.ts';
import { makeClock } from './clock.ts';
import { type CpuData, type Instance, MAGIC, readPreamble, type TraceDatHeader } from './header.ts';
import { lossesOf } from './losses.ts';
import type { SplitTime } from './pages.ts';
import { consume, earliestPage, nextBatch, openStreams, type PageStreams } from './streams.ts';
import {
  addBatch,
  type FormatsById,
  finishTables,
  type MakeColumns,
  makeAssembler,
  type TableAssembler,
} from './tables.ts';
import { parsePrintkFormats, tracerColumns } from './tracer-records.ts';
import { readVersion6 } from './version6.ts';
import { readVersion7 } from './version7.ts';

export const traceDat: Importer = {
  id: 'trace-dat',
  title: 'trace.dat',
  sniff: (head) => [...MAGIC].every((char, at) => head[at] === char.charCodeAt(0)),
  read: (source, context) => readTraceDat(source, context),
};

const NANOSECOND_CLOCKS = ['local', 'global', 'perf', 'mono', 'mono_raw', 'boot', 'tai'];

/** `windowBytes`: how much of the events is held at a time; only tests give it. */
export function readTraceDat(
  source: ByteSource,
  context: ImportContext,
  windowBytes?: number,
): Imported {
  const { preamble, reader } = readPreamble(source);
  const sections = (preamble.version === 6 ? readVersion6 : readVersion7)(reader, preamble);
  const header: TraceDatHeader = { ...preamble, ...sections };
  reportOptions(header, context);
  const { text } = header;
  if (text !== undefined && header.instances.every(({ cpus }) => cpus.length === 0)) {
    return readText(text, header, context);
  }
  return readPages(source, header, context, windowBytes);
}

function readPages(
  source: ByteSource,
  header: TraceDatHeader,
  context: ImportContext,
  windowBytes: number | undefined,
): Imported {
  const formats = formatsById(header, context);
  const instances = usable(source, header, context);
  const minSize = new Int32Array(65536).fill(-1);
  for (const [id, { format }] of formats) minSize[id] = format.minSize;
  const { littleEndian, tasks, options } = header;
  const all = instances.flatMap(({ cpus }) => cpus);
  const base = earliestPage(all, littleEndian);
  const streams = openStreams(instances, { littleEndian, base, minSize }, windowBytes);
  const assembler = makeAssembler();
  const makeColumns = columnMaker(header);
  for (let batch = nextBatch(streams); batch !== undefined; batch = nextBatch(streams)) {
    addBatch(assembler, batch, formats, tasks, makeColumns, shareRead(streams));
    consume(streams, batch);
    context.progress(shareRead(streams));
  }
  reportDamage(streams, formats, header, context);
  reportMissing(assembler, context);
  const first = assembler.seq === 0 ? 0 : assembler.firstTs;
  const clock = makeClock(absolute(base), options.tscToNs, options.offset_ns);
  const sinceFirst = (ts: number) => clock.between(first, ts);
  return {
    meta: {
      ...machineFacts(header),
      origin_ns: clock.absolute(absolute(base) + BigInt(first)),
      duration_ns: assembler.seq === 0 ? 0 : sinceFirst(assembler.lastTs),
      clock: instances[0]?.clock ?? options.clock,
      resolution_ns: 1,
      ...countEvents(assembler, formats),
    },
    tables: finishTables(assembler, {
      lanes: streams.streams,
      convertTimes: (values) => clock.convert(values, first),
    }),
    losses: lossesOf(streams, options.statistics, sinceFirst, context),
  };
}

/** What a latency tracer wrote, which trace-cmd keeps as the kernel printed it. */
function readText(text: ByteSource, header: TraceDatHeader, context: ImportContext): Imported {
  const { meta, ...rest } = readFtraceText(text, { ...context, pageSize: header.pageSize });
  const facts = machineFacts(header);
  const format_title = `${facts.format_title}, text of a latency tracer`;
  const cpus = Math.max(facts.cpus, meta.cpus);
  const { clock } = header.options;
  const generation = facts.generation ?? meta.generation;
  return { ...rest, meta: { ...meta, ...facts, format_title, cpus, clock, generation } };
}

function machineFacts(header: TraceDatHeader) {
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
  if (options.isCut) diagnostics.add('input_truncated', undefined, {}, 'options are missing');
  for (const subject of options.unreadable) diagnostics.add('option_unreadable', 1, { subject });
  if (options.hasTimeShift) {
    const subject = 'times of a guest, left on the clock of the guest';
    diagnostics.add('option_unreadable', 1, { subject });
  }
}

function columnMaker(header: TraceDatHeader): MakeColumns {
  const resolveSymbol = symbolResolver(header.kernelSymbols);
  const printk = parsePrintkFormats(header.printkFormats);
  return ({ format, definition }) =>
    tracerColumns(format, printk, header.longBytes, resolveSymbol) ??
    columnsOf(format, definition, resolveSymbol);
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
    const subject = `buffer instance ${instance.name}, whose clock is ${instance.clock}`;
    diagnostics.add('option_unreadable', 1, { subject });
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
  all: PageStreams,
  formats: FormatsById,
  header: TraceDatHeader,
  context: ImportContext,
): void {
  const { diagnostics } = context;
  for (const { offset, reason } of header.damaged) {
    diagnostics.add('page_damaged', 1, { offset, subject: reason });
  }
  for (const offset of all.damagedAt.sort((left, right) => left - right))
    diagnostics.add('page_damaged', 1, { offset });
  for (const [id, count] of all.scan.short) {
    diagnostics.add('record_too_short', count, {
      subject: formats.get(id)?.format.name ?? `${id}`,
    });
  }
  for (const [id, count] of all.scan.unknown) {
    diagnostics.add('event_format_missing', count, { subject: `id ${id}` });
  }
  if (all.scan.backwards > 0) diagnostics.add('time_went_backwards', all.scan.backwards);
}

function reportMissing(assembler: TableAssembler, context: ImportContext): void {
  for (const { format, columns } of assembler.builders.values()) {
    if (columns.missing.length === 0) continue;
    const subject = `${format.name}: ${columns.missing.join(', ')}`;
    context.diagnostics.add('event_fields_missing', columns.missing.length, { subject });
  }
}

function countEvents(
  assembler: TableAssembler,
  formats: FormatsById,
): { events: EventCount[]; silent_events: string[] } {
  const events: EventCount[] = [];
  const silent: string[] = [];
  for (const [id, { format }] of formats) {
    const builder = assembler.builders.get(id);
    const count = builder?.ts.length ?? 0;
    if (count > 0) events.push({ name: format.name, system: format.system, count });
    else silent.push(format.name);
  }
  events.sort((left, right) => (left.name < right.name ? -1 : 1));
  return { events, silent_events: silent.sort() };
}

function shareRead(all: PageStreams): number {
  const left = all.streams.reduce((sum, { fileAt, fileEnd }) => sum + fileEnd - fileAt, 0);
  return all.totalBytes === 0 ? 1 : 1 - left / all.totalBytes;
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
