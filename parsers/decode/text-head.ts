/**
 * What stands before an event in a line of text, whoever printed it: a task, `[cpu]`, perhaps
 * flags, and `seconds.fraction:`. The formats' own parsers find these parts in any line; most lines
 * have them where the line before had them, and for those `quickHead` only checks that it is so.
 */
import { hasWords, type Literal, literalOf, viewOf } from './text-literal.ts';

/** The parts of the line that was parsed last. One is made per input and filled for every line. */
export type LineHead = {
  commStart: number;
  commEnd: number;
  /** The thread; -1 when the line has none. */
  pid: number;
  cpu: number;
  seconds: number;
  /** Nanoseconds within the second. */
  fraction: number;
  /** Decimals of the time: 6 for microseconds, 9 for nanoseconds. */
  digits: number;
  /** Behind the colon of the time. */
  afterTime: number;
  nameStart: number;
  payload: number;
  /** Where the bracket of the CPU is; -1 when the line has no CPU. */
  open: number;
  /** Where, from the line's start, the format's parser looks first: it was there last. */
  usual: number;
};

export function makeHead(): LineHead {
  return {
    commStart: 0,
    commEnd: 0,
    pid: -1,
    cpu: 0,
    seconds: 0,
    fraction: 0,
    digits: 0,
    afterTime: 0,
    nameStart: 0,
    payload: 0,
    open: -1,
    usual: 0,
  };
}

const SPACE = 0x20;
const DOT = 0x2e;
const COLON = 0x3a;
const ZERO = 0x30;
const SCALE: readonly number[] = [1e9, 1e8, 1e7, 1e6, 1e5, 1e4, 1e3, 100, 10, 1];

export function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && (byte - ZERO) >>> 0 < 10;
}

export function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === 0x09;
}

/** First of the spaces that stand before `end`, or `end`. */
export function skipBlanksBack(bytes: Uint8Array, start: number, end: number): number {
  let at = end;
  while (at > start && isBlank(bytes[at - 1])) at--;
  return at;
}

/** First of the digits that stand before `end`, or `end`; no more than `limit`. */
export function skipDigitsBack(
  bytes: Uint8Array,
  start: number,
  end: number,
  limit: number,
): number {
  let at = end;
  while (at > start && end - at < limit && isDigit(bytes[at - 1])) at--;
  return at;
}

/** The digits between two places; callers see to it that there are no more than 15. */
export function numberBetween(bytes: Uint8Array, from: number, to: number): number {
  let value = 0;
  for (let at = from; at < to; at++) value = value * 10 + (bytes[at] as number) - ZERO;
  return value;
}

/** `7114.234589:` or `7114.234588555:`; returns the place behind the colon, or -1. */
export function parseTime(bytes: Uint8Array, from: number, end: number, head: LineHead): number {
  let at = from;
  while (at - from < 12 && isDigit(bytes[at])) at++;
  if (at === from || bytes[at] !== DOT) return -1;
  const point = at++;
  while (at - point <= 9 && isDigit(bytes[at])) at++;
  const digits = at - point - 1;
  if (digits < 6 || at >= end || bytes[at] !== COLON) return -1;
  head.seconds = numberBetween(bytes, from, point);
  head.digits = digits;
  head.fraction = numberBetween(bytes, point + 1, at) * (SCALE[digits] as number);
  head.afterTime = at + 1;
  return at + 1;
}

/** All that stands before the time, and what the format's parser makes of it. */
type Prefix = {
  readonly text: Literal;
  readonly pid: number;
  readonly comm: number;
  readonly cpu: number;
};

const PREFIX_SLOTS = 4096;

/** Where the parts of a line stand, from its start. `end` is 0 when no such line was met yet. */
export type QuickHeads = {
  seconds: number;
  point: number;
  end: number;
  usual: number;
  readonly prefixes: (Prefix | undefined)[];
};

export function makeQuickHeads(): QuickHeads {
  const prefixes = new Array(PREFIX_SLOTS).fill(undefined);
  return { seconds: 0, point: 0, end: 0, usual: 0, prefixes };
}

/**
 * Fills `head` when the line has its time where the line learned last has it, and the bytes before
 * it are known; returns the command's code, or -1. What it accepts, the formats' parsers accept
 * with the same result.
 */
export function quickHead(
  heads: QuickHeads,
  bytes: Uint8Array,
  start: number,
  end: number,
  head: LineHead,
): number {
  if (heads.end === 0 || start + heads.end >= end) return -1;
  const words = viewOf(bytes);
  const secondsAt = start + heads.seconds;
  const prefix = heads.prefixes[prefixSlot(words, secondsAt)];
  if (prefix === undefined || prefix.text.length !== heads.seconds) return -1;
  if (!hasWords(words, start, prefix.text)) return -1;
  const point = start + heads.point;
  let seconds = 0;
  for (let at = secondsAt; at < point; at++) {
    const digit = ((bytes[at] as number) - ZERO) >>> 0;
    if (digit > 9) return -1;
    seconds = seconds * 10 + digit;
  }
  const colon = start + heads.end - 1;
  const high = threeDigits(bytes, point + 1);
  const middle = threeDigits(bytes, point + 4);
  const low = colon - point > 7 ? threeDigits(bytes, point + 7) : 0;
  if (bytes[point] !== DOT || bytes[colon] !== COLON || (high | middle | low) < 0) return -1;
  head.pid = prefix.pid;
  head.cpu = prefix.cpu;
  head.seconds = seconds;
  head.fraction = (high * 1000 + middle) * 1000 + low;
  head.digits = colon - point - 1;
  head.afterTime = colon + 1;
  head.usual = heads.usual;
  return prefix.comm;
}

/** By the bytes where the pid, the CPU and the flags mostly stand. */
function prefixSlot(words: DataView, end: number): number {
  const flags = Math.imul(words.getInt32(end - 6, true), 0x9e3779b1);
  const cpu = Math.imul(words.getInt32(end - 10, true), 0x85ebca6b);
  const bracket = Math.imul(words.getInt32(end - 13, true), 0xc2b2ae35);
  const pid = Math.imul(words.getInt32(end - 18, true), 0x165667b1);
  const mixed = flags ^ cpu ^ bracket ^ pid ^ words.getInt32(end - 22, true);
  return Math.imul(mixed ^ (mixed >>> 15), 0x27d4eb2f) >>> 20;
}

function threeDigits(bytes: Uint8Array, at: number): number {
  const first = ((bytes[at] as number) - ZERO) >>> 0;
  const second = ((bytes[at + 1] as number) - ZERO) >>> 0;
  const third = ((bytes[at + 2] as number) - ZERO) >>> 0;
  return first > 9 || second > 9 || third > 9 ? -1 : first * 100 + second * 10 + third;
}

/** Remembers where a line that the format's parser has understood has its time, and the rest. */
export function learnHead(
  heads: QuickHeads,
  bytes: Uint8Array,
  start: number,
  head: LineHead,
  comm: number,
): void {
  const { open, digits, usual } = head;
  const point = head.afterTime - digits - 2;
  const seconds = skipDigitsBack(bytes, start, point, 12);
  if (seconds - start < 22 || (digits !== 6 && digits !== 9)) return;
  // Only what the format's parser looks at first is sure to be what it finds.
  if (start + usual !== open && start + usual !== point) return;
  heads.seconds = seconds - start;
  heads.point = point - start;
  heads.end = head.afterTime - start;
  heads.usual = usual;
  const text = literalOf(bytes.slice(start, seconds));
  heads.prefixes[prefixSlot(viewOf(bytes), seconds)] = {
    text,
    pid: head.pid,
    comm,
    cpu: head.cpu,
  };
}
