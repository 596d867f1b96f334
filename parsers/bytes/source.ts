/**
 * Where bytes come from: a file read in place, or memory (standard input, unpacked gzip). This is
 * the only file outside the command line that touches the file system.
 */
import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { FormatError, UsageError } from '../../src/trace/errors.ts';

export type ByteSource = {
  /** How messages call the input. */
  readonly name: string;
  readonly size: number;
  readonly compression: 'gzip' | undefined;
  /** Why the bytes end early, when unpacking met damage or a missing tail. */
  readonly damage: string | undefined;
  /** Fills `target` from `offset`; returns how many bytes there were (fewer only at the end). */
  readInto(target: Uint8Array, offset: number): number;
  close(): void;
};

/** No input may unpack to more than this: a bomb must not take the machine down. */
export const MAX_UNPACKED_BYTES = 4 * 1024 ** 3 - 1;

const CHUNK_BYTES = 1 << 20;

export function memorySource(
  name: string,
  bytes: Uint8Array,
  facts: { compression?: 'gzip'; damage?: string } = {},
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

/**
 * Opens a path, or standard input for `-`. Gzip is recognised by its bytes, not by the name.
 * Throws UsageError when there is nothing to read.
 */
export async function openSource(path: string): Promise<ByteSource> {
  if (path === '-') return unpack('standard input', readAll(0, 'standard input'));
  const file = openFile(path);
  if (file.size === 0) {
    file.close();
    throw new UsageError(`${path} is empty (0 bytes)`);
  }
  const head = new Uint8Array(2);
  file.readInto(head, 0);
  if (!isGzip(head)) return file;
  try {
    return await unpack(path, readBytes(file, 0, file.size));
  } finally {
    file.close();
  }
}

export function fileExists(path: string): boolean {
  return existsSync(path);
}

/** Up to `length` bytes from `offset` in a buffer of their own. */
export function readBytes(source: ByteSource, offset: number, length: number): Uint8Array {
  const target = new Uint8Array(Math.max(0, Math.min(length, source.size - offset)));
  return target.subarray(0, source.readInto(target, offset));
}

function openFile(path: string): ByteSource {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    throw new UsageError(`cannot open ${path}: ${reason(error)}`);
  }
  const stat = fstatSync(fd);
  if (stat.isDirectory()) {
    closeSync(fd);
    throw new UsageError(`${path} is a directory; name the trace file in it`);
  }
  if (!stat.isFile()) {
    const bytes = readAll(fd, path);
    closeSync(fd);
    return memorySource(path, bytes);
  }
  return {
    name: path,
    size: stat.size,
    compression: undefined,
    damage: undefined,
    readInto(target, offset) {
      let done = 0;
      while (done < target.length) {
        const length = Math.min(target.length - done, 1 << 30);
        const got = readSync(fd, target, done, length, offset + done);
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

function readAll(fd: number, name: string): Uint8Array {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const chunk = new Uint8Array(CHUNK_BYTES);
    let got: number;
    try {
      got = readSync(fd, chunk);
    } catch (error) {
      if (codeOf(error) === 'EAGAIN') continue;
      if (codeOf(error) === 'EOF') break;
      throw new UsageError(`cannot read ${name}: ${reason(error)}`);
    }
    if (got === 0) break;
    chunks.push(chunk.subarray(0, got));
    size += got;
    if (size > MAX_UNPACKED_BYTES) throw new UsageError(`${name} is longer than 4 GiB`);
  }
  if (size === 0) throw new UsageError(`${name} is empty (0 bytes)`);
  return concat(chunks, size);
}

function isGzip(head: Uint8Array): boolean {
  return head[0] === 0x1f && head[1] === 0x8b;
}

async function unpack(name: string, packed: Uint8Array): Promise<ByteSource> {
  if (!isGzip(packed)) return memorySource(name, packed);
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
  const chunks: Uint8Array[] = [];
  let size = 0;
  let damage: string | undefined;
  try {
    gunzip.end(packed);
    for await (const chunk of gunzip) {
      chunks.push(chunk);
      size += chunk.length;
      if (size > MAX_UNPACKED_BYTES) throw new UsageError(`${name} unpacks to more than 4 GiB`);
    }
  } catch (error) {
    if (error instanceof UsageError) throw error;
    damage = reason(error);
  }
  if (size === 0) throw new FormatError(`${name}: nothing of the gzip data could be unpacked`, 0);
  const facts = damage === undefined ? {} : { damage };
  return memorySource(name, concat(chunks, size), { compression: 'gzip', ...facts });
}

function concat(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function reason(error: unknown): string {
  switch (codeOf(error)) {
    case 'ENOENT':
      return 'no such file';
    case 'EACCES':
      return 'permission denied';
    case 'EISDIR':
      return 'it is a directory';
    default:
      return error instanceof Error ? error.message : String(error);
  }
}
