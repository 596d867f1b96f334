/**
 * The sections of a trace.dat version 7, after the page size (trace-cmd,
 * Documentation/trace-cmd/trace-cmd.dat.v7.5.txt):
 *
 *   name and version of the packing ("none", "zlib" or "zstd"), u64 offset of the first options
 *
 * Every section begins with u16 kind, u16 flags (1 = packed), u32 its title, u64 size in the file.
 * The last of the options points at the next ones; options point at all other sections. Pages lie
 * where the option of their buffer says, packed in chunks (packed-pages.ts).
 */
import { FormatError } from '../../../src/trace/errors.ts';
import {
  type ByteReader,
  makeReader,
  readCString,
  readSize,
  readU16,
  readU32,
} from '../../bytes/reader.ts';
import { type ByteSource, memorySource, readBytes, sliceSource } from '../../bytes/source.ts';
import { type BlockUnpacker, blockUnpacker } from '../../bytes/unpack-block.ts';
import {
  readFormats,
  readKernelSymbols,
  readTasks,
  sectionSize,
} from '../../decode/tracing-header.ts';
import {
  type Damage,
  type Instance,
  isPageSize,
  type PageLayout,
  type Preamble,
  plainLayout,
  readPageLayout,
  type Sections,
} from './header.ts';
import { type BufferOption, noOptions, type Options, readOptions } from './options.ts';
import { makeBudget, packedPages, type UnpackBudget, unpackSection } from './packed-pages.ts';
import { readPrintkFormats } from './version6.ts';
import { addFound, findSections } from './version7-recovery.ts';

const OPTIONS = 0;
const HEADER_INFO = 16;
const FTRACE_FORMATS = 17;
const EVENT_FORMATS = 18;
const KERNEL_SYMBOLS = 19;
const PRINTK_FORMATS = 20;
const TASKS = 21;

const IS_PACKED = 1;
/** Of a section, before what it holds, and of a packed one the sizes of that. */
const HEADER_BYTES = 16;
const SIZES_BYTES = 8;
/** Files have one chain of options per buffer and one before them. */
const MAX_OPTION_SECTIONS = 1 << 12;

type File = {
  readonly source: ByteSource;
  readonly littleEndian: boolean;
  readonly packing: string;
  readonly unpack: BlockUnpacker;
  readonly budget: UnpackBudget;
};

type Section = { readonly offset: number; readonly size: number; readonly isPacked: boolean };

export function readVersion7(reader: ByteReader, preamble: Preamble): Sections {
  const { source, littleEndian } = reader;
  const packing = readCString(reader, 64, 'name of the packing');
  readCString(reader, 64, 'version of the packing');
  const first = readSize(reader, 'offset of the options');
  const unpack = blockUnpacker(packing) ?? unknownPacking(source, packing);
  const budget = makeBudget(source.size);
  const file = { source, littleEndian, packing, unpack, budget };
  const options = readAllOptions(file, first, reader.offset, preamble.pageSize);
  const layout = readLayout(file, options, preamble);
  const damaged: Damage[] = [];
  const instances = options.buffers
    .filter(({ isText }) => !isText)
    .flatMap((buffer) => instanceOf(file, buffer, layout, options, damaged));
  const highest = Math.max(-1, ...instances.flatMap(({ cpus }) => cpus.map(({ cpu }) => cpu)));
  const text = options.buffers.find(({ isText }) => isText);
  return {
    formats: readFormats(readerOfAll(file, options, [FTRACE_FORMATS, EVENT_FORMATS])),
    kernelSymbols: readKernelSymbols(readerOfAll(file, options, [KERNEL_SYMBOLS])),
    printkFormats: readPrintkFormats(readerOfAll(file, options, [PRINTK_FORMATS])),
    tasks: readTasks(readerOfAll(file, options, [TASKS])),
    options,
    instances,
    text: text === undefined ? undefined : textOf(file, text),
    cpuCount: Math.max(options.cpuCount ?? 0, highest + 1),
    packed: packing === 'none' ? undefined : packing,
    damaged,
  };
}

/** Without a need for it, a packing that nobody knows does no harm. */
function unknownPacking(source: ByteSource, packing: string): BlockUnpacker {
  return () => {
    throw new FormatError(
      `${source.name} is packed with ${packing}, which Tidemark does not know (run: trace-cmd convert --compression none -i IN -o OUT)`,
    );
  };
}

/** Where options are missing, or are not where they should be, what they name is looked for. */
function readAllOptions(
  file: File,
  first: number,
  sectionsFrom: number,
  pageSize: number,
): Options {
  const options = noOptions();
  const seen = new Set<number>();
  const failure = followOptions(file, first, options, seen);
  if (failure === undefined) return options;
  const place = { source: file.source, littleEndian: file.littleEndian, pageSize };
  const found = findSections(place, sectionsFrom);
  for (const { kind, offset } of found) {
    if (kind === OPTIONS && !seen.has(offset)) followOptions(file, offset, options, seen);
  }
  const told = addFound(place, found, options);
  // Without a format, nothing can be read.
  if (!options.sections.has(EVENT_FORMATS)) throw failure;
  options.missing = `options are missing${told === undefined ? '' : `; ${told}`}`;
  return options;
}

/** Reads a chain of options. Returns what stopped it before its end. */
function followOptions(
  file: File,
  first: number,
  options: Options,
  seen: Set<number>,
): FormatError | undefined {
  let offset = first;
  while (offset !== 0) {
    if (seen.has(offset) || seen.size >= MAX_OPTION_SECTIONS) {
      return new FormatError(`${file.source.name}: its options lead back to themselves`, offset);
    }
    seen.add(offset);
    options.next = 0;
    try {
      readOptions(sectionReader(file, sectionAt(file, offset, OPTIONS)), options, 7);
    } catch (error) {
      if (error instanceof FormatError) return error;
      throw error;
    }
    offset = options.next;
  }
  return undefined;
}

function sectionAt({ source, littleEndian }: File, offset: number, kind: number): Section {
  const reader = makeReader(source, offset, littleEndian, HEADER_BYTES);
  const found = readU16(reader, 'kind of a section');
  if (found !== kind) {
    throw new FormatError(`${source.name}: a section of kind ${found} instead of ${kind}`, offset);
  }
  const flags = readU16(reader, 'flags of a section');
  readU32(reader, 'title of a section');
  const size = readSize(reader, 'size of a section');
  return { offset: reader.offset, size, isPacked: (flags & IS_PACKED) !== 0 };
}

function sectionReader(
  { source, littleEndian, unpack, budget }: File,
  section: Section,
): ByteReader {
  const { offset, size, isPacked } = section;
  const reader = makeReader(source, offset, littleEndian, SIZES_BYTES);
  if (isPacked) {
    const bytes = unpackSection(reader, unpack, budget);
    return makeReader(memorySource(source.name, bytes), 0, littleEndian);
  }
  const length = sectionSize(reader, size, 'section');
  return makeReader(sliceSource(source, source.name, offset, length), 0, littleEndian);
}

/** Sections one behind the other; one that the file does not have reads as zero bytes. */
function readerOfAll(file: File, options: Options, kinds: readonly number[]): ByteReader {
  const parts = kinds.map((kind) => {
    const offset = options.sections.get(kind);
    if (offset === undefined) return new Uint8Array(8);
    const { source } = sectionReader(file, sectionAt(file, offset, kind));
    return readBytes(source, 0, source.size);
  });
  const bytes = new Uint8Array(Buffer.concat(parts));
  return makeReader(memorySource(file.source.name, bytes), 0, file.littleEndian);
}

function readLayout(file: File, options: Options, preamble: Preamble): PageLayout {
  if (!options.sections.has(HEADER_INFO)) return plainLayout(preamble);
  return readPageLayout(readerOfAll(file, options, [HEADER_INFO]), preamble);
}

/** The option says where the pages are; without a readable section, they are packed as usual. */
function instanceOf(
  file: File,
  buffer: BufferOption,
  layout: PageLayout,
  options: Options,
  damaged: Damage[],
): Instance[] {
  const { source, littleEndian, packing, unpack, budget } = file;
  const { name, pageBytes } = buffer;
  const section = tryFormat(() => sectionAt(file, buffer.offset, 3));
  if (section === undefined) options.unreadable.push(`section of buffer instance ${name}`);
  const isPacked = section?.isPacked ?? packing !== 'none';
  const cpus = buffer.cpus.map(({ cpu, offset, size }) => {
    if (!isPacked || size === 0) return { cpu, source, offset, size };
    const onDamage = (at: number, reason: string) => damaged.push({ offset: at, reason });
    const place = { source, offset, size, littleEndian, unpack, budget, onDamage };
    const { chunks, pages } = packedPages(place);
    const packed = source.file && { file: source.file, packing, chunks };
    return { cpu, source: pages, offset: 0, size: pages.size, packed };
  });
  const clock = buffer.clock === '' ? options.clock : buffer.clock;
  // Pages may be larger than those of the machine, for each buffer as it was set up.
  const isOwn = pageBytes !== undefined && isPageSize(pageBytes) && pageBytes > layout.pageBytes;
  return [{ name, clock, layout: isOwn ? { ...layout, pageBytes } : layout, cpus }];
}

function tryFormat<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

/** The text of a latency tracer, unpacked as a whole: the kernel's buffer for it is small. */
function textOf(file: File, { offset }: BufferOption): ByteSource {
  const { source, littleEndian, unpack, budget } = file;
  const section = sectionAt(file, offset, 22);
  if (!section.isPacked) return sliceSource(source, source.name, section.offset, section.size);
  const onDamage = () => {};
  const place = { source, offset: section.offset, size: section.size };
  return packedPages({ ...place, littleEndian, unpack, budget, onDamage }).pages;
}
