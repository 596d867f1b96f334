/**
 * The regular files in a tar archive (ustar, GNU and pax), as places in it. Nothing is ever written
 * to a disk, so names cannot escape from anywhere; sizes are checked against the bytes that exist.
 *
 *   0 name[100]  100 mode  124 size[12]  148 checksum[8]  156 type  257 "ustar"  345 prefix[155]
 *
 * POSIX.1-2017, pax; GNU tar, "Basic Tar Format".
 */
import { FormatError } from '../../src/trace/errors.ts';
import { latin1Text } from './latin1.ts';
import { type ByteSource, readBytes } from './source.ts';

export type TarEntry = { readonly path: string; readonly offset: number; readonly size: number };

export type TarListing = {
  readonly entries: readonly TarEntry[];
  /** Why the list may be incomplete. */
  readonly damage: string | undefined;
};

const BLOCK = 512;
/** Headers of any kind: more are no bundle of captures, but an attempt to fill memory. */
const MAX_HEADERS = 100_000;
const MAX_NAME_BYTES = 64 << 10;

const UTF8 = new TextDecoder();

export function isTar(head: Uint8Array): boolean {
  return head.length >= BLOCK && text(head, 257, 5) === 'ustar' && hasChecksum(head);
}

export function listTar(source: ByteSource): TarListing {
  const entries: TarEntry[] = [];
  let named: Overrides = {};
  let at = 0;
  for (let headers = 0; at + BLOCK <= source.size; headers++) {
    if (headers > MAX_HEADERS) {
      throw new FormatError(`${source.name} has more than ${MAX_HEADERS} entries`, at);
    }
    const header = readBytes(source, at, BLOCK);
    if (header.length < BLOCK) break;
    if (header.every((byte) => byte === 0)) return { entries, damage: source.damage };
    const size = named.size ?? number(header, 124, 12);
    if (!hasChecksum(header) || size === undefined) {
      return { entries, damage: `no tar header at byte ${at}, where one should be` };
    }
    const offset = at + BLOCK;
    const type = text(header, 156, 1);
    if (type === 'L' || type === 'x') {
      // These describe the entry after them.
      named = { ...named, ...overrides(source, type, offset, number(header, 124, 12) ?? 0) };
      at = offset + padded(number(header, 124, 12) ?? 0);
      continue;
    }
    if (type === '' || type === '0' || type === '7') {
      entries.push({ path: clean(named.path ?? headerPath(header)), offset, size });
    }
    // A link or folder may carry a size that is not there.
    const hasContent = !/[1-6]/.test(type);
    at = offset + (hasContent ? padded(size) : 0);
    if (type !== 'K' && type !== 'g') named = {};
  }
  // Blocks of zeros would have ended it.
  return { entries, damage: source.damage ?? 'unexpected end of file' };
}

type Overrides = { readonly path?: string; readonly size?: number };

/** `L`: the whole name. `x`: records like `27 path=a/very/long/name\n`, with their own length. */
function overrides(source: ByteSource, type: string, offset: number, size: number): Overrides {
  const bytes = readBytes(source, offset, Math.min(size, MAX_NAME_BYTES));
  if (type === 'L') return { path: upToNul(UTF8.decode(bytes)) };
  const found: { path?: string; size?: number } = {};
  let at = 0;
  while (at < bytes.length) {
    const space = bytes.indexOf(0x20, at);
    if (space < 0) break;
    const digits = latin1Text(bytes.subarray(at, space));
    // Longer than itself, so that each round comes nearer to the end.
    const length = /^\d{1,6}$/.test(digits) ? Number(digits) : 0;
    if (length <= space - at) break;
    const [key, ...rest] = UTF8.decode(bytes.subarray(space + 1, at + length - 1)).split('=');
    const value = rest.join('=');
    if (key === 'path') found.path = value;
    if (key === 'size' && /^\d{1,15}$/.test(value)) found.size = Number(value);
    at += length;
  }
  return found;
}

function headerPath(header: Uint8Array): string {
  const name = field(header, 0, 100);
  const isPosix = text(header, 257, 6) === 'ustar\0';
  const prefix = isPosix ? field(header, 345, 155) : '';
  return prefix === '' ? name : `${prefix}/${name}`;
}

/** `./capture//trace.dat` → `capture/trace.dat` */
function clean(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  return parts.join('/');
}

/** Octal digits; from GNU also binary, marked by the highest bit. Undefined if it is neither. */
function number(header: Uint8Array, at: number, length: number): number | undefined {
  const first = header[at] as number;
  if ((first & 0x80) !== 0) {
    let value = first & 0x7f;
    for (const byte of header.subarray(at + 1, at + length)) value = value * 256 + byte;
    return Number.isSafeInteger(value) ? value : undefined;
  }
  const digits = field(header, at, length).trim();
  return /^[0-7]*$/.test(digits) ? Number.parseInt(`0${digits}`, 8) : undefined;
}

/** The sum of all bytes, the checksum's own counted as blanks. */
function hasChecksum(header: Uint8Array): boolean {
  let sum = 8 * 0x20;
  for (let at = 0; at < BLOCK; at++) if (at < 148 || at >= 156) sum += header[at] as number;
  return number(header, 148, 8) === sum;
}

function padded(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK;
}

function field(header: Uint8Array, at: number, length: number): string {
  return upToNul(UTF8.decode(header.subarray(at, at + length)));
}

function text(header: Uint8Array, at: number, length: number): string {
  return latin1Text(header.subarray(at, at + length)).replace(/^\0$/, '');
}

function upToNul(value: string): string {
  const end = value.indexOf('\0');
  return end < 0 ? value : value.slice(0, end);
}
