/**
 * The pages of one CPU as version 7 packs them → a source of the pages themselves:
 *
 *   u32 number of chunks, then for each: u32 packed bytes, u32 bytes, the packed data
 *
 * Only one chunk is held unpacked at a time: pages are read from front to back. Chunks stand alone,
 * so threads unpack those that they need.
 */
import { FormatError } from '../../../src/trace/errors.ts';
import { upperBound } from '../../../src/trace/search.ts';
import { type ByteReader, readU32, skip } from '../../bytes/reader.ts';
import { type ByteSource, type FilePlace, fileSource, readBytes } from '../../bytes/source.ts';
import { DEFAULT_LIMITS, RATIO_FREE_BYTES } from '../../bytes/unpack.ts';
import type { BlockUnpacker } from '../../bytes/unpack-block.ts';

/** trace-cmd makes chunks of some ten pages. */
const MAX_CHUNK_BYTES = 1 << 26;
/** Packed bytes that are read at a time: chunks of 3 kB were read one by one in twice the time. */
const WINDOW_BYTES = 1 << 17;
const MAX_SECTION_BYTES = 1 << 28;

/** What all packed parts of a file may still pack and unpack to. */
export type UnpackBudget = { packed: number; unpacked: number };

/** No byte is packed twice, and no file shrinks more than any packed input may. */
export function makeBudget(size: number): UnpackBudget {
  return { packed: size, unpacked: RATIO_FREE_BYTES + DEFAULT_LIMITS.maxRatio * size };
}

function spend(budget: UnpackBudget, packed: number, unpacked: number): boolean {
  budget.packed -= packed;
  budget.unpacked -= unpacked;
  return budget.packed >= 0 && budget.unpacked >= 0;
}

/** Can be sent to threads. */
export type Chunks = {
  readonly count: number;
  /** Unpacked bytes of the largest one. */
  readonly largest: number;
  /** Where the unpacked bytes of each begin among all, and where the last ones end. */
  readonly from: Float64Array;
  /** Where the packed bytes of each lie in the file, and how many they are. */
  readonly at: Float64Array;
  readonly packed: Uint32Array;
};

/** The chunks of a CPU in a file. Can be sent to threads. */
export type PackedLane = {
  readonly file: FilePlace;
  /** What they are packed with. */
  readonly packing: string;
  readonly chunks: Chunks;
};

/** Where the packed bytes lie and how to read them. */
export type PackedPlace = {
  readonly source: ByteSource;
  readonly offset: number;
  readonly size: number;
  readonly littleEndian: boolean;
  readonly unpack: BlockUnpacker;
  readonly budget: UnpackBudget;
  /** Told the place in the file of each chunk that cannot be unpacked; its pages read as empty. */
  readonly onDamage: (offset: number, reason: string) => void;
};

/** The chunks, and a source of their pages. */
export function packedPages(place: PackedPlace): { chunks: Chunks; pages: ByteSource } {
  const { chunks, isCut } = chunksOf(place);
  const damage = isCut ? 'unexpected end of the packed pages' : place.source.damage;
  return { chunks, pages: { ...pagesIn(chunks, place), damage } };
}

/** Pages of a file with such chunks as a thread of its own reads them; damage is thrown. */
export function sharedPages(
  name: string,
  { file, chunks }: PackedLane,
  unpack: BlockUnpacker,
): ByteSource {
  const onDamage = (_: number, reason: string) => {
    throw new Error(reason);
  };
  return pagesIn(chunks, { source: fileSource(name, file, endOf(chunks)), unpack, onDamage });
}

type UnpackPlace = Pick<PackedPlace, 'source' | 'unpack' | 'onDamage'>;

function pagesIn(chunks: Chunks, { source, unpack, onDamage }: UnpackPlace): ByteSource {
  const { count, from, at, packed } = chunks;
  const size = from[count] as number;
  const read = windowOf(source, endOf(chunks));
  const unpackChunk = (chunk: number, target: Uint8Array): void => {
    const place = at[chunk] as number;
    try {
      unpack(read(place, packed[chunk] as number), target);
    } catch (error) {
      target.fill(0);
      onDamage(place, error instanceof Error ? error.message : String(error));
    }
  };
  let held = -1;
  let pages: Uint8Array = new Uint8Array(0);
  const hold = (chunk: number, bytes: number): void => {
    if (held === chunk) return;
    if (pages.length !== bytes) pages = new Uint8Array(bytes);
    held = chunk;
    unpackChunk(chunk, pages);
  };
  return {
    name: source.name,
    size,
    compression: source.compression,
    damage: source.damage,
    readInto(target, offset) {
      const wanted = Math.max(0, Math.min(target.length, size - offset));
      // The last one that begins there or before it.
      let chunk = upperBound(from, offset) - 1;
      let done = 0;
      for (; done < wanted; chunk++) {
        const begin = from[chunk] as number;
        const inside = offset + done - begin;
        const bytes = (from[chunk + 1] as number) - begin;
        const step = Math.min(bytes - inside, wanted - done);
        if (bytes === 0) continue;
        if (step === bytes && held !== chunk) {
          unpackChunk(chunk, target.subarray(done, done + step));
        } else {
          hold(chunk, bytes);
          target.set(pages.subarray(inside, inside + step), done);
        }
        done += step;
      }
      return done;
    },
    close() {},
  };
}

/** Where the packed bytes end. */
function endOf({ count, at, packed }: Chunks): number {
  return (at[count - 1] ?? 0) + (packed[count - 1] ?? 0);
}

function chunksOf({ source, offset, size, littleEndian, budget }: PackedPlace): {
  chunks: Chunks;
  isCut: boolean;
} {
  // The announced size is that of the chunks, without their number.
  const end = Math.min(source.size, offset + 4 + size);
  const read = windowOf(source, end);
  const count = offset + 4 > end ? 0 : u32In(read(offset, 4), 0, littleEndian);
  const from = [0];
  const places: { readonly at: number; readonly packed: number }[] = [];
  let largest = 0;
  let at = offset + 4;
  for (let nth = 0; nth < count && at + 8 <= end; nth++) {
    const sizes = read(at, 8);
    const [packed, unpacked] = [u32In(sizes, 0, littleEndian), u32In(sizes, 4, littleEndian)];
    at += 8;
    // The last chunk of a file that was cut off.
    if (at + packed > end) break;
    if (unpacked > MAX_CHUNK_BYTES || !spend(budget, packed, unpacked)) {
      throw new FormatError(
        `${source.name} claims that ${packed} bytes of events unpack to ${unpacked}`,
        at - 4,
      );
    }
    places.push({ at, packed });
    from.push((from.at(-1) as number) + unpacked);
    largest = Math.max(largest, unpacked);
    at += packed;
  }
  const chunks = {
    count: places.length,
    largest,
    from: Float64Array.from(from),
    at: Float64Array.from(places, (place) => place.at),
    packed: Uint32Array.from(places, (place) => place.packed),
  };
  return { chunks, isCut: offset + 4 > end || places.length < count };
}

/** 0 where the file became shorter since it was opened. */
function u32In({ buffer, byteOffset, length }: Uint8Array, at: number, littleEndian: boolean) {
  return at + 4 > length ? 0 : new DataView(buffer, byteOffset + at, 4).getUint32(0, littleEndian);
}

/** Reads what stands before `end`, more of it than is asked for. What it gives is not kept. */
function windowOf(source: ByteSource, end: number): (at: number, length: number) => Uint8Array {
  let window: Uint8Array = new Uint8Array(0);
  let start = 0;
  return (at, length) => {
    if (at < start || at + length > start + window.length) {
      window = readBytes(source, at, Math.min(Math.max(length, WINDOW_BYTES), end - at));
      start = at;
    }
    return window.subarray(at - start, at - start + length);
  };
}

/** A packed section: u32 packed bytes, u32 bytes, then the packed data. */
export function unpackSection(
  reader: ByteReader,
  unpack: BlockUnpacker,
  budget: UnpackBudget,
): Uint8Array {
  const { source, offset } = reader;
  const packed = readU32(reader, 'packed size of a section');
  const size = readU32(reader, 'size of a packed section');
  const at = reader.offset;
  skip(reader, packed, 'packed section');
  if (size > MAX_SECTION_BYTES || !spend(budget, packed, size)) {
    throw new FormatError(`${source.name} claims a section of ${size} bytes in ${packed}`, offset);
  }
  try {
    const section = new Uint8Array(size);
    unpack(readBytes(source, at, packed), section);
    return section;
  } catch (error) {
    if (error instanceof FormatError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new FormatError(`${source.name}: a section cannot be unpacked (${reason})`, offset);
  }
}
