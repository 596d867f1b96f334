/**
 * Sequential reading of headers: a plain value and free functions. Reading past the end throws a
 * FormatError that names what was being read and where; it never returns zero.
 */
import { FormatError } from '../../src/trace/errors.ts';
import { latin1Text } from './latin1.ts';
import type { ByteSource } from './source.ts';

export type ByteReader = {
  readonly source: ByteSource;
  readonly littleEndian: boolean;
  offset: number;
  /** Bytes of the source from `start` on. */
  window: Uint8Array;
  start: number;
  /** What it holds at least, if the source has it. */
  readonly windowBytes: number;
};

const WINDOW_BYTES = 1 << 20;

export function makeReader(
  source: ByteSource,
  offset: number,
  littleEndian: boolean,
  windowBytes = WINDOW_BYTES,
): ByteReader {
  return { source, littleEndian, offset, window: new Uint8Array(0), start: offset, windowBytes };
}

/** `length` bytes as a view that is valid until the next read. */
export function readView(reader: ByteReader, length: number, what: string): DataView {
  const { source, offset } = reader;
  if (offset + length > source.size) {
    const missing = offset + length - source.size;
    throw new FormatError(
      `${source.name} ends inside its ${what}: ${missing} of ${length} bytes are missing`,
      offset,
    );
  }
  if (offset < reader.start || offset + length > reader.start + reader.window.length) {
    const size = Math.min(Math.max(reader.windowBytes, length), source.size - offset);
    const window = new Uint8Array(size);
    reader.window = window.subarray(0, source.readInto(window, offset));
    reader.start = offset;
    // The file became shorter since it was opened.
    if (reader.window.length < length) {
      throw new FormatError(`${source.name} ends inside its ${what}`, offset);
    }
  }
  reader.offset += length;
  return new DataView(reader.window.buffer, offset - reader.start, length);
}

export function readU8(reader: ByteReader, what: string): number {
  return readView(reader, 1, what).getUint8(0);
}

export function readU16(reader: ByteReader, what: string): number {
  return readView(reader, 2, what).getUint16(0, reader.littleEndian);
}

export function readU32(reader: ByteReader, what: string): number {
  return readView(reader, 4, what).getUint32(0, reader.littleEndian);
}

/** A file offset or size: refuses what no file can have. */
export function readSize(reader: ByteReader, what: string): number {
  const at = reader.offset;
  const value = readView(reader, 8, what).getBigUint64(0, reader.littleEndian);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new FormatError(`${reader.source.name}: ${what} of ${value} bytes is impossible`, at);
  }
  return Number(value);
}

export function readText(reader: ByteReader, length: number, what: string): string {
  return latin1Text(readView(reader, length, what));
}

/** A NUL-terminated string of at most `limit` bytes. */
export function readCString(reader: ByteReader, limit: number, what: string): string {
  const at = reader.offset;
  let text = '';
  for (let length = 0; length < limit; length++) {
    const byte = readU8(reader, what);
    if (byte === 0) return text;
    text += String.fromCharCode(byte);
  }
  throw new FormatError(`${reader.source.name}: ${what} has no end within ${limit} bytes`, at);
}

/** The literal bytes that must stand here. */
export function expectText(reader: ByteReader, literal: string, what: string): void {
  const at = reader.offset;
  const found = readText(reader, literal.length, what);
  if (found !== literal) {
    throw new FormatError(
      `${reader.source.name}: ${JSON.stringify(literal)} expected as ${what}, found ${JSON.stringify(found)}`,
      at,
    );
  }
}

export function skip(reader: ByteReader, length: number, what: string): void {
  if (reader.offset + length > reader.source.size) readView(reader, length, what);
  reader.offset += length;
}
