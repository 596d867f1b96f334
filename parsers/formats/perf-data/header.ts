/**
 * The file header, the attrs and the features of a perf.data
 * (tools/perf/Documentation/perf.data-file-format.txt):
 *
 *   "PERFILE2", size of this header, size of an attr entry, sections (offset, size) of attrs, data
 *   and event types, 256 bits of features; behind the data a section for each feature that is set
 *
 * In pipe mode only magic and size are there, and all of this comes as records.
 */
import { FormatError } from '../../../src/trace/errors.ts';
import { type ByteReader, makeReader, readSize, readU32, readView } from '../../bytes/reader.ts';
import { type ByteSource, sliceSource } from '../../bytes/source.ts';
import { MIN_ATTR_BYTES, type PerfAttr, parseAttr } from './attrs.ts';
import { MAGIC } from './importer.ts';

export type Section = { readonly offset: number; readonly size: number };

export type EventSource = {
  readonly attr: PerfAttr;
  /** Numbers by which samples name the event, one for each CPU or task. */
  readonly ids: readonly number[];
};

export type PerfHeader = {
  readonly littleEndian: boolean;
  readonly isPipe: boolean;
  readonly sources: readonly EventSource[];
  /** The records; empty when perf was killed before it wrote how many there are. */
  readonly data: Section;
  /** Sections by number of the feature, as far as the file has them. */
  readonly features: ReadonlyMap<number, Section>;
  /** How many more the header announces. */
  readonly missingFeatures: number;
};

const PIPE_HEADER_BYTES = 16;
const MAX_ATTRS = 1 << 16;
const MAX_IDS = 1 << 22;
const MAX_ATTR_BYTES = 1 << 12;
const FEATURE_BITS_AT = 72;
const FEATURE_WORDS = 8;
const FEATURE_HOSTNAME = 3;
const FEATURE_COMPRESSED = 27;

export function readHeader(source: ByteSource): PerfHeader {
  const magic = readView(makeReader(source, 0, true), 8, 'magic number');
  const littleEndian = magic.getUint8(0) === MAGIC.charCodeAt(0);
  const reader = makeReader(source, 8, littleEndian);
  const headerBytes = readSize(reader, 'size of the file header');
  if (headerBytes === PIPE_HEADER_BYTES) {
    const data = { offset: PIPE_HEADER_BYTES, size: source.size - PIPE_HEADER_BYTES };
    return {
      littleEndian,
      isPipe: true,
      sources: [],
      data,
      features: new Map(),
      missingFeatures: 0,
    };
  }
  const entryBytes = readSize(reader, 'size of an attr');
  const attrs = readSection(reader, 'attrs');
  const data = readSection(reader, 'data');
  if (headerBytes < FEATURE_BITS_AT || data.offset > source.size) {
    throw new FormatError(`${source.name}: its header makes no sense`, 8);
  }
  const sources = readSources(source, attrs, entryBytes, littleEndian);
  const bits = headerBytes >= FEATURE_BITS_AT + 4 * FEATURE_WORDS ? featureBits(reader) : [];
  const features = data.size === 0 ? new Map() : readFeatures(source, data, bits, littleEndian);
  const missingFeatures = data.size === 0 ? 0 : bits.length - features.size;
  return { littleEndian, isPipe: false, sources, data, features, missingFeatures };
}

/** Were its records packed, by `perf record -z`? */
export function isPacked({ features }: PerfHeader): boolean {
  return features.has(FEATURE_COMPRESSED);
}

function readSection(reader: ByteReader, what: string): Section {
  const offset = readSize(reader, `offset of the ${what}`);
  return { offset, size: readSize(reader, `size of the ${what}`) };
}

function readSources(
  source: ByteSource,
  attrs: Section,
  entryBytes: number,
  littleEndian: boolean,
): EventSource[] {
  const attrBytes = entryBytes - 16;
  const count = Math.floor(attrs.size / entryBytes);
  if (attrBytes < MIN_ATTR_BYTES || attrBytes > MAX_ATTR_BYTES || !(count <= MAX_ATTRS)) {
    throw new FormatError(
      `${source.name} claims ${count} attrs of ${attrBytes} bytes`,
      PIPE_HEADER_BYTES,
    );
  }
  const reader = makeReader(source, attrs.offset, littleEndian);
  const sources: EventSource[] = [];
  let idsSoFar = 0;
  for (let index = 0; index < count; index++) {
    const attr = parseAttr(readView(reader, attrBytes, 'attrs'), littleEndian);
    const section = readSection(reader, 'ids of an attr');
    const ids = Math.floor(section.size / 8);
    idsSoFar += ids;
    if (idsSoFar > MAX_IDS || section.offset + section.size > source.size) {
      throw new FormatError(
        `${source.name} claims ${ids} ids for attr ${index + 1} of ${count}`,
        reader.offset - 16,
      );
    }
    sources.push({ attr, ids: readIds(sectionReader(source, section, littleEndian), ids) });
  }
  return sources;
}

/** Reads of the section alone: a reader of the whole file would fetch what lies behind it, too. */
export function sectionReader(
  source: ByteSource,
  { offset, size }: Section,
  littleEndian: boolean,
): ByteReader {
  return makeReader(sliceSource(source, source.name, offset, size), 0, littleEndian);
}

/** Ids count up from 1 since boot; one beyond 2^53 names nothing. */
export function readIds(reader: ByteReader, count: number): number[] {
  const view = readView(reader, 8 * count, 'ids of an attr');
  return Array.from({ length: count }, (_, index) =>
    Number(view.getBigUint64(8 * index, reader.littleEndian)),
  );
}

/** Numbers of the features that are set: a bitmap of longs, whose size only the result tells. */
function featureBits(reader: ByteReader): number[] {
  reader.offset = FEATURE_BITS_AT;
  const words = Array.from({ length: FEATURE_WORDS }, () => readU32(reader, 'features'));
  const isSet = (bit: number, flip: number) =>
    (((words[(bit >> 5) ^ flip] ?? 0) >>> (bit & 31)) & 1) === 1;
  // perf always writes the host's name, so its bit shows the order of the halves (header.c).
  const flip = !reader.littleEndian && isSet(FEATURE_HOSTNAME, 1) ? 1 : 0;
  return Array.from({ length: 32 * FEATURE_WORDS }, (_, bit) => bit).filter((bit) =>
    isSet(bit, flip),
  );
}

function readFeatures(
  source: ByteSource,
  data: Section,
  bits: readonly number[],
  littleEndian: boolean,
): Map<number, Section> {
  const features = new Map<number, Section>();
  const reader = makeReader(source, data.offset + data.size, littleEndian);
  for (const bit of bits) {
    if (reader.offset + 16 > source.size) break;
    const section = readSection(reader, `feature ${bit}`);
    if (section.offset + section.size <= source.size) features.set(bit, section);
  }
  return features;
}
