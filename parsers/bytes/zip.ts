/**
 * The files in a zip archive, by the directory at its end (APPNOTE.TXT 4.3), as places in it. What
 * is deflated is read as the gzip file that it becomes with a head and an end around it. Nothing is
 * written to a disk.
 *
 *   PK 1 2  8 flags[2]  10 method[2]  16 crc[4]  20 packed[4]  24 size[4]  28 name[2]  30 extra[2]
 *   32 comment[2]  42 place[4]  46 name, extra, comment
 */
import { FormatError } from '../../src/trace/errors.ts';
import { type ByteSource, joinedSource, memorySource, readBytes, sliceSource } from './source.ts';

export type ZipEntry = {
  readonly path: string;
  /** Bytes when it is unpacked. */
  readonly size: number;
  readonly packedSize: number;
  readonly checksum: number;
  readonly isDeflated: boolean;
  /** Of the header that stands before it. */
  readonly at: number;
};

const FILE = 0x04034b50;
const DIRECTORY = 0x02014b50;
const END = 0x06054b50;
const END_BYTES = 22;
const MAX_COMMENT = 0xffff;
const ENTRY_BYTES = 46;
const FILE_BYTES = 30;
const ENCRYPTED = 1;
const DEFLATED = 8;
/** Not packed, and what has magic numbers of its own: bzip2, zstd, xz. */
const METHODS = [0, DEFLATED, 12, 93, 95];
/** Stands where a number does not fit and zip64 has it. */
const ELSEWHERE = 0xffffffff;
const ADVICE = 'unpack it, or use tar, gzip, zstd, xz or bzip2';
// Magic number, deflate, no flags, no time, no level, unknown system (RFC 1952).
const GZIP_HEAD = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255);

const UTF8 = new TextDecoder();

export function isZip(head: Uint8Array): boolean {
  const magic = head.length < 4 ? 0 : viewOf(head).getUint32(0, true);
  return magic === FILE || magic === END;
}

/** Throws FormatError where the archive is cut, or is of a kind that is not read. */
export function listZip(source: ByteSource): ZipEntry[] {
  const end = endOf(source);
  const size = end.getUint32(12, true);
  const from = end.getUint32(16, true);
  if (from === ELSEWHERE || from + size > source.size) {
    const what = from === ELSEWHERE ? 'of more than 4 GiB' : 'that lacks a part';
    throw new FormatError(`${source.name} is a zip archive ${what}; ${ADVICE}`);
  }
  const bytes = readBytes(source, from, size);
  const view = viewOf(bytes);
  const entries: ZipEntry[] = [];
  for (let at = 0; at + ENTRY_BYTES <= size && view.getUint32(at, true) === DIRECTORY; ) {
    const name = at + ENTRY_BYTES;
    const nameEnd = name + view.getUint16(at + 28, true);
    const next = nameEnd + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    const path = UTF8.decode(bytes.subarray(name, nameEnd)).replace(/^(?:\.?\/)+/, '');
    const isEncrypted = (view.getUint16(at + 8, true) & ENCRYPTED) !== 0;
    const method = view.getUint16(at + 10, true);
    if (isEncrypted || !METHODS.includes(method)) {
      const what = isEncrypted ? 'with a password' : `packed by its method ${method}`;
      throw new FormatError(`${source.name} is a zip archive ${what}; ${ADVICE}`);
    }
    const entry = {
      path,
      size: view.getUint32(at + 24, true),
      packedSize: view.getUint32(at + 20, true),
      checksum: view.getUint32(at + 16, true),
      isDeflated: method === DEFLATED,
      at: view.getUint32(at + 42, true),
    };
    const isFolder = path === '' || path.endsWith('/');
    if (!isFolder) entries.push(entry);
    at = next;
  }
  return entries;
}

/** The record that ends an archive; a comment may stand behind it. */
function endOf(source: ByteSource): DataView {
  const from = Math.max(0, source.size - END_BYTES - MAX_COMMENT);
  const tail = readBytes(source, from, source.size - from);
  const view = viewOf(tail);
  for (let at = tail.length - END_BYTES; at >= 0; at--) {
    const isEnd = view.getUint32(at, true) === END;
    if (isEnd && at + END_BYTES + view.getUint16(at + 20, true) <= tail.length) {
      return viewOf(tail.subarray(at));
    }
  }
  throw new FormatError(`${source.name} is a zip archive that was cut: its directory is missing`);
}

/** A file of the archive, which stays open as long as its owner wants; packed or not. */
export function zipMember(source: ByteSource, name: string, entry: ZipEntry): ByteSource {
  const header = viewOf(readBytes(source, entry.at, FILE_BYTES));
  if (header.byteLength < FILE_BYTES || header.getUint32(0, true) !== FILE) {
    throw new FormatError(`${name} is not where the archive's directory says`, entry.at);
  }
  const from = entry.at + FILE_BYTES + header.getUint16(26, true) + header.getUint16(28, true);
  const part = sliceSource(source, name, from, entry.packedSize);
  if (!entry.isDeflated) return part;
  const end = new Uint8Array(8);
  viewOf(end).setUint32(0, entry.checksum, true);
  viewOf(end).setUint32(4, entry.size, true);
  const all = [memorySource(name, GZIP_HEAD), part, memorySource(name, end)];
  return { ...joinedSource(name, all), damage: part.damage };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
