/** perf.data as `perf record` writes it: to a file or a pipe (`-o -`), compressed (`-z`) or not. */
import { type ByteSource, readBytes } from '../../bytes/source.ts';
import type { Importer } from '../../importer.ts';
import { MIN_BYTES_FOR_WORKERS } from '../../workers/pool.ts';

export const MAGIC = 'PERFILE2';
/** The same in files of the other byte order. */
const SWAPPED_MAGIC = '2ELIFREP';

export const perfData: Importer = {
  id: 'perf-data',
  title: 'perf.data',
  sniff: (head) => [MAGIC, SWAPPED_MAGIC].some((magic) => beginsWith(head, magic)),
  hole(head) {
    const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
    if (!beginsWith(head, MAGIC) || head.length < HEADER_BYTES) return undefined;
    const [headerBytes, from, size] = [8, DATA_AT, DATA_AT + 8].map((at) =>
      Number(view.getBigUint64(at, true)),
    ) as [number, number, number];
    const isFile = headerBytes === HEADER_BYTES && !isPackedBits(head[PACKED_BIT_AT]);
    return isFile && size >= LEAST_HOLE_BYTES ? { from, to: from + size } : undefined;
  },
  async read(source, context) {
    // Threads start while the rest is loaded, if it is sure that they have something to do.
    const isLarge = source.file !== undefined && source.size >= leastForWorkers(source);
    if (isLarge && context.keep === undefined) context.workers?.('perf-data');
    const { readFast } = await import('./index.ts');
    return readFast(source, context);
  },
};

/** Records that `perf record -z` packed become 5 to 25 times as much. */
const PACKED_BYTES_PER_BYTE = 8;
/** Where the header of a file says where its records are; and its bit 27, HEADER_COMPRESSED. */
const HEADER_BYTES = 104;
const DATA_AT = 40;
const PACKED_BIT_AT = 75;
/**
 * Formats stand behind the records, so a packed file is unpacked once to find them and once to read
 * it, which takes 1.2 times as long. Smaller ones are held: they are not larger than what a process
 * may have beside the columns.
 */
const LEAST_HOLE_BYTES = 160 << 20;

/** From how many bytes on records are read by threads; a guess by the header alone. */
export function leastForWorkers(source: ByteSource): number {
  const [bits] = readBytes(source, PACKED_BIT_AT, 1);
  return isPackedBits(bits) ? MIN_BYTES_FOR_WORKERS / PACKED_BYTES_PER_BYTE : MIN_BYTES_FOR_WORKERS;
}

function isPackedBits(bits = 0): boolean {
  return (bits & 8) !== 0;
}

function beginsWith(head: Uint8Array, magic: string): boolean {
  return [...magic].every((char, at) => head[at] === char.charCodeAt(0));
}
