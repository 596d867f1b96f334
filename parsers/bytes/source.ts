/**
 * Where bytes come from: a file read in place, or memory (standard input, whatever was packed).
 * This is the only file outside the command line that touches the file system.
 */
import {
  closeSync,
  createReadStream,
  existsSync,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  statSync,
} from 'node:fs';
import { refusalText, UsageError } from '../../src/trace/errors.ts';
import {
  compressionOf,
  DEFAULT_LIMITS,
  MAGIC_BYTES,
  tooLarge,
  type UnpackLimits,
  unpack,
  unpackAgain,
  unpackHead,
} from './unpack.ts';
import {
  type FindHole,
  type Hole,
  readPieces,
  Segments,
  type SharedPieces,
} from './unpack-segments.ts';

export type ByteSource = {
  /** How messages call the input. */
  readonly name: string;
  readonly size: number;
  /** What it was packed with, from the outside in: `gzip`, `zstd`, `xz`, `bzip2`, `gzip, xz`. */
  readonly compression: string | undefined;
  /** Why the bytes end early, when unpacking met damage or a missing tail. */
  readonly damage: string | undefined;
  /** Where all threads can read the bytes; undefined where they cannot. */
  readonly file?: FilePlace | undefined;
  /** What readInto() cannot give; undefined where it gives all. */
  readonly notHeld?: NotHeld | undefined;
  /** Fills `target` from `offset`; returns how many bytes there were (fewer only at the end). */
  readInto(target: Uint8Array, offset: number): number;
  close(): void;
};

/** A part of a packed file that is too large to be held unpacked. */
export type NotHeld = {
  readonly hole: Hole;
  /** The bytes of [from, to), unpacked again. */
  chunks(from: number, to: number): AsyncIterable<Uint8Array>;
  /** A source that holds all bytes, as long as the other one is open. */
  hold(): Promise<ByteSource>;
};

/** Somebody reads in a hole: then the source must be one that holds all bytes. */
export class NotHeldError extends Error {}

/** In an open file, or in memory that threads share, which is where files are unpacked to. */
export type FilePlace =
  | { readonly fd: number; readonly start: number }
  | { readonly pieces: SharedPieces; readonly start: number };

export type SourceOptions = {
  readonly limits?: Partial<UnpackLimits> | undefined;
  /** What `-` reads; the process's own standard input if undefined. */
  readonly stdin?: AsyncIterable<Uint8Array> | undefined;
  /** Leave a packed file packed. */
  readonly raw?: boolean | undefined;
  /** What of a packed file need not be held. */
  readonly findHole?: FindHole | undefined;
};

/** How much of an input is looked at to tell what it is. */
export const HEAD_BYTES = 64 << 10;

export const STDIN_NAME = 'standard input';

/** Little ahead of the unpacker, so that what it makes is judged by what it was given. */
const CHUNK_BYTES = 64 << 10;
/** Enough of a packed file for the head of what is in it: bzip2 needs a block of up to 900 kB. */
const PACKED_HEAD_BYTES = 1 << 20;

export function memorySource(
  name: string,
  bytes: Uint8Array,
  facts: { compression?: string; damage?: string } = {},
): ByteSource {
  return {
    name,
    size: bytes.length,
    compression: facts.compression,
    damage: facts.damage,
    readInto(target, offset) {
      const part = bytes.subarray(offset, offset + target.length);
      target.set(part);
      return part.length;
    },
    close() {},
  };
}

/** A part of another source, which stays open as long as its owner wants. */
export function sliceSource(
  whole: ByteSource,
  name: string,
  start: number,
  length: number,
): ByteSource {
  const size = Math.max(0, Math.min(length, whole.size - start));
  return {
    name,
    size,
    compression: whole.compression,
    damage: size < length ? (whole.damage ?? 'unexpected end of file') : undefined,
    file: whole.file && { ...whole.file, start: whole.file.start + start },
    readInto(target, offset) {
      const part = target.subarray(0, Math.max(0, Math.min(target.length, size - offset)));
      return whole.readInto(part, start + offset);
    },
    close() {},
  };
}

/** Sources one behind the other, which stay their owners'. Damage is for the caller to tell. */
export function joinedSource(name: string, parts: readonly ByteSource[]): ByteSource {
  let size = 0;
  const pieces = parts.map((source) => {
    const piece = { at: size, source };
    size += source.size;
    return piece;
  });
  return {
    name,
    size,
    compression: undefined,
    damage: undefined,
    readInto(target, offset) {
      let done = 0;
      for (const { at, source } of pieces) {
        const from = offset + done - at;
        if (from < 0 || from >= source.size || done === target.length) continue;
        const most = Math.min(target.length - done, source.size - from);
        const got = source.readInto(target.subarray(done, done + most), from);
        done += got;
        // A part became shorter since it was opened.
        if (got < most) break;
      }
      return done;
    },
    close() {},
  };
}

/**
 * Opens a path, or standard input for `-`. Compression is recognised by the bytes, not by the name.
 * Throws UsageError when there is nothing to read or a limit is met.
 */
export async function openSource(path: string, options: SourceOptions = {}): Promise<ByteSource> {
  if (path === '-') {
    // Not readSync: on a terminal or socket that has nothing yet, it would ask again and again.
    return openStream(STDIN_NAME, options.stdin ?? process.stdin, options);
  }
  const fd = openFile(path);
  const stat = fstatSync(fd);
  // Pipes, and files that the kernel writes while they are read, do not say their size.
  if (!stat.isFile() || stat.size === 0) {
    return openStream(path, createReadStream(path, { fd, highWaterMark: CHUNK_BYTES }), options);
  }
  const file = fileSource(path, { fd, start: 0 }, stat.size);
  return options.raw === true ? file : unpackSource(file, options);
}

/** The source itself if it is not packed; else what is packed in it, and the source is closed. */
export async function unpackSource(
  source: ByteSource,
  options: SourceOptions = {},
): Promise<ByteSource> {
  const head = readBytes(source, 0, MAGIC_BYTES);
  if (compressionOf(head) === undefined) return source;
  let isNeeded = false;
  try {
    const again = () => chunksOf(source);
    const limits = limitsOf(options);
    const { findHole } = options;
    const unpacked = await unpack(source.name, head, again(), limits, again, findHole);
    const { segments, compression, damage } = unpacked;
    const outer = source.compression === undefined ? '' : `${source.compression}, `;
    const whole = segmentSource(source.name, segments, {
      compression: `${outer}${compression}`,
      damage: source.damage ?? damage,
    });
    const { hole } = segments;
    if (hole === undefined) return whole;
    isNeeded = true;
    const notHeld = {
      hole,
      chunks: (from: number, to: number) => unpackAgain(head, again(), from, to),
      hold: () => unpackSource({ ...source, close() {} }, { ...options, findHole: undefined }),
    };
    return { ...withHole(whole, notHeld), close: () => source.close() };
  } finally {
    if (!isNeeded) source.close();
  }
}

function withHole(whole: ByteSource, notHeld: NotHeld): ByteSource {
  const { from, to } = notHeld.hole;
  return {
    ...whole,
    notHeld,
    readInto(target, offset) {
      if (offset < to && offset + target.length > from) throw new NotHeldError();
      return whole.readInto(target, offset);
    },
  };
}

/** The first bytes, unpacked if they are packed; never more than `length`. */
export async function readHead(source: ByteSource, length: number): Promise<Uint8Array> {
  const head = readBytes(source, 0, length);
  if (compressionOf(head) === undefined) return head;
  const packed = sliceSource(source, source.name, 0, PACKED_HEAD_BYTES);
  return (await unpackHead(head, chunksOf(packed), length)).subarray(0, length);
}

export function fileExists(path: string): boolean {
  return existsSync(path);
}

export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Bytes of a file, packed or not; undefined if there is none. */
export function fileSize(path: string): number | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat?.isFile() === true ? stat.size : undefined;
}

export type FolderEntry = { readonly path: string; readonly size: number };

/**
 * Regular files below a folder, by paths from it, in order. Links to folders are not followed, and
 * what may not be read is left out. Throws UsageError above `limit` entries.
 */
export function listFolder(folder: string, limit: number, maxDepth: number): FolderEntry[] {
  const files: FolderEntry[] = [];
  let seen = 0;
  const visit = (below: string, depth: number): void => {
    const here = `${folder}/${below}`;
    for (const entry of entriesOf(here, depth === 0)) {
      if (++seen > limit) throw new UsageError(`${folder} holds more than ${limit} files`);
      const path = `${below}${entry.name}`;
      if (entry.isDirectory()) {
        if (depth < maxDepth) visit(`${path}/`, depth + 1);
        continue;
      }
      const stat = statSync(`${folder}/${path}`, { throwIfNoEntry: false });
      if (stat?.isFile() === true) files.push({ path, size: stat.size });
    }
  };
  visit('', 0);
  return files;
}

function entriesOf(folder: string, isRequired: boolean) {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries.sort((left, right) => (left.name < right.name ? -1 : 1));
  } catch (error) {
    if (isRequired) throw new UsageError(`cannot read ${folder}: ${refusalText(error)}`);
    return [];
  }
}

/** Up to `length` bytes from `offset` in a buffer of their own. */
export function readBytes(source: ByteSource, offset: number, length: number): Uint8Array {
  const target = new Uint8Array(Math.max(0, Math.min(length, source.size - offset)));
  return target.subarray(0, source.readInto(target, offset));
}

async function* chunksOf(source: ByteSource): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < source.size; ) {
    const chunk = readBytes(source, offset, CHUNK_BYTES);
    // The file became shorter since it was opened.
    if (chunk.length === 0) return;
    offset += chunk.length;
    yield chunk;
  }
}

function openFile(path: string): number {
  if (isFolder(path)) throw new UsageError(`${path} is a directory; name the trace file in it`);
  try {
    return openSync(path, 'r');
  } catch (error) {
    throw new UsageError(`cannot open ${path}: ${refusalText(error)}`);
  }
}

/** `size` bytes of an open file; whoever closes the source closes the file. */
export function fileSource(path: string, place: FilePlace, size: number): ByteSource {
  const common = { name: path, size, compression: undefined, damage: undefined, file: place };
  const { start } = place;
  if ('pieces' in place) {
    const { pieces } = place;
    const readInto = (target: Uint8Array, offset: number) =>
      readPieces(pieces, target, start + offset);
    return { ...common, readInto, close() {} };
  }
  const { fd } = place;
  return {
    ...common,
    readInto(target, offset) {
      let done = 0;
      while (done < target.length) {
        const length = Math.min(target.length - done, 1 << 30);
        const got = readPart(path, fd, target, done, length, start + offset + done);
        if (got === 0) break;
        done += got;
      }
      return done;
    },
    close() {
      closeSync(fd);
    },
  };
}

function readPart(
  path: string,
  fd: number,
  target: Uint8Array,
  at: number,
  length: number,
  offset: number,
): number {
  try {
    return readSync(fd, target, at, length, offset);
  } catch (error) {
    throw new UsageError(`cannot read ${path}: ${refusalText(error)}`);
  }
}

function segmentSource(
  name: string,
  segments: Segments,
  facts: { compression: string | undefined; damage: string | undefined },
): ByteSource {
  const { pieces, size } = segments;
  return { ...fileSource(name, { pieces, start: 0 }, size), ...facts };
}

/** What has no size and can be read only once. */
async function openStream(
  name: string,
  stream: AsyncIterable<Uint8Array>,
  options: SourceOptions,
): Promise<ByteSource> {
  const input = withReasons(name, stream);
  const start: Uint8Array[] = [];
  let size = 0;
  while (size < MAGIC_BYTES) {
    const { done, value } = await input.next();
    if (done === true) break;
    start.push(value);
    size += value.length;
  }
  if (size === 0) throw new UsageError(`${name} is empty (0 bytes)`);
  const head = Buffer.concat(start);
  const limits = limitsOf(options);
  if (compressionOf(head) !== undefined) {
    const { segments, ...facts } = await unpack(name, head, joined(head, input), limits);
    return segmentSource(name, segments, facts);
  }
  const segments = new Segments();
  for await (const chunk of joined(head, input)) {
    segments.push(chunk);
    if (segments.size > limits.maxUnpackedBytes) {
      throw tooLarge(name, limits.maxUnpackedBytes, 'holds');
    }
  }
  segments.finish();
  return segmentSource(name, segments, { compression: undefined, damage: undefined });
}

async function* joined(
  first: Uint8Array,
  rest: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield first;
  yield* rest;
}

async function* withReasons(
  name: string,
  stream: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    yield* stream;
  } catch (error) {
    throw new UsageError(`cannot read ${name}: ${refusalText(error)}`);
  }
}

function limitsOf(options: SourceOptions): UnpackLimits {
  return { ...DEFAULT_LIMITS, ...options.limits };
}
