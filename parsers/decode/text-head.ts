/**
 * What stands before an event in a line of text, whoever printed it: a task, `[cpu]`, perhaps
 * flags, and `seconds.fraction:`. The formats' own parsers find these parts in any line; most lines
 * have them where the line before had them, which is what the loops of text-loops.ts read.
 */
import type { TextMemory } from './text-memory.ts';
import { PLACE } from './text-places.ts';

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
/** The loops tell prefixes by so many bytes. */
const MIN_PREFIX = 24;
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

/**
 * Commands have 15 bytes at most, and printers pad them to 16 columns: what stands further left was
 * put there by others (`side: ` of trace-cmd for a buffer instance, journald, kubectl, grep).
 */
const COMM_COLUMNS = 16;

/** Where the command that ends at `end` begins, on a line that begins at `start`. */
export function startOfComm(bytes: Uint8Array, start: number, end: number): number {
  let first = start;
  if (end - start > COMM_COLUMNS) {
    first = end - COMM_COLUMNS;
    // Whoever put it there may have taken the padding away.
    if (!isBlank(bytes[first]) && !isBlank(bytes[first - 1]))
      first = afterLastBlank(bytes, first, end);
  }
  while (first < end && isBlank(bytes[first])) first++;
  return first;
}

function afterLastBlank(bytes: Uint8Array, from: number, end: number): number {
  let at = end;
  while (at > from && !isBlank(bytes[at - 1])) at--;
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

/**
 * Remembers where a line that the format's parser has understood has its time, and what stands
 * before it, so that the loops can read the next such line.
 */
export function learnHead(
  memory: TextMemory,
  bytes: Uint8Array,
  start: number,
  head: LineHead,
  comm: number,
): void {
  const { open, digits, usual, pid, cpu } = head;
  const point = head.afterTime - digits - 2;
  const seconds = skipDigitsBack(bytes, start, point, 12);
  if (seconds - start < MIN_PREFIX || (digits !== 6 && digits !== 9)) return;
  // Only what the format's parser looks at first is sure to be what it finds.
  if (start + usual !== open && start + usual !== point) return;
  if (!memory.learnPrefix(start, seconds, { cpu, pid, comm })) return;
  memory.usual = usual;
  memory.set(PLACE.HEAD_SECONDS, seconds - start);
  memory.set(PLACE.HEAD_POINT, point - start);
  memory.set(PLACE.HEAD_END, head.afterTime - start);
}
