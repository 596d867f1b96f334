/**
 * The sections of a trace.dat version 6 in file order, after the page size (trace-cmd,
 * Documentation/trace-cmd/trace-cmd.dat.v6.5.txt):
 *
 *   header_page, header_event, tracer's own formats, event formats by system,
 *   kernel symbols, trace_printk formats, names of tasks, number of CPUs,
 *   "options  \0" (kind, size, data)…, then "flyrecord\0" and offset and size of each CPU's data,
 *   or "latency  \0" and the trace as text
 *
 * An option points at each further buffer, which also begins with "flyrecord\0".
 */
import { FormatError } from '../../../src/trace/errors.ts';
import { type ByteReader, makeReader, readSize, readText, readU32 } from '../../bytes/reader.ts';
import { sliceSource } from '../../bytes/source.ts';
import {
  readFormats,
  readKernelSymbols,
  readTasks,
  sectionSize,
} from '../../decode/tracing-header.ts';
import {
  type CpuData,
  type Instance,
  type PageLayout,
  type Preamble,
  readPageLayout,
  type Sections,
} from './header.ts';
import { noOptions, type Options, readOptions } from './options.ts';

const MAX_CPUS = 1 << 14;
const MAX_INSTANCES = 1 << 10;
const KIND_BYTES = 10;

export function readVersion6(reader: ByteReader, preamble: Preamble): Sections {
  const layout = readPageLayout(reader, preamble);
  const formats = readFormats(reader);
  const kernelSymbols = readKernelSymbols(reader);
  const printkFormats = readPrintkFormats(reader);
  const tasks = readTasks(reader);
  const cpuCount = readU32(reader, 'number of CPUs');
  if (cpuCount > MAX_CPUS) {
    throw new FormatError(`${reader.source.name} claims ${cpuCount} CPUs`, reader.offset - 4);
  }
  const options = noOptions();
  skipToData(reader, options);
  const at = reader.offset;
  const kind = readText(reader, KIND_BYTES, 'kind of trace data');
  const common = { formats, kernelSymbols, printkFormats, tasks, options, cpuCount };
  const plain = { ...common, packed: undefined, damaged: [] };
  if (kind.startsWith('latency')) {
    const { source, offset } = reader;
    const text = sliceSource(source, source.name, offset, source.size - offset);
    return { ...plain, instances: [], text };
  }
  expectFlyrecord(reader, kind, at);
  const top = { name: '', clock: options.clock, layout, cpus: readCpuTable(reader, cpuCount) };
  const others = options.buffers
    .slice(0, MAX_INSTANCES)
    .flatMap(({ name, offset }) => readInstance(reader, name, offset, cpuCount, layout, options));
  return { ...plain, instances: [top, ...others], text: undefined };
}

export function readPrintkFormats(reader: ByteReader): string {
  const what = 'trace_printk formats';
  const size = sectionSize(reader, readU32(reader, `size of ${what}`), what);
  return readText(reader, size, what);
}

/** Options are optional: old files go on with their data. */
function skipToData(reader: ByteReader, options: Options): void {
  const at = reader.offset;
  if (readText(reader, KIND_BYTES, 'options') === 'options  \0') readOptions(reader, options, 6);
  else reader.offset = at;
}

function expectFlyrecord(reader: ByteReader, kind: string, at: number): void {
  if (kind === 'flyrecord\0') return;
  const found = JSON.stringify(kind);
  throw new FormatError(`${reader.source.name}: unknown kind of trace data ${found}`, at);
}

function readCpuTable(reader: ByteReader, count: number): CpuData[] {
  const { source } = reader;
  return Array.from({ length: count }, (_, cpu) => {
    const offset = readSize(reader, `offset of the data of CPU ${cpu}`);
    return { cpu, source, offset, size: readSize(reader, `size of the data of CPU ${cpu}`) };
  });
}

/** A buffer that is not where its option says costs that buffer only. */
function readInstance(
  top: ByteReader,
  name: string,
  offset: number,
  cpuCount: number,
  layout: PageLayout,
  options: Options,
): Instance[] {
  const reader = makeReader(top.source, offset, top.littleEndian);
  try {
    skipToData(reader, noOptions());
    const at = reader.offset;
    expectFlyrecord(reader, readText(reader, KIND_BYTES, 'kind of trace data'), at);
    return [{ name, clock: options.clock, layout, cpus: readCpuTable(reader, cpuCount) }];
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    options.lostBuffers.push(`${name}: ${error.message}`);
    return [];
  }
}
