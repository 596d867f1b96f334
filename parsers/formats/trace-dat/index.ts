/** trace.dat as `trace-cmd record` writes it, version 6, any byte order and word size. */
import type { EventCount, Loss } from '../../../src/trace/trace.ts';
import type { ByteSource } from '../../bytes/source.ts';
import type { SymbolResolver } from '../../decode/event-columns.ts';
import type { ImportContext, Imported, Importer } from '../../importer.ts';
import { type CpuData, MAGIC, readHeader, type TraceDatHeader } from './header.ts';
import type { SplitTime } from './pages.ts';
import { consume, earliestPage, nextBatch, openStreams, type PageStreams } from './streams.ts';
import {
  addBatch,
  finishTables,
  type FormatsById,
  makeAssembler,
  type TableAssembler,
} from './tables.ts';

export const traceDat: Importer = {
  id: 'trace-dat',
  title: 'trace.dat',
  sniff: (head) => [...MAGIC].every((char, at) => head[at] === char.charCodeAt(0)),
  read,
};

const NANOSECOND_CLOCKS = ['local', 'global', 'perf', 'mono', 'mono_raw', 'boot', 'tai'];

function read(source: ByteSource, context: ImportContext): Imported {
  const header = readHeader(source);
  const formats = formatsById(header, context);
  const cpus = presentData(source, header.cpus, context);
  const minSize = new Int32Array(65536).fill(-1);
  for (const [id, { format }] of formats) minSize[id] = format.minSize;
  const base = earliestPage(source, cpus, header.littleEndian);
  const scanner = { layout: header.layout, littleEndian: header.littleEndian, base, minSize };
  const streams = openStreams(cpus, scanner);
  const assembler = makeAssembler();
  readAll(source, streams, assembler, formats, header, context);
  reportDamage(streams, formats, context);
  reportMissing(assembler, context);
  for (const option of header.instances) {
    context.diagnostics.add('option_unreadable', 1, { subject: `buffer instance ${option}` });
  }
  if (header.clock !== undefined && !NANOSECOND_CLOCKS.includes(header.clock)) {
    context.diagnostics.add('clock_not_nanoseconds', undefined, { subject: header.clock });
  }
  const uname = parseUname(header.uname);
  const first = assembler.seq === 0 ? 0 : assembler.firstTs;
  return {
    meta: {
      format: 'trace-dat',
      format_title: `trace.dat version ${header.version}`,
      origin_ns: absolute(base) + BigInt(first),
      duration_ns: assembler.lastTs - first,
      clock: header.clock,
      resolution_ns: 1,
      cpus: header.cpus.length,
      kernel: uname.kernel,
      machine: uname.machine,
      page_size: header.pageSize,
      ...countEvents(assembler, formats),
    },
    tables: finishTables(assembler, first),
    losses: lossesOf(streams, first, context),
  };
}

function formatsById(header: TraceDatHeader, context: ImportContext): FormatsById {
  for (const name of header.unreadableFormats) {
    context.diagnostics.add('event_format_unreadable', 1, { subject: name });
  }
  return new Map(
    header.formats.map((format) => [
      format.id,
      { format, definition: context.dictionary.get(format.name) },
    ]),
  );
}

/** The parts of the announced data that the file really has. */
function presentData(
  source: ByteSource,
  announced: readonly CpuData[],
  context: ImportContext,
): CpuData[] {
  let missing = 0;
  const present = announced.map(({ cpu, offset, size }) => {
    const here = Math.max(0, Math.min(size, source.size - offset));
    missing += size - here;
    return { cpu, offset, size: here };
  });
  if (missing > 0 || source.damage !== undefined) {
    const detail = source.damage === undefined ? '' : ` (unpacking: ${source.damage})`;
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

function readAll(
  source: ByteSource,
  streams: PageStreams,
  assembler: TableAssembler,
  formats: FormatsById,
  header: TraceDatHeader,
  context: ImportContext,
): void {
  const resolveSymbol = symbolResolver(header.kernelSymbols);
  for (;;) {
    const batch = nextBatch(source, streams);
    if (batch === undefined) return;
    addBatch(assembler, batch, formats, header.tasks, resolveSymbol);
    consume(streams, batch);
    context.progress(shareRead(streams));
  }
}

function reportDamage(all: PageStreams, formats: FormatsById, context: ImportContext): void {
  const { diagnostics } = context;
  for (const offset of all.damagedAt) diagnostics.add('page_damaged', 1, { offset });
  for (const [id, count] of all.scan.short) {
    diagnostics.add('record_too_short', count, { subject: formats.get(id)?.format.name ?? `${id}` });
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

/** Gaps as losses on the trace's clock, each also a diagnostic. */
function lossesOf(all: PageStreams, first: number, context: ImportContext): Loss[] {
  return all.gaps.map(({ cpu, fromTs, ts, count }) => {
    const loss = { cpu, count, ts_ns: Math.max(0, ts - first), from_ns: Math.max(0, fromTs - first) };
    context.diagnostics.add('events_lost', count, { cpu, ts_ns: loss.ts_ns });
    return loss;
  });
}

function countEvents(
  assembler: TableAssembler,
  formats: FormatsById,
): { events: EventCount[]; silent_events: string[] } {
  const events: EventCount[] = [];
  const silent: string[] = [];
  for (const [id, { format }] of formats) {
    const builder = assembler.builders.get(id);
    const count = builder?.slots.reduce((sum, slot) => sum + slot.count, 0) ?? 0;
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

// Linux 6.18.44-fc-v595 x86_64
function parseUname(text: string | undefined): { kernel: string | undefined; machine: string | undefined } {
  const words = text?.split(/\s+/) ?? [];
  return { kernel: words[1], machine: words[2] };
}

// ffffffff811d3e60 T super_cache_scan	[module]
function symbolResolver(text: string): SymbolResolver {
  let table: { address: bigint; name: string }[] | undefined;
  return (address) => {
    table ??= parseSymbols(text);
    let low = 0;
    let high = table.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((table[middle]?.address ?? 0n) <= address) low = middle + 1;
      else high = middle;
    }
    return table[low - 1]?.name ?? `0x${address.toString(16)}`;
  };
}

function parseSymbols(text: string): { address: bigint; name: string }[] {
  const symbols: { address: bigint; name: string }[] = [];
  for (const line of text.split('\n')) {
    const match = /^([0-9a-fA-F]{1,16}) \S (\S+)/.exec(line);
    if (match !== null) symbols.push({ address: BigInt(`0x${match[1]}`), name: match[2] ?? '' });
  }
  return symbols.sort((left, right) => (left.address < right.address ? -1 : 1));
}
