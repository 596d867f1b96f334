/**
 * A text of events that went through a mail, a pager or a terminal → as it was printed, so that
 * formats need not know of it: without a byte order mark, colours and the `=3D` of mails, and with
 * the long lines that somebody broke in one piece again.
 *
 *   dd-5563  [025] ....   165.504703: some_event: bdi 8:144: limit=1048576 setpoint=917504
 *   dirty=950942 bdi_setpoint=83005
 *
 * Who breaks lines does it where the next word no longer fits, so each break shows that it is one.
 */
import {
  type ByteSource,
  HEAD_BYTES,
  memorySource,
  readBytes,
  sliceSource,
} from '../bytes/source.ts';

export type LineKind =
  | 'event'
  /** No event, but nothing that an event could go on with. */
  | 'known'
  | 'other';

/** Of a line without its newline. */
export type LineKinds = (bytes: Uint8Array, start: number, end: number) => LineKind;

/** Nobody mails more; larger texts are read as they are. */
const MAX_BYTES = 16 << 20;
const MARK = [0xef, 0xbb, 0xbf];
const ESCAPE = 0x1b;
const LF = 0x0a;
const CR = 0x0d;
// 165.504703:
const TIME = /\d\.\d{6,9}:/;
/** Of mails; with wider lines more breaks must be seen. */
const MAIL_COLUMNS = 82;
const MIN_COLUMNS = 60;
const MAX_COLUMNS = 250;
const FEW_BREAKS = 5;
/** No event is printed with more characters. */
const MAX_EVENT = 8192;
/** Behind times and names, which printers align; who breaks lines takes blanks at their ends away. */
const MAX_PADDING = 40;
/** Of the breaks, and of the events. */
const MIN_SHARE_FITTING = 0.8;
const MIN_SHARE_BROKEN = 0.1;

/** The source itself where nothing is to be done. */
export function repairText(source: ByteSource, kinds: LineKinds): ByteSource {
  const { name, size, compression, damage } = source;
  const isLarge = size > MAX_BYTES;
  const head = readBytes(source, 0, isLarge ? MARK.length : HEAD_BYTES);
  const repair = isLarge ? undefined : repairOf(head, kinds);
  if (repair !== undefined) {
    const text = repair(latin1(readBytes(source, 0, size)));
    const facts = { ...(compression && { compression }), ...(damage && { damage }) };
    return memorySource(name, Buffer.from(text, 'latin1'), facts);
  }
  const hasMark = MARK.every((byte, at) => head[at] === byte);
  return hasMark ? sliceSource(source, name, MARK.length, size - MARK.length) : source;
}

/** The first bytes, to recognise a format by; undefined where nothing is to be done. */
export function repairHead(head: Uint8Array, kinds: LineKinds): Uint8Array | undefined {
  const part = head.subarray(0, HEAD_BYTES);
  const repair = repairOf(part, kinds);
  return repair && new Uint8Array(Buffer.from(repair(latin1(part)), 'latin1'));
}

type Repair = (text: string) => string;

function repairOf(head: Uint8Array, kinds: LineKinds): Repair | undefined {
  const hasColours = head.includes(ESCAPE);
  // Lines that end in CR alone, as some serial consoles are logged, are one line to all others.
  const hasReturns = !head.includes(LF) && head.includes(CR);
  const hasQuotes = isQuoted(latin1(head));
  const plain = (text: string) => {
    const lines = hasReturns ? text.replaceAll('\r', '\n') : text;
    const unquoted = hasQuotes ? withoutQuotes(lines) : lines;
    return hasColours ? withoutColours(unquoted) : unquoted;
  };
  const first = plain(latin1(head));
  // Formats are asked about every file of a folder.
  if (!TIME.test(first)) return undefined;
  const columns = columnsOf(linesOf(first, kinds));
  if (columns === undefined) return hasColours || hasReturns || hasQuotes ? plain : undefined;
  return (text) => joined(linesOf(plain(text), kinds), columns);
}

// ESC [ 01;31 m     ESC [ K
const COLOUR = new RegExp(`${String.fromCharCode(ESCAPE)}\\[[\\d;?]*[A-Za-z]`, 'g');

function withoutColours(text: string): string {
  return text.replace(COLOUR, '');
}

// ino=3D12     flags=3D=20     state=3DI_DIRTY_SYNC|=\n
const QUOTED = /=(?:[0-9A-F]{2}|[ \t]*\r?\n)/g;
const QUOTED_SIGN = /=(?:3D|[ \t]*\r?\n)/g;
/** Of all `=`: the header of the mail has others. */
const MIN_SHARE_QUOTED = 0.9;
const MIN_SHARE_SIGNS = 0.5;

/**
 * Quoted-printable (RFC 2045, 6.7): mails have `=3D` for each `=`, and a line that ends in `=` goes
 * on in the next one.
 */
function isQuoted(text: string): boolean {
  const count = (form: RegExp) => text.match(form)?.length ?? 0;
  if (!text.includes('=3D')) return false;
  const all = count(/=/g);
  return count(QUOTED) >= MIN_SHARE_QUOTED * all && count(QUOTED_SIGN) >= MIN_SHARE_SIGNS * all;
}

/** Blank lines stand for those that were joined, so that lines keep their numbers. */
function withoutQuotes(text: string): string {
  let joinedLines = 0;
  return text.replace(/=([0-9A-F]{2})|=[ \t]*\r?\n|\n/g, (found, code?: string) => {
    if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16));
    if (found !== '\n') {
      joinedLines++;
      return '';
    }
    const blank = '\n'.repeat(joinedLines);
    joinedLines = 0;
    return `\n${blank}`;
  });
}

type Line = { readonly text: string; readonly kind: LineKind };

function linesOf(text: string, kinds: LineKinds): Line[] {
  return text.split('\n').map((whole): Line => {
    const line = whole.endsWith('\r') ? whole.slice(0, -1) : whole;
    const bytes = Buffer.from(line, 'latin1');
    return { text: line, kind: line.trim() === '' ? 'known' : kinds(bytes, 0, bytes.length) };
  });
}

type Columns = {
  readonly width: number;
  /** Broken by a terminal, in the middle of words. */
  readonly isHard: boolean;
};

/** How wide lines are where long ones were broken; undefined if none were. */
function columnsOf(lines: readonly Line[]): Columns | undefined {
  const breaks = breaksOf(lines);
  if (breaks.length === 0) return undefined;
  const events = lines.filter(({ kind }) => kind === 'event').map(({ text }) => text.length);
  const broken = breaks.flatMap(({ before, after }) => [before.length, unmarked(after).length]);
  const prose = lines.map(({ text }) => text.length).filter((length) => length <= MAIL_COLUMNS);
  const width = [...broken, ...events, ...prose].reduce((most, one) => Math.max(most, one));
  if (width < MIN_COLUMNS || width > MAX_COLUMNS) return undefined;
  const full = breaks.filter(({ before }) => before.length === width).length;
  const isHard = full >= FEW_BREAKS && full >= MIN_SHARE_FITTING * breaks.length;
  if (isHard) return { width, isHard };
  const likely = breaks.filter(({ after }) => !isProse(after));
  const fitting = likely.filter((one) => isBreak(one, width));
  const isMail = width <= MAIL_COLUMNS && fitting.some(hasKeys);
  const isSoft =
    (isMail || fitting.length >= FEW_BREAKS) &&
    fitting.length >= MIN_SHARE_FITTING * likely.length &&
    fitting.length >= MIN_SHARE_BROKEN * events.length;
  return isSoft ? { width, isHard } : undefined;
}

type Break = { readonly before: string; readonly after: string };

/** Lines that follow an event, or a line that follows one, and are nothing by themselves. */
function breaksOf(lines: readonly Line[]): Break[] {
  const breaks: Break[] = [];
  let isOpen = false;
  for (const [nth, { text, kind }] of lines.entries()) {
    const before = lines[nth - 1]?.text;
    if (isOpen && kind === 'other' && before !== undefined) breaks.push({ before, after: text });
    isOpen = kind === 'event' || (isOpen && kind === 'other');
  }
  return breaks;
}

/** The next word would not have fitted, and is no prose. */
function isBreak({ before, after }: Break, width: number): boolean {
  const word = /^\s*\S+/.exec(unmarked(after))?.[0] ?? '';
  const shown = before.trimEnd();
  const padding = shown.endsWith(':') ? MAX_PADDING : 1;
  return shown.length + padding + word.length > width && !isProse(after);
}

function isProse(text: string): boolean {
  return !/[=\d|_]/.test(unmarked(text));
}

/** Names of values stand on one side, or all of what an event says on the other. */
function hasKeys({ before, after }: Break): boolean {
  return `${before} ${after}`.includes('=') || before.trimEnd().endsWith(':');
}

/** Without the marks of a quoting mail. */
function unmarked(text: string): string {
  return text.replace(/^(?:> ?)+/, '');
}

/** Blank lines stand for those that were joined, so that lines keep their numbers. */
function joined(lines: readonly Line[], { width, isHard }: Columns): string {
  const all: string[] = [];
  let last = -1;
  let before = '';
  for (const { text, kind } of lines) {
    const after = text;
    const goesOn = isHard ? before.length === width : isBreak({ before, after }, width);
    const hasRoom = (all[last]?.length ?? MAX_EVENT) < MAX_EVENT;
    if (hasRoom && kind === 'other' && goesOn) {
      all[last] = `${all[last]}${isHard ? '' : ' '}${isHard ? text : unmarked(text)}`;
      all.push('');
    } else {
      last = kind === 'event' ? all.length : -1;
      all.push(text);
    }
    before = text;
  }
  return all.join('\n');
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}
