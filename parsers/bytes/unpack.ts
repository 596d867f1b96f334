/**
 * Packed bytes → bytes in memory, whatever packed them: gzip, zstd, xz or bzip2, recognised by
 * their first bytes and unpacked as they arrive, also one in the other. Each unpacker is loaded
 * when its magic is seen. What a truncated or damaged archive still holds is kept, with the reason
 * it ends.
 */
import { FormatError, UsageError } from '../../src/trace/errors.ts';
import { type FindHole, Segments } from './unpack-segments.ts';

export type UnpackLimits = {
  /** No input may unpack to more bytes, standard input not hold more. */
  readonly maxUnpackedBytes: number;
  /** Nor to more than this many times its packed size, once it is larger than RATIO_FREE_BYTES. */
  readonly maxRatio: number;
};

/**
 * 4 GiB - 1 still fits a machine that analyses traces, which need about as much memory again. Real
 * captures shrink 5 to 60 times; zeros shrink 1,030 (gzip) to 1,000,000 times (bzip2). So a bomb is
 * stopped after 64 MiB, not after 4 GiB.
 */
export const DEFAULT_LIMITS: UnpackLimits = { maxUnpackedBytes: 4 * 1024 ** 3 - 1, maxRatio: 250 };
export const RATIO_FREE_BYTES = 64 << 20;

type Chunks = AsyncIterable<Uint8Array>;

/**
 * Yields what it can; a thrown Error says why it cannot go on. `again` gives the packed bytes once
 * more, where they can be had twice.
 */
export type Unpacker = (packed: Chunks, again?: () => Chunks) => Chunks;

type Compression = {
  readonly id: string;
  readonly magic: readonly number[];
  readonly load: () => Promise<Unpacker>;
};

const COMPRESSIONS: readonly Compression[] = [
  {
    id: 'gzip',
    magic: [0x1f, 0x8b],
    load: async () => (await import('./unpack-gzip.ts')).unpackGzip,
  },
  {
    id: 'zstd',
    magic: [0x28, 0xb5, 0x2f, 0xfd],
    load: async () => (await import('./unpack-zstd.ts')).unpackZstd,
  },
  {
    id: 'xz',
    magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00],
    load: async () => (await import('./unpack-xz.ts')).unpackXz,
  },
  {
    // BZh, then the block size as a digit.
    id: 'bzip2',
    magic: [0x42, 0x5a, 0x68],
    load: async () => (await import('./unpack-bzip2.ts')).unpackBzip2,
  },
  // Text in two bytes a character, as some shells on Windows redirect it.
  {
    id: 'utf-16',
    magic: [0xff, 0xfe],
    load: async () => (await import('./unpack-utf16.ts')).unpackUtf16('utf-16le'),
  },
  {
    id: 'utf-16',
    magic: [0xfe, 0xff],
    load: async () => (await import('./unpack-utf16.ts')).unpackUtf16('utf-16be'),
  },
];
/** A skippable frame (RFC 8878, 3.1.2) may stand before the first one with data: pzstd does so. */
const SKIPPABLE = [0x2a, 0x4d, 0x18];
/** Bytes of a head that recognise all of them. */
export const MAGIC_BYTES = 6;
/** An archive in an archive in … : files that unpack to themselves exist. */
const MAX_LAYERS = 4;

export type Unpacked = {
  readonly segments: Segments;
  /** From the outside in, e.g. `xz` or `gzip, xz`. */
  readonly compression: string;
  readonly damage: string | undefined;
};

export function compressionOf(head: Uint8Array): string | undefined {
  return find(head)?.id;
}

function find(head: Uint8Array): Compression | undefined {
  const isSkippable =
    ((head[0] ?? 0) & 0xf0) === 0x50 && SKIPPABLE.every((byte, at) => head[at + 1] === byte);
  return COMPRESSIONS.find(
    ({ id, magic }) =>
      magic.every((byte, at) => head[at] === byte) || (isSkippable && id === 'zstd'),
  );
}

/**
 * Unpacks all layers. `again` gives the packed bytes once more, if they can be had twice: then what
 * is in a hole is not held, unless there is damage. Throws FormatError when nothing comes out,
 * UsageError at a limit.
 */
export async function unpack(
  name: string,
  head: Uint8Array,
  packed: Chunks,
  limits: UnpackLimits,
  again?: () => Chunks,
  findHole?: FindHole,
): Promise<Unpacked> {
  const layers: string[] = [];
  let damage: string | undefined;
  let next = find(head);
  let input = packed;
  let segments = new Segments();
  while (next !== undefined) {
    if (layers.length === MAX_LAYERS) {
      throw new FormatError(`${name} is packed more than ${MAX_LAYERS} times over`, 0);
    }
    layers.push(next.id);
    const outermost = layers.length === 1 ? again : undefined;
    const hole = outermost && findHole;
    let layer = await unpackLayer(name, next, input, limits, outermost, hole);
    if (layer.damage !== undefined && outermost !== undefined && layer.segments.hole) {
      layer = await unpackLayer(name, next, outermost(), limits, outermost);
    }
    segments = layer.segments;
    damage ??= layer.damage;
    if (segments.size === 0) {
      throw new FormatError(`${name}: nothing of the ${next.id} data could be unpacked`, 0);
    }
    next = find(segments.head(MAGIC_BYTES));
    input = segments.drain();
  }
  return { segments, compression: layers.join(', '), damage };
}

async function unpackLayer(
  name: string,
  compression: Compression,
  packed: Chunks,
  limits: UnpackLimits,
  again: (() => Chunks) | undefined,
  findHole?: FindHole,
): Promise<{ segments: Segments; damage: string | undefined }> {
  const unpacker = await compression.load();
  const meter = new Meter(name, limits);
  const segments = new Segments(findHole);
  let damage: string | undefined;
  try {
    const recount = again && (() => meter.count(again()));
    for await (const chunk of unpacker(meter.count(packed), recount)) {
      meter.check(segments.size + chunk.length);
      segments.push(chunk);
    }
  } catch (error) {
    if (error instanceof UsageError) throw error;
    damage = error instanceof Error ? error.message : String(error);
  }
  segments.finish();
  return { segments, damage };
}

/** Bytes [from, to) of the outermost layer, without holding it: what was found to be sound once. */
export async function* unpackAgain(
  head: Uint8Array,
  packed: Chunks,
  from: number,
  to: number,
): AsyncGenerator<Uint8Array> {
  const unpacker = await find(head)?.load();
  if (unpacker === undefined) return;
  let at = 0;
  for await (const chunk of unpacker(packed)) {
    const part = chunk.subarray(Math.max(0, from - at), Math.max(0, to - at));
    at += chunk.length;
    if (part.length > 0) yield part;
    if (at >= to) return;
  }
}

/** The first `length` unpacked bytes, for recognising what a packed file is. */
export async function unpackHead(
  head: Uint8Array,
  packed: Chunks,
  length: number,
): Promise<Uint8Array> {
  let next = find(head);
  let input = packed;
  let found = head;
  for (let layer = 0; next !== undefined && layer < MAX_LAYERS; layer++) {
    const unpacker = await next.load();
    const segments = new Segments();
    try {
      for await (const chunk of unpacker(input)) {
        segments.push(chunk);
        if (segments.size >= length) break;
      }
    } catch (error) {
      // The packed bytes end here by design: what was unpacked until then is the head.
      if (error instanceof UsageError) throw error;
    }
    segments.finish();
    found = segments.head(length);
    next = find(found);
    input = segments.drain();
  }
  return found;
}

/** Counts what goes in, to judge what comes out. */
class Meter {
  readonly #name: string;
  readonly #limits: UnpackLimits;
  #packed = 0;

  constructor(name: string, limits: UnpackLimits) {
    this.#name = name;
    this.#limits = limits;
  }

  async *count(packed: Chunks): AsyncGenerator<Uint8Array> {
    this.#packed = 0;
    for await (const chunk of packed) {
      this.#packed += chunk.length;
      yield chunk;
    }
  }

  check(unpacked: number): void {
    const broken = brokenLimit(unpacked, this.#packed, this.#limits);
    if (broken !== undefined) throw new UsageError(`${this.#name} ${broken}`);
  }
}

/** Which limit so many bytes from so many break, as the end of a sentence; undefined for none. */
export function brokenLimit(
  unpacked: number,
  packed: number,
  { maxUnpackedBytes, maxRatio }: UnpackLimits,
): string | undefined {
  if (unpacked > maxUnpackedBytes) return largerThan(maxUnpackedBytes, 'unpacks to');
  if (unpacked <= RATIO_FREE_BYTES || unpacked <= packed * maxRatio) return undefined;
  return (
    `unpacks to more than ${maxRatio} times its size (${unpacked} bytes from ${packed}), ` +
    'as no capture does; if it is one, allow its size: --max-unpacked 4G'
  );
}

export function tooLarge(name: string, limit: number, verb: string): UsageError {
  return new UsageError(`${name} ${largerThan(limit, verb)}`);
}

function largerThan(limit: number, verb: string): string {
  return (
    `${verb} more than the limit of ${limit} bytes; a larger one can be allowed, ` +
    `if there is memory for it: --max-unpacked ${Math.ceil((2 * limit) / 1024 ** 3)}G`
  );
}
