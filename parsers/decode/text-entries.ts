/**
 * A text that a container's log driver or a journal keeps as JSON, an object for each line → the
 * text itself, so that formats need not know of it.
 *
 *   {"log":"  dd-5563  [025] ....   165.504703: some_event: …\n","stream":"stdout","time":"…"}
 *   {"MESSAGE":"dd-5563  [025] ....   165.504703: some_event: …","_HOSTNAME":"…"}
 *
 * Docker's json-file cuts lines at 16 KiB: an entry without a newline goes on in the next one.
 */
import { readLineBlocks } from '../bytes/lines.ts';
import { type ByteSource, fileSource, HEAD_BYTES, readBytes } from '../bytes/source.ts';
import { Segments } from '../bytes/unpack-segments.ts';

const OPEN = 0x7b;
const LF = 0x0a;
/** Looked at to tell; most of them must be entries. */
const MAX_LINES = 20;
const MIN_SHARE = 0.8;

/** The source itself where its lines are no entries; else one that is read as if they were none. */
export function unwrapEntries(source: ByteSource): ByteSource {
  if (!areEntries(readBytes(source, 0, HEAD_BYTES))) return source;
  const { name, compression, damage } = source;
  const segments = new Segments();
  const onBlock = (bytes: Uint8Array, start: number, end: number) => {
    segments.push(Buffer.from(textOf(bytes.subarray(start, end))));
  };
  // Counted with the other lines that are no events.
  readLineBlocks(source, onBlock, {
    onLongLine: () => segments.push(Buffer.from('(too long a line)\n')),
  });
  segments.finish();
  const { pieces, size } = segments;
  return { ...fileSource(name, { pieces, start: 0 }, size), compression, damage };
}

/** The same for the first bytes, to recognise a format by. */
export function unwrapHead(head: Uint8Array): Uint8Array {
  if (!areEntries(head)) return head;
  return new Uint8Array(Buffer.from(textOf(head.subarray(0, head.lastIndexOf(LF) + 1))));
}

/** Formats are asked about every file of a folder, most of which are none of JSON. */
function areEntries(head: Uint8Array): boolean {
  if (head[0] !== OPEN) return false;
  const whole = head.subarray(0, Math.max(0, head.lastIndexOf(LF)));
  const lines = utf8(whole).split('\n', MAX_LINES);
  const found = lines.filter((line) => entryOf(line) !== undefined).length;
  return found >= MIN_SHARE * lines.length;
}

/** Of whole lines, each with its newline; those that are no entries stay as they are. */
function textOf(bytes: Uint8Array): string {
  const lines = utf8(bytes).split('\n');
  lines.pop();
  return lines.map((line) => entryOf(line) ?? `${line}\n`).join('');
}

/** What was logged, with its newline if it has one; undefined where the line is no entry. */
function entryOf(line: string): string | undefined {
  if (!line.startsWith('{')) return undefined;
  let entry: unknown;
  try {
    entry = JSON.parse(line);
  } catch {
    return undefined;
  }
  const { log, MESSAGE: message } = entry as { log?: unknown; MESSAGE?: unknown };
  if (typeof log === 'string') return log;
  return typeof message === 'string' ? `${message}\n` : undefined;
}

function utf8(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
}
