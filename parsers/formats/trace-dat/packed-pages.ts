/**
 * The pages of one CPU as version 7 packs them → a source of the pages themselves:
 *
 *   u32 number of chunks, then for each: u32 packed bytes, u32 bytes, the packed data
 *
 * Only one chunk is held unpacked at a time: pages are read from front to back.
 */
import { FormatError } from '../../../src/trace/errors.ts';
import { type ByteReader, readU32, skip } from '../../bytes/reader.ts';
import { type ByteSource, readBytes } from '../../bytes/source.ts';
import { DEFAULT_LIMITS, RATIO_FREE_BYTES } from '../../bytes/unpack.ts';
import type { BlockUnpacker } from '../../bytes/unpack-block.ts';

/** trace-cmd makes chunks of some ten pages. */
const MAX_CHUNK_BYTES = 1 << 26;
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

type Chunk = {
  /** Where its unpacked bytes begin among all, and how many they are. */
  readonly from: number;
  readonly size: number;
  /** Where its packed bytes lie in the file. */
  readonly at: number;
  readonly packed: number;
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

export function packedPages(place: PackedPlace): ByteSource {
  const { source } = place;
  const { chunks, isCut } = chunksOf(place);
  const last = chunks.at(-1);
  let held: Chunk | undefined;
  let pages: Uint8Array = new Uint8Array(0);
  let next = 0;
  const hold = (chunk: Chunk): void => {
    if (held === chunk) return;
    held = chunk;
    pages = unpackChunk(place, chunk);
  };
  return {
    name: source.name,
    size: last === undefined ? 0 : last.from + last.size,
    compression: source.compression,
    damage: isCut ? 'unexpected end of the packed pages' : source.damage,
    readInto(target, offset) {
      let done = 0;
      if ((chunks[next]?.from ?? 0) > offset) next = 0;
      while (next < chunks.length && done < target.length) {
        const chunk = chunks[next] as Chunk;
        const inside = offset + done - chunk.from;
        if (inside < chunk.size) {
          hold(chunk);
          const part = pages.subarray(inside, inside + target.length - done);
          target.set(part, done);
          done += part.length;
          if (done === target.length) break;
        }
        next++;
      }
      return done;
    },
    close() {},
  };
}

function chunksOf({ source, offset, size, littleEndian, budget }: PackedPlace): {
  chunks: Chunk[];
  isCut: boolean;
} {
  // The announced size is that of the chunks, without their number.
  const end = Math.min(source.size, offset + 4 + size);
  if (offset + 4 > end) return { chunks: [], isCut: true };
  const count = numbersAt(source, offset, 1, littleEndian)[0] as number;
  const chunks: Chunk[] = [];
  let from = 0;
  let at = offset + 4;
  for (let nth = 0; nth < count && at + 8 <= end; nth++) {
    const [packed = 0, unpacked = 0] = numbersAt(source, at, 2, littleEndian);
    at += 8;
    // The last chunk of a file that was cut off.
    if (at + packed > end) break;
    if (unpacked > MAX_CHUNK_BYTES || !spend(budget, packed, unpacked)) {
      throw new FormatError(
        `${source.name} claims that ${packed} bytes of events unpack to ${unpacked}`,
        at - 4,
      );
    }
    chunks.push({ from, size: unpacked, at, packed });
    from += unpacked;
    at += packed;
  }
  return { chunks, isCut: chunks.length < count };
}

/** Not through a reader, whose window would fetch the packed bytes between the numbers. */
function numbersAt(source: ByteSource, at: number, count: number, littleEndian: boolean): number[] {
  const bytes = readBytes(source, at, 4 * count);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length >> 2 }, (_, nth) =>
    view.getUint32(4 * nth, littleEndian),
  );
}

function unpackChunk({ source, unpack, onDamage }: PackedPlace, chunk: Chunk): Uint8Array {
  try {
    return unpack(readBytes(source, chunk.at, chunk.packed), chunk.size);
  } catch (error) {
    onDamage(chunk.at, error instanceof Error ? error.message : String(error));
    return new Uint8Array(chunk.size);
  }
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
    return unpack(readBytes(source, at, packed), size);
  } catch (error) {
    if (error instanceof FormatError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new FormatError(`${source.name}: a section cannot be unpacked (${reason})`, offset);
  }
}
