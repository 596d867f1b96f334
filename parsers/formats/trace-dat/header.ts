/**
 * Everything in a trace.dat before its ring-buffer pages, whatever its version. Both begin with
 *
 *   magic "\x17\x08\x44tracing", version "6\0" or "7\0", endian, bytes of a long, page size
 *
 * and go on in fixed order (version6.ts) or as sections that options point at (version7.ts).
 */
import { FormatError } from '../../../src/trace/errors.ts';
import {
  type ByteReader,
  expectText,
  makeReader,
  readCString,
  readSize,
  readText,
  readU8,
  skip,
} from '../../bytes/reader.ts';
import type { ByteSource } from '../../bytes/source.ts';
import {
  type Formats,
  type Machine,
  readMachine,
  sectionSize,
  type TaskNames,
} from '../../decode/tracing-header.ts';
import { TRACING_MAGIC } from '../../decode/tracing-magic.ts';
import type { Options } from './options.ts';
import type { PackedLane } from './packed-pages.ts';

/** Where the pages of one CPU lie: in the file, or in a source that unpacks them. */
export type CpuData = {
  readonly cpu: number;
  readonly source: ByteSource;
  readonly offset: number;
  readonly size: number;
  /** Of packed pages in a file: what any thread can unpack. */
  readonly packed?: PackedLane | undefined;
};

/** A ring buffer of the recording; the top one has no name. */
export type Instance = {
  readonly name: string;
  readonly clock: string | undefined;
  readonly layout: PageLayout;
  readonly cpus: readonly CpuData[];
};

export type PageLayout = {
  /** Bytes of one ring-buffer page, its header included. */
  readonly pageBytes: number;
  /** Where the 64-bit or 32-bit commit word is, and where the events begin. */
  readonly commitAt: number;
  readonly commitBytes: number;
  readonly dataAt: number;
};

export type Damage = { readonly offset: number; readonly reason: string };

/** What both versions say before the events. */
export type Sections = {
  readonly formats: Formats;
  readonly kernelSymbols: string;
  /** Formats of trace_printk, `0xffffffff8280b1a0 : "text %d\n"` each. */
  readonly printkFormats: string;
  readonly tasks: TaskNames;
  readonly options: Options;
  readonly instances: readonly Instance[];
  /** The trace as text, where a latency tracer wrote no pages. */
  readonly text: ByteSource | undefined;
  readonly cpuCount: number;
  /** What the events are packed with; undefined if they are not. */
  readonly packed: string | undefined;
  /** Chunks of pages that could not be unpacked, filled while pages are read. */
  readonly damaged: readonly Damage[];
};

export type TraceDatHeader = Sections &
  Machine & { readonly version: number; readonly littleEndian: boolean };

/** What the reading of sections needs to know of the file. */
export type Preamble = Machine & { readonly version: number; readonly littleEndian: boolean };

/** The reader stands behind the page size afterwards. */
export function readPreamble(source: ByteSource): { preamble: Preamble; reader: ByteReader } {
  const start = makeReader(source, 0, true);
  expectText(start, TRACING_MAGIC, 'magic number');
  const version = Number(readCString(start, 16, 'version number'));
  if (version !== 6 && version !== 7) {
    throw new FormatError(
      `${source.name} is a trace.dat of version ${version}; this Tidemark reads versions 6 and 7 (run: trace-cmd convert --file-version 7 -i IN -o OUT)`,
      TRACING_MAGIC.length,
    );
  }
  const reader = makeReader(source, start.offset, readU8(start, 'byte order') === 0);
  reader.offset = start.offset;
  // What was read already: 1 MiB.
  reader.window = start.window;
  reader.start = start.start;
  const machine = readMachine(reader);
  return { preamble: { ...machine, version, littleEndian: reader.littleEndian }, reader };
}

/**
 * Texts of some hundred bytes: searching them must not take long however large they claim to be.
 */
const MAX_SMALL_TEXT = 1 << 12;

/** `header_page` and `header_event`, as tracefs describes its pages. */
export function readPageLayout(reader: ByteReader, machine: Machine): PageLayout {
  expectText(reader, 'header_page\0', 'page header section');
  const size = sectionSize(reader, readSize(reader, 'size of the page header'), 'page header');
  const text = readText(reader, size, 'page header').slice(0, MAX_SMALL_TEXT);
  expectText(reader, 'header_event\0', 'event header section');
  const what = 'event header';
  skip(reader, sectionSize(reader, readSize(reader, `size of the ${what}`), what), what);
  return layoutOf(text, machine);
}

export function plainLayout({ longBytes, pageSize }: Machine): PageLayout {
  return { pageBytes: pageSize, commitAt: 8, commitBytes: longBytes, dataAt: 8 + longBytes };
}

function layoutOf(text: string, machine: Machine): PageLayout {
  const { longBytes, pageSize } = machine;
  const commit = pageField(text, 'commit');
  const data = pageField(text, 'data');
  const dataAt = data?.offset ?? 8 + longBytes;
  const announced = dataAt + (data?.size ?? pageSize - dataAt);
  const commitAt = commit?.offset ?? 8;
  const commitBytes = commit?.size === 4 ? 4 : longBytes;
  const isSane =
    commitAt >= 8 &&
    commitAt + commitBytes <= dataAt &&
    dataAt <= 64 &&
    dataAt % 4 === 0 &&
    isPageSize(announced);
  return isSane ? { pageBytes: announced, commitAt, commitBytes, dataAt } : plainLayout(machine);
}

export function isPageSize(bytes: number): boolean {
  return bytes >= 256 && bytes <= 1 << 24 && bytes % 4 === 0;
}

//	field: local_t commit;	offset:8;	size:8;	signed:1;
function pageField(text: string, name: string): { offset: number; size: number } | undefined {
  const match = new RegExp(`field:[^;]*\\b${name};\\s*offset:(\\d+);\\s*size:(\\d+);`).exec(text);
  return match === null ? undefined : { offset: Number(match[1]), size: Number(match[2]) };
}
