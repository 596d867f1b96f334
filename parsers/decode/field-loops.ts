/**
 * The hot path of columns: each function reads one field of all records of a stretch. They take
 * nothing but typed arrays and numbers, and each is called with one kind of array only, so that the
 * compiler sees one loop over plain memory. `start` and `offset` are bytes, `to` a place in `out`.
 */
import { LONG_MAX_DOUBLE, TWO_32 } from '../../src/trace/column.ts';
import type { RecordList } from './record-window.ts';

const TWO_21 = 2097152;

/** out[to + i] = view.getUint32(start[i] + offset, true); fields of 4 bytes at multiples of 4. */
export function copyWords(
  out: Uint32Array,
  to: number,
  words: Uint32Array,
  { count, start }: RecordList,
  offset: number,
): void {
  for (let i = 0; i < count; i++) {
    out[to + i] = words[((start[i] as number) + offset) >>> 2] as number;
  }
}

/** The same for fields of 8 bytes, as pairs: 5 times as fast as through BigInt. */
export function copyPairs(
  out: Uint32Array,
  to: number,
  words: Uint32Array,
  { count, start }: RecordList,
  offset: number,
): void {
  let pair = 2 * to;
  for (let i = 0; i < count; i++) {
    const word = ((start[i] as number) + offset) >>> 2;
    out[pair] = words[word] as number;
    out[pair + 1] = words[word + 1] as number;
    pair += 2;
  }
}

/** Words without a sign to 64 bits. */
export function widenPairs(
  out: Uint32Array,
  to: number,
  words: Uint32Array,
  { count, start }: RecordList,
  offset: number,
): void {
  for (let i = 0; i < count; i++) {
    out[2 * (to + i)] = words[((start[i] as number) + offset) >>> 2] as number;
    out[2 * (to + i) + 1] = 0;
  }
}

/** Fields of 4 bytes as doubles; `sign` is 0 for unsigned, 2^32 for signed ones. */
export function widenWords(
  out: Float64Array,
  to: number,
  words: Uint32Array,
  { count, start }: RecordList,
  offset: number,
  sign: number,
): void {
  for (let i = 0; i < count; i++) {
    const word = words[((start[i] as number) + offset) >>> 2] as number;
    out[to + i] = word < 0x80000000 ? word : word - sign;
  }
}

/**
 * Fields of 8 bytes as doubles. Values from 2^53 on become NaN, for the caller to read one by one;
 * returns how many. Only LONG_MAX, which is frequent, is known here.
 */
export function copyDoubles(
  out: Float64Array,
  to: number,
  words: Uint32Array,
  { count, start }: RecordList,
  offset: number,
): number {
  let large = 0;
  for (let i = 0; i < count; i++) {
    const word = ((start[i] as number) + offset) >>> 2;
    const low = words[word] as number;
    const high = words[word + 1] as number;
    if (high < TWO_21) {
      out[to + i] = high * TWO_32 + low;
    } else if (high === 0x7fffffff && low === 0xffffffff) {
      out[to + i] = LONG_MAX_DOUBLE;
    } else {
      out[to + i] = Number.NaN;
      large++;
    }
  }
  return large;
}

/** Fields of one byte. */
export function copyBytes(
  out: Uint8Array,
  to: number,
  bytes: Uint8Array,
  { count, start }: RecordList,
  offset: number,
): void {
  for (let i = 0; i < count; i++) {
    out[to + i] = bytes[(start[i] as number) + offset] as number;
  }
}

/** Fields of two bytes, in either byte order and at any place. */
export function copyHalves(
  out: Uint16Array,
  to: number,
  bytes: Uint8Array,
  { count, start }: RecordList,
  offset: number,
  littleEndian: boolean,
): void {
  const low = littleEndian ? offset : offset + 1;
  const high = littleEndian ? offset + 1 : offset;
  for (let i = 0; i < count; i++) {
    const at = start[i] as number;
    out[to + i] = (bytes[at + low] as number) | ((bytes[at + high] as number) << 8);
  }
}
