/**
 * `perf record --threads` writes a folder: `data`, a file like any other, and the records of each
 * thread in `data.0`, `data.1`, … (tools/perf/util/data.c, perf_data__create_dir). Together they
 * are read as one file in which the records of the threads follow those of `data`.
 */
import { FormatError } from '../../../src/trace/errors.ts';
import {
  type ByteSource,
  joinedSource,
  memorySource,
  readBytes,
  sliceSource,
} from '../../bytes/source.ts';
import { type PerfHeader, readHeader } from './header.ts';
import { perfData } from './importer.ts';

/** Where the file header has the size of the section of records. */
const DATA_SIZE_AT = 48;
const HEADER_BYTES = 104;
const FEATURE_ENTRY_BYTES = 16;
const RECORD_HEADER_BYTES = 8;
const RECORD_SIZE_AT = 6;
/** More than a record's 16 bits can say. */
const CHUNK_BYTES = 1 << 20;
/** HEADER_DIR_FORMAT of tools/perf/util/header.h */
const FEATURE_DIRECTORY = 24;

/**
 * The file of perf's folder and its parts, in order, as one source that owns them all. Another file
 * is given back as it is, and one whose parts are not there says so as damage.
 */
export function joinParts(main: ByteSource, parts: readonly ByteSource[]): ByteSource {
  const header = folderHeader(main);
  if (header === undefined) return main;
  if (parts.length === 0) {
    const damage = 'the records of its threads, data.0 and so on, are not beside it';
    return { ...main, damage: main.damage ?? damage };
  }
  const whole = parts.map((part) => wholeRecords(part, header.littleEndian));
  const { name, compression } = main;
  // Each thread's file can be cut for itself.
  const damages = [main, ...whole].flatMap(({ damage }) => damage ?? []);
  return {
    ...joinedSource(name, piecesOf(main, header, whole)),
    compression,
    damage: damages.length === 0 ? undefined : damages.join('; '),
    close() {
      main.close();
      for (const part of whole) part.close();
    },
  };
}

/** Without a last record that is cut, behind which those of the next part would not be found. */
function wholeRecords(part: ByteSource, littleEndian: boolean): ByteSource {
  const chunk = new Uint8Array(CHUNK_BYTES);
  const view = new DataView(chunk.buffer);
  let end = 0;
  for (let from = 0; from < part.size; ) {
    const got = part.readInto(chunk, from);
    let at = 0;
    while (at + RECORD_HEADER_BYTES <= got) {
      const bytes = view.getUint16(at + RECORD_SIZE_AT, littleEndian);
      if (bytes < RECORD_HEADER_BYTES || at + bytes > got) break;
      at += bytes;
    }
    end = from + at;
    // No record is larger than the chunk, so this one is cut or none.
    if (at === 0) break;
    from = end;
  }
  if (end === part.size) return part;
  const slice = sliceSource(part, part.name, 0, end);
  const damage = part.damage ?? `${part.name} ends inside a record, at byte ${end}`;
  return { ...slice, damage, close: () => part.close() };
}

function folderHeader(main: ByteSource): PerfHeader | undefined {
  if (!perfData.sniff(readBytes(main, 0, HEADER_BYTES))) return undefined;
  try {
    const header = readHeader(main);
    return header.features.has(FEATURE_DIRECTORY) ? header : undefined;
  } catch (error) {
    // Its reader says what is wrong.
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

/** Behind the records, the table of features moves on, and what it points at with it. */
function piecesOf(
  main: ByteSource,
  header: PerfHeader,
  parts: readonly ByteSource[],
): ByteSource[] {
  const { data, littleEndian } = header;
  const moved = parts.reduce((sum, { size }) => sum + size, 0);
  const end = data.offset + data.size;
  const entries = header.features.size + header.missingFeatures;
  const table = readBytes(main, end, entries * FEATURE_ENTRY_BYTES);
  const places = new DataView(table.buffer, table.byteOffset, table.byteLength);
  for (let at = 0; at + FEATURE_ENTRY_BYTES <= table.length; at += FEATURE_ENTRY_BYTES) {
    const offset = places.getBigUint64(at, littleEndian);
    places.setBigUint64(at, BigInt.asUintN(64, offset + BigInt(moved)), littleEndian);
  }
  const head = readBytes(main, 0, HEADER_BYTES);
  const size = BigInt(data.size + moved);
  new DataView(head.buffer, head.byteOffset).setBigUint64(DATA_SIZE_AT, size, littleEndian);
  return [
    memorySource(main.name, head),
    sliceSource(main, main.name, HEADER_BYTES, end - HEADER_BYTES),
    ...parts,
    memorySource(main.name, table),
    sliceSource(main, main.name, end + table.length, main.size - end - table.length),
  ];
}
