/**
 * A version 7 file without its last options, because it was cut: they stand behind the events and
 * say where those are. What is left is found again by walking from section to section. Of a buffer
 * its name is lost then, and which of its data belong to which CPU:
 *
 *   section of a buffer: the data of each CPU that has any, each at the next page boundary, as
 *   pages, or packed as chunks whose number stands before them (packed-pages.ts)
 */
import { makeReader, readSize, readU16, readU32 } from '../../bytes/reader.ts';
import { type ByteSource, readBytes } from '../../bytes/source.ts';
import type { BufferOption, Options } from './options.ts';

const BUFFER = 3;
const FIRST_SECTION = 16;
const LAST_SECTION = 21;
const HEADER_BYTES = 16;
const IS_PACKED = 1;
const MAX_SECTIONS = 1 << 14;
const MAX_CHUNKS = 1 << 22;
const MAX_CPUS = 1 << 14;

type Place = {
  readonly source: ByteSource;
  readonly littleEndian: boolean;
  /** To which the data of each CPU is aligned, in bytes. */
  readonly pageSize: number;
};

export type FoundSection = {
  readonly kind: number;
  readonly offset: number;
  readonly isPacked: boolean;
  /** Where its content begins and ends, as far as the file has it. */
  readonly from: number;
  readonly end: number;
};

/** Walks from `first` to the end of the file, or to what is no section. */
export function findSections(place: Place, first: number): readonly FoundSection[] {
  const found: FoundSection[] = [];
  for (let offset = first; found.length < MAX_SECTIONS; ) {
    const section = sectionAt(place, offset);
    if (section === undefined) break;
    found.push(section);
    offset = section.end;
  }
  return found;
}

/** Undefined where none can be; one that was not finished has no size and reaches to the end. */
function sectionAt({ source, littleEndian }: Place, offset: number): FoundSection | undefined {
  if (offset + HEADER_BYTES > source.size) return undefined;
  const reader = makeReader(source, offset, littleEndian);
  const kind = readU16(reader, 'kind of a section');
  const flags = readU16(reader, 'flags of a section');
  readU32(reader, 'title of a section');
  const size = readSize(reader, 'size of a section');
  const from = reader.offset;
  if (kind > 0xff || (flags & ~IS_PACKED) !== 0 || (size === 0 && kind !== BUFFER))
    return undefined;
  const end = size === 0 ? source.size : Math.min(source.size, from + size);
  return { kind, offset, isPacked: (flags & IS_PACKED) !== 0, from, end };
}

/** The first one is the top buffer, as trace-cmd writes it before all others. */
function bufferOf(
  place: Place,
  section: FoundSection,
  nth: number,
  cpuCount: number,
): BufferOption {
  const { pageSize } = place;
  const from = Math.ceil(section.from / pageSize) * pageSize;
  const find = section.isPacked ? packedCpus : plainCpus;
  return {
    offset: section.offset,
    name: nth === 0 ? '' : `unnamed ${nth}`,
    clock: '',
    pageBytes: undefined,
    cpus: find(place, from, section.end, cpuCount),
    isText: false,
  };
}

type Cpus = BufferOption['cpus'];

/** The number of chunks, then each with its size. */
function packedCpus(place: Place, from: number, end: number, cpuCount: number): Cpus {
  const { pageSize } = place;
  const cpus: { cpu: number; offset: number; size: number }[] = [];
  let chunks = 0;
  let offset = from;
  while (cpus.length < cpuCount && offset + 4 <= end) {
    const count = u32At(place, offset);
    let at = offset + 4;
    for (let nth = 0; nth < count && at + 8 <= end && chunks < MAX_CHUNKS; nth++, chunks++) {
      at += 8 + u32At(place, at);
    }
    const size = Math.min(at, end) - offset - 4;
    if (size > 0) cpus.push({ cpu: cpus.length, offset, size });
    offset = Math.ceil(at / pageSize) * pageSize;
  }
  return cpus;
}

function u32At({ source, littleEndian }: Place, offset: number): number {
  const bytes = readBytes(source, offset, 4);
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, littleEndian);
}

/** Pages begin with their time: where it goes back, those of the next CPU begin. */
function plainCpus(place: Place, from: number, end: number, cpuCount: number): Cpus {
  const { source, littleEndian, pageSize } = place;
  const cpus: { cpu: number; offset: number; size: number }[] = [];
  let last: bigint | undefined;
  for (let offset = from; offset < end; offset += pageSize) {
    const head = readBytes(source, offset, 8);
    if (head.length < 8) break;
    const time = new DataView(head.buffer, head.byteOffset, 8).getBigUint64(0, littleEndian);
    const isNext = last === undefined || (time < last && cpus.length < cpuCount);
    if (isNext) cpus.push({ cpu: cpus.length, offset, size: 0 });
    const cpu = cpus.at(-1);
    if (cpu !== undefined) cpu.size += Math.min(pageSize, end - offset);
    last = time;
  }
  return cpus;
}

/** Adds what the options would have named. Returns what to tell of it, if there is anything. */
export function addFound(
  place: Place,
  found: readonly FoundSection[],
  options: Options,
): string | undefined {
  for (const { kind, offset } of found) {
    const isNamed = kind < FIRST_SECTION || kind > LAST_SECTION || options.sections.has(kind);
    if (!isNamed) options.sections.set(kind, offset);
  }
  const known = new Set(options.buffers.map(({ offset }) => offset));
  const buffers = found
    .filter(({ kind }) => kind === BUFFER)
    .map((section, nth) => ({ section, nth }))
    .filter(({ section }) => !known.has(section.offset))
    .map(({ section, nth }) => bufferOf(place, section, nth, options.cpuCount ?? MAX_CPUS));
  options.buffers.push(...buffers);
  const cpus = buffers.reduce((sum, buffer) => sum + buffer.cpus.length, 0);
  if (cpus === 0) return undefined;
  const whose = cpus === 1 ? 'one CPU were' : `${cpus} CPUs, numbered as they come, were`;
  return `the events of ${whose} found without them`;
}
