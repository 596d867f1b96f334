/**
 * One line of `perf script` → where its parts are, read from the bytes without making a string.
 *
 *   <comm>  [<pid>/]<tid> [cpu] seconds.fraction: [period] [system:]event: payload
 *
 * The command may hold anything, so the line is parsed around its time: a number with six to nine
 * decimals and a colon, before which stand `[cpu]` and the task, each of them optional (-F).
 */
import { NO_CPU } from '../../decode/perf-event-name.ts';
import { isSpace } from '../../decode/text-values.ts';

/** The parts of the line that was parsed last. One is made per input and filled for every line. */
export type LineHead = {
  commStart: number;
  commEnd: number;
  /** The thread, or -1. */
  tid: number;
  hasTid: boolean;
  cpu: number;
  seconds: number;
  /** Nanoseconds within the second. */
  fraction: number;
  /** Decimals of the time. */
  digits: number;
  /** What follows the time, and behind the period if there is one. */
  afterTime: number;
  rest: number;
  /** How far behind the time the event's name ended last: perf aligns names at their ends. */
  nameWidth: number;
  /** Where in the line the decimal point stood last: mostly it stands there again. */
  point: number;
};

const SPACE = 0x20;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const COLON = 0x3a;
const DASH = 0x2d;
const DOT = 0x2e;
const SLASH = 0x2f;
const ZERO = 0x30;

/** How far into a line its time can stand. */
const MAX_PREFIX = 128;
const MAX_PID = 2147483647;
const SCALE: readonly number[] = [1e9, 1e8, 1e7, 1e6, 1e5, 1e4, 1e3, 100, 10, 1];

export function makeLineHead(): LineHead {
  return {
    commStart: 0,
    commEnd: 0,
    tid: -1,
    hasTid: false,
    cpu: NO_CPU,
    seconds: 0,
    fraction: 0,
    digits: 0,
    afterTime: 0,
    rest: -1,
    nameWidth: 0,
    point: 0,
  };
}

/** Fills `head` when the line begins as an event does. */
export function parseHead(bytes: Uint8Array, start: number, end: number, head: LineHead): boolean {
  const usual = start + head.point;
  if (usual < end && bytes[usual] === DOT && parseAround(bytes, start, usual, end, head)) {
    return true;
  }
  return parseHeadFrom(bytes, start, start, end, head);
}

/** The same with the first time whose decimal point stands at `from` or behind it. */
export function parseHeadFrom(
  bytes: Uint8Array,
  start: number,
  from: number,
  end: number,
  head: LineHead,
): boolean {
  const limit = Math.min(end, start + MAX_PREFIX);
  for (let at = from; at < limit; at++) {
    if (bytes[at] !== DOT || !parseAround(bytes, start, at, end, head)) continue;
    head.point = at - start;
    return true;
  }
  return false;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && (byte - ZERO) >>> 0 < 10;
}

function parseAround(
  bytes: Uint8Array,
  start: number,
  point: number,
  end: number,
  head: LineHead,
): boolean {
  let at = point + 1;
  let fraction = 0;
  while (at < end && at - point <= 9 && isDigit(bytes[at])) {
    fraction = (Math.imul(fraction, 10) + (bytes[at++] as number) - ZERO) | 0;
  }
  const digits = at - point - 1;
  if (digits < 6 || bytes[at] !== COLON || at >= end) return false;
  if (at + 1 < end && !isSpace(bytes[at + 1])) return false;
  let before = point - 1;
  let seconds = 0;
  let scale = 1;
  while (before >= start && scale <= 1e11 && isDigit(bytes[before])) {
    seconds += ((bytes[before--] as number) - ZERO) * scale;
    scale *= 10;
  }
  if (before === point - 1 || (before >= start && !isSpace(bytes[before]))) return false;
  head.seconds = seconds;
  head.fraction = fraction * (SCALE[digits] as number);
  head.digits = digits;
  head.afterTime = at + 1;
  head.rest = -1;
  const taskEnd = parseCpu(bytes, start, skipSpacesBack(bytes, start, before), head);
  parseTask(bytes, start, taskEnd, head);
  return true;
}

/** First of the spaces that stand before `at`, or just behind what does. */
function skipSpacesBack(bytes: Uint8Array, start: number, at: number): number {
  let end = at + 1;
  while (end > start && isSpace(bytes[end - 1])) end--;
  return end;
}

//  [001]  before `end`; returns the end of what stands before it
function parseCpu(bytes: Uint8Array, start: number, end: number, head: LineHead): number {
  head.cpu = NO_CPU;
  if (bytes[end - 1] !== CLOSE || end - 1 < start) return end;
  let at = end - 2;
  let cpu = 0;
  let scale = 1;
  while (at >= start && scale <= 1e5 && isDigit(bytes[at])) {
    cpu += ((bytes[at--] as number) - ZERO) * scale;
    scale *= 10;
  }
  const isCpu = at >= start && at < end - 2 && bytes[at] === OPEN && cpu < NO_CPU;
  if (!isCpu || (at > start && !isSpace(bytes[at - 1]))) return end;
  head.cpu = cpu;
  return skipSpacesBack(bytes, start, at - 1);
}

//     fio 21186     fio 21142/21186     :-1    -1
function parseTask(bytes: Uint8Array, start: number, end: number, head: LineHead): void {
  let at = end - 1;
  let tid = 0;
  let scale = 1;
  while (at >= start && scale <= 1e10 && isDigit(bytes[at])) {
    tid += ((bytes[at--] as number) - ZERO) * scale;
    scale *= 10;
  }
  const hasDigits = at < end - 1;
  if (hasDigits && at >= start && bytes[at] === DASH && isBoundary(bytes, start, at - 1)) {
    tid = -tid;
    at--;
  }
  if (hasDigits && at > start && bytes[at] === SLASH) {
    const slash = at--;
    while (at >= start && isDigit(bytes[at])) at--;
    if (at >= start && at < slash - 1 && bytes[at] === DASH) at--;
    if (at === slash - 1) at = slash;
  }
  head.hasTid = hasDigits && tid <= MAX_PID && (at < start || isSpace(bytes[at]));
  head.tid = head.hasTid ? tid : -1;
  head.commEnd = head.hasTid ? skipSpacesBack(bytes, start, at) : end;
  let first = start;
  while (first < head.commEnd && isSpace(bytes[first])) first++;
  head.commStart = first;
}

function isBoundary(bytes: Uint8Array, start: number, at: number): boolean {
  return at < start || isSpace(bytes[at]) || bytes[at] === SLASH;
}

/** Finds the event's name, or whatever stands in its place. */
export function skipToName(bytes: Uint8Array, end: number, head: LineHead): number {
  if (head.rest < 0) head.rest = skipPeriod(bytes, head.afterTime, end);
  return head.rest;
}

//          1 system:event: payload: the period is a number of its own
function skipPeriod(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && bytes[at] === SPACE) at++;
  const name = at;
  while (at < end && isDigit(bytes[at])) at++;
  if (at === name || at >= end || bytes[at] !== SPACE) return name;
  while (at < end && bytes[at] === SPACE) at++;
  return at;
}

/** End of the event's name, which a colon follows; -1 when there is none. */
export function nameEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && (bytes[at] as number) > SPACE) at++;
  return at - 1 > start && bytes[at - 1] === COLON ? at - 1 : -1;
}

/** True for what is one line of a callchain: `\tffffffff81707138 __mark_inode_dirty+0x328 (…)`. */
export function isCallchain(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end && isSpace(bytes[at])) at++;
  const address = at;
  while (at < end && isHexDigit(bytes[at] as number)) at++;
  return address > start && at > address && (at === end || isSpace(bytes[at]));
}

function isHexDigit(byte: number): boolean {
  return isDigit(byte) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66);
}
