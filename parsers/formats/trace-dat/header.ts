/**
 * The sections of a trace.dat version 6 before its ring-buffer pages, in file order
 * (trace-cmd, Documentation/trace-cmd/trace-cmd.dat.v6.5.txt):
 *
 *   magic "\x17\x08\x44tracing" "6\0", endian, bytes of a long, page size
 *   header_page, header_event, tracer's own formats, event formats by system,
 *   kernel symbols, trace_printk formats, names of tasks, number of CPUs,
 *   "options  \0" (kind, size, data)…, then "flyrecord\0" and offset and size of each CPU's data
 */
import { FormatError } from '../../../src/trace/errors.ts';
import {
  type ByteReader,
  expectText,
  makeReader,
  readCString,
  readSize,
  readText,
  readU16,
  readU32,
  readU8,
  skip,
} from '../../bytes/reader.ts';
import type { ByteSource } from '../../bytes/source.ts';
import { type EventFormat, parseEventFormat } from '../../decode/event-format.ts';

export const MAGIC = '\x17\x08\x44tracing';

/** The kernel's `pid` of a task and the name that was saved for it. */
export type TaskNames = ReadonlyMap<number, string>;

export type CpuData = { readonly cpu: number; readonly offset: number; readonly size: number };

export type PageLayout = {
  /** Bytes of one ring-buffer page, its header included. */
  readonly pageBytes: number;
  /** Where the 64-bit or 32-bit commit word is, and where the events begin. */
  readonly commitAt: number;
  readonly commitBytes: number;
  readonly dataAt: number;
};

export type TraceDatHeader = {
  readonly version: number;
  readonly littleEndian: boolean;
  readonly longBytes: number;
  readonly pageSize: number;
  readonly layout: PageLayout;
  readonly formats: readonly EventFormat[];
  /** Names of formats that could not be understood. */
  readonly unreadableFormats: readonly string[];
  readonly kernelSymbols: string;
  readonly tasks: TaskNames;
  readonly clock: string | undefined;
  readonly uname: string | undefined;
  /** Buffer instances beside the main one, which version 6 keeps in an option. */
  readonly instances: readonly string[];
  readonly cpus: readonly CpuData[];
};

/** No section before the events may claim more than this. */
const MAX_SECTION_BYTES = 1 << 28;
const MAX_FORMATS = 1 << 16;
const MAX_CPUS = 1 << 14;

export function readHeader(source: ByteSource): TraceDatHeader {
  const preamble = makeReader(source, 0, true);
  expectText(preamble, MAGIC, 'magic number');
  const version = Number(readCString(preamble, 16, 'version number'));
  if (version !== 6) {
    throw new FormatError(
      `${source.name} is a trace.dat of version ${version}; this Tidemark reads version 6 (run: trace-cmd convert --file-version 6 -i IN -o OUT)`,
      MAGIC.length,
    );
  }
  const reader = makeReader(source, preamble.offset, readU8(preamble, 'byte order') === 0);
  reader.offset = preamble.offset;
  const longBytes = readU8(reader, 'size of a long');
  const pageSize = readU32(reader, 'page size');
  checkSizes(source, longBytes, pageSize, reader.offset);
  const layout = readPageLayout(reader, longBytes, pageSize);
  const formats = readFormats(reader);
  const kernelSymbols = readText(reader, section(reader, readU32(reader, 'size of kernel symbols'), 'kernel symbols'), 'kernel symbols');
  const printk = section(reader, readU32(reader, 'size of trace_printk formats'), 'trace_printk formats');
  skip(reader, printk, 'trace_printk formats');
  const taskBytes = section(reader, readSize(reader, 'size of task names'), 'task names');
  const tasks = parseTasks(readText(reader, taskBytes, 'task names'));
  const cpuCount = readU32(reader, 'number of CPUs');
  if (cpuCount > MAX_CPUS) throw new FormatError(`${source.name} claims ${cpuCount} CPUs`, reader.offset - 4);
  const options = readOptions(reader);
  const cpus = readCpuTable(reader, cpuCount);
  return {
    version,
    littleEndian: reader.littleEndian,
    longBytes,
    pageSize,
    layout,
    formats: formats.understood,
    unreadableFormats: formats.unreadable,
    kernelSymbols,
    tasks,
    ...options,
    cpus,
  };
}

function checkSizes(source: ByteSource, longBytes: number, pageSize: number, at: number): void {
  if (longBytes !== 4 && longBytes !== 8) {
    throw new FormatError(`${source.name} claims a long of ${longBytes} bytes`, at - 5);
  }
  const isPower = pageSize >= 1024 && pageSize <= 1 << 24 && (pageSize & (pageSize - 1)) === 0;
  if (!isPower) throw new FormatError(`${source.name} claims pages of ${pageSize} bytes`, at - 4);
}

/** A size that a section claims, refused before anything is allocated for it. */
function section(reader: ByteReader, size: number, what: string): number {
  const left = reader.source.size - reader.offset;
  if (size > MAX_SECTION_BYTES || size > left) {
    throw new FormatError(
      `${reader.source.name} ends inside its ${what}: ${size} bytes are announced, ${left} are left`,
      reader.offset,
    );
  }
  return size;
}

function readPageLayout(reader: ByteReader, longBytes: number, pageSize: number): PageLayout {
  expectText(reader, 'header_page\0', 'page header section');
  const size = section(reader, readSize(reader, 'size of the page header'), 'page header');
  const text = readText(reader, size, 'page header');
  expectText(reader, 'header_event\0', 'event header section');
  skip(reader, section(reader, readSize(reader, 'size of the event header'), 'event header'), 'event header');
  const commit = pageField(text, 'commit');
  const data = pageField(text, 'data');
  const dataAt = data?.offset ?? 8 + longBytes;
  const announced = dataAt + (data?.size ?? pageSize - dataAt);
  const isSane = dataAt >= 12 && dataAt <= 64 && announced >= 256 && announced % 4 === 0;
  return {
    pageBytes: isSane && announced <= 1 << 24 ? announced : pageSize,
    commitAt: commit?.offset === undefined || commit.offset > 32 ? 8 : commit.offset,
    commitBytes: commit?.size === 4 ? 4 : longBytes,
    dataAt: isSane ? dataAt : 8 + longBytes,
  };
}

//	field: local_t commit;	offset:8;	size:8;	signed:1;
function pageField(text: string, name: string): { offset: number; size: number } | undefined {
  const match = new RegExp(`field:[^;]*\\b${name};\\s*offset:(\\d+);\\s*size:(\\d+);`).exec(text);
  return match === null ? undefined : { offset: Number(match[1]), size: Number(match[2]) };
}

function readFormats(reader: ByteReader): { understood: EventFormat[]; unreadable: string[] } {
  const understood: EventFormat[] = [];
  const unreadable: string[] = [];
  let seen = 0;
  const readSome = (system: string, count: number): void => {
    for (let index = 0; index < count; index++) {
      if (++seen > MAX_FORMATS) throw new FormatError('too many event formats', reader.offset);
      const what = `format ${index + 1} of ${count} of ${system}`;
      const size = section(reader, readSize(reader, `size of ${what}`), what);
      const text = readText(reader, size, what);
      const format = parseEventFormat(text, system);
      if (format === undefined) unreadable.push(/^name:\s*(\S+)/m.exec(text)?.[1] ?? what);
      else understood.push(format);
    }
  };
  readSome('ftrace', readU32(reader, 'number of tracer formats'));
  const systems = readU32(reader, 'number of event systems');
  for (let index = 0; index < systems; index++) {
    const system = readCString(reader, 256, `name of event system ${index + 1} of ${systems}`);
    readSome(system, readU32(reader, `number of formats of ${system}`));
  }
  return { understood, unreadable };
}

// 17866 python3
function parseTasks(text: string): TaskNames {
  const tasks = new Map<number, string>();
  for (const line of text.split('\n')) {
    const space = line.indexOf(' ');
    if (space > 0) tasks.set(Number(line.slice(0, space)), line.slice(space + 1));
  }
  return tasks;
}

const OPTION_END = 0;
const OPTION_BUFFER = 3;
const OPTION_TRACECLOCK = 4;
const OPTION_UNAME = 5;
const KIND_BYTES = 10;

type Options = Pick<TraceDatHeader, 'clock' | 'uname' | 'instances'>;

function readOptions(reader: ByteReader): Options {
  let clock: string | undefined;
  let uname: string | undefined;
  const instances: string[] = [];
  const at = reader.offset;
  if (readText(reader, KIND_BYTES, 'options') !== 'options  \0') {
    reader.offset = at;
    return { clock, uname, instances };
  }
  for (;;) {
    const kind = readU16(reader, 'kind of an option');
    if (kind === OPTION_END) return { clock, uname, instances };
    const size = section(reader, readU32(reader, 'size of an option'), 'options');
    const data = readText(reader, size, 'options');
    // "local global counter uptime perf [mono] mono_raw boot tai x86-tsc\0"
    if (kind === OPTION_TRACECLOCK) clock = /\[([^\]]+)\]/.exec(data)?.[1];
    if (kind === OPTION_UNAME) uname = data.replace(/\0.*$/s, '').trim();
    if (kind === OPTION_BUFFER) instances.push(data.slice(8).replace(/\0.*$/s, ''));
  }
}

function readCpuTable(reader: ByteReader, count: number): CpuData[] {
  const at = reader.offset;
  const kind = readText(reader, KIND_BYTES, 'kind of trace data');
  if (kind.startsWith('latency')) {
    throw new FormatError(
      `${reader.source.name} holds a latency trace as text; give Tidemark the text itself (trace-cmd report)`,
      at,
    );
  }
  if (kind !== 'flyrecord\0') {
    throw new FormatError(`${reader.source.name}: unknown kind of trace data ${JSON.stringify(kind)}`, at);
  }
  return Array.from({ length: count }, (_, cpu) => {
    const offset = readSize(reader, `offset of the data of CPU ${cpu}`);
    return { cpu, offset, size: readSize(reader, `size of the data of CPU ${cpu}`) };
  });
}
