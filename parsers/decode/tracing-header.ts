/**
 * The description of a traced kernel that trace.dat begins with and that perf.data carries as its
 * tracing data (trace-cmd, Documentation/trace-cmd/trace-cmd.dat.v6.5.txt; perf writes the same in
 * tools/perf/util/trace-event-info.c):
 *
 *   "\x17\x08\x44tracing", version "0.6\0" ("6\0" in a trace.dat), endian, bytes of a long,
 *   page size,
 *   header_page, header_event, tracer's own formats, event formats by system,
 *   kernel symbols, trace_printk formats, names of tasks (not before 0.6)
 */
import { FormatError } from '../../src/trace/errors.ts';
import {
  type ByteReader,
  expectText,
  makeReader,
  readCString,
  readSize,
  readText,
  readU8,
  readU32,
  skip,
} from '../bytes/reader.ts';
import type { ByteSource } from '../bytes/source.ts';
import { type EventFormat, type KnownFields, parseEventFormat } from './event-format.ts';
import { TRACING_MAGIC } from './tracing-magic.ts';

/** No section may claim more than this. */
const MAX_SECTION_BYTES = 1 << 28;
const MAX_FORMATS = 1 << 16;

/** The kernel's `pid` of a task and the name that was saved for it. */
export type TaskNames = ReadonlyMap<number, string>;

export type Formats = {
  readonly understood: readonly EventFormat[];
  /** Names of formats that could not be understood. */
  readonly unreadable: readonly string[];
};

export type Machine = { readonly longBytes: number; readonly pageSize: number };

export type TracingData = Machine & {
  readonly formats: Formats;
  readonly kernelSymbols: string;
  readonly tasks: TaskNames;
};

/** What perf keeps as tracing data, from `offset` of the source. */
export function readTracingData(source: ByteSource, offset: number): TracingData {
  const preamble = makeReader(source, offset, true);
  expectText(preamble, TRACING_MAGIC, 'magic number of the tracing data');
  const version = readCString(preamble, 16, 'version of the tracing data');
  const reader = makeReader(source, preamble.offset, readU8(preamble, 'byte order') === 0);
  reader.offset = preamble.offset;
  const machine = readMachine(reader);
  for (const name of ['header_page', 'header_event']) {
    expectText(reader, `${name}\0`, `${name} section`);
    skip(reader, sectionSize(reader, readSize(reader, `size of ${name}`), name), name);
  }
  const formats = readFormats(reader);
  const kernelSymbols = readKernelSymbols(reader);
  skipPrintkFormats(reader);
  const tasks = Number(version) >= 0.6 ? readTasks(reader) : new Map<number, string>();
  return { ...machine, formats, kernelSymbols, tasks };
}

/** Bytes of a long, and of a page. */
export function readMachine(reader: ByteReader): Machine {
  const { name } = reader.source;
  const longBytes = readU8(reader, 'size of a long');
  const pageSize = readU32(reader, 'page size');
  const at = reader.offset;
  if (longBytes !== 4 && longBytes !== 8) {
    throw new FormatError(`${name} claims a long of ${longBytes} bytes`, at - 5);
  }
  const isPower = pageSize >= 1024 && pageSize <= 1 << 24 && (pageSize & (pageSize - 1)) === 0;
  if (!isPower) throw new FormatError(`${name} claims pages of ${pageSize} bytes`, at - 4);
  return { longBytes, pageSize };
}

/** A size that a section claims, refused before anything is allocated for it. */
export function sectionSize(reader: ByteReader, size: number, what: string): number {
  const left = reader.source.size - reader.offset;
  if (size > MAX_SECTION_BYTES || size > left) {
    throw new FormatError(
      `${reader.source.name} ends inside its ${what}: ${size} bytes are announced, ${left} are left`,
      reader.offset,
    );
  }
  return size;
}

export function readFormats(reader: ByteReader): Formats {
  const understood: EventFormat[] = [];
  const unreadable: string[] = [];
  const known: KnownFields = new Map();
  let seen = 0;
  const readSome = (system: string, count: number): void => {
    for (let index = 0; index < count; index++) {
      if (++seen > MAX_FORMATS) throw new FormatError('too many event formats', reader.offset);
      const what = `format ${index + 1} of ${count} of ${system}`;
      const size = sectionSize(reader, readSize(reader, `size of ${what}`), what);
      const text = readText(reader, size, what);
      const format = parseEventFormat(text, system, known);
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

export function readKernelSymbols(reader: ByteReader): string {
  const size = readU32(reader, 'size of kernel symbols');
  return readText(reader, sectionSize(reader, size, 'kernel symbols'), 'kernel symbols');
}

function skipPrintkFormats(reader: ByteReader): void {
  const what = 'trace_printk formats';
  skip(reader, sectionSize(reader, readU32(reader, `size of ${what}`), what), what);
}

// 17866 python3
export function readTasks(reader: ByteReader): TaskNames {
  const size = sectionSize(reader, readSize(reader, 'size of task names'), 'task names');
  const tasks = new Map<number, string>();
  for (const line of readText(reader, size, 'task names').split('\n')) {
    const space = line.indexOf(' ');
    if (space > 0) tasks.set(Number(line.slice(0, space)), line.slice(space + 1));
  }
  return tasks;
}
