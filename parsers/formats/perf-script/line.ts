/**
 * One line of `perf script` → where its parts are, read from the bytes without making a string.
 *
 *   <comm>  [<pid>/]<tid> [cpu] seconds.fraction: [period] [system:]event: payload
 *
 * The command may hold anything, so the line is parsed around its time: a number with six to nine
 * decimals and a colon, before which stand `[cpu]` and the task, each of them optional (-F).
 */
import { NO_CPU } from '../../decode/perf-event-name.ts';
import {
  type LineHead as CommonHead,
  isBlank,
  isDigit,
  makeHead,
  numberBetween,
  parseTime,
  skipBlanksBack,
  skipDigitsBack,
  startOfComm,
} from '../../decode/text-head.ts';
import type { LineKinds } from '../../decode/text-repair.ts';

export type LineHead = CommonHead & {
  hasTid: boolean;
  /** A number stands before the event's name. */
  hasPeriod: boolean;
  /** How far behind the time the event's name ended last: perf aligns names at their ends. */
  nameWidth: number;
};

const SPACE = 0x20;
const HASH = 0x23;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const COLON = 0x3a;
const DASH = 0x2d;
const DOT = 0x2e;
const SLASH = 0x2f;

/** How far into a line its time can stand. */
const MAX_PREFIX = 128;
const MAX_PID = 2147483647;
const MAX_MISC = 6;

export function makeLineHead(): LineHead {
  return { ...makeHead(), hasTid: false, hasPeriod: false, nameWidth: 0 };
}

/** Fills `head` when the line begins as an event does. */
export function parseHead(bytes: Uint8Array, start: number, end: number, head: LineHead): boolean {
  const usual = start + head.usual;
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
    head.usual = at - start;
    return true;
  }
  return false;
}

function parseAround(
  bytes: Uint8Array,
  start: number,
  point: number,
  end: number,
  head: LineHead,
): boolean {
  const seconds = skipDigitsBack(bytes, start, point, 12);
  if (seconds === point || (seconds > start && !isBlank(bytes[seconds - 1]))) return false;
  const afterTime = parseTime(bytes, seconds, end, head);
  if (afterTime < 0 || (afterTime < end && !isBlank(bytes[afterTime]))) return false;
  head.nameStart = -1;
  const before = skipBlanksBack(bytes, start, seconds);
  const taskEnd = parseCpu(bytes, start, skipMisc(bytes, start, before), head);
  parseTask(bytes, start, taskEnd, head);
  return true;
}

// [001] K  of -F +misc: letters behind the CPU, here before `end`, say in which mode it was
function skipMisc(bytes: Uint8Array, start: number, end: number): number {
  let at = end;
  while (at > start && end - at <= MAX_MISC && isLetter(bytes[at - 1] as number)) at--;
  const close = skipBlanksBack(bytes, start, at);
  return close < at && close > start && bytes[close - 1] === CLOSE ? close : end;
}

//  [001]  before `end`; returns the end of what stands before it
function parseCpu(bytes: Uint8Array, start: number, end: number, head: LineHead): number {
  head.cpu = NO_CPU;
  head.open = -1;
  if (end - 1 < start || bytes[end - 1] !== CLOSE) return end;
  const from = skipDigitsBack(bytes, start, end - 1, 6);
  const open = from - 1;
  const cpu = numberBetween(bytes, from, end - 1);
  if (open < start || from === end - 1 || bytes[open] !== OPEN || cpu >= NO_CPU) return end;
  if (open > start && !isBlank(bytes[open - 1])) return end;
  head.cpu = cpu;
  head.open = open;
  return skipBlanksBack(bytes, start, open);
}

//     fio 21186     fio 21142/21186     :-1    -1
function parseTask(bytes: Uint8Array, start: number, end: number, head: LineHead): void {
  let at = skipDigitsBack(bytes, start, end, 11);
  const hasDigits = at < end;
  let tid = numberBetween(bytes, at, end);
  if (hasDigits && at > start && bytes[at - 1] === DASH && isBoundary(bytes, start, at - 2)) {
    tid = -tid;
    at--;
  }
  if (hasDigits && at - 1 > start && bytes[at - 1] === SLASH) {
    const pid = skipDigitsBack(bytes, start, at - 1, 11);
    if (pid < at - 1) at = pid > start && bytes[pid - 1] === DASH ? pid - 1 : pid;
  }
  head.hasTid = hasDigits && tid <= MAX_PID && (at <= start || isBlank(bytes[at - 1]));
  head.pid = head.hasTid ? tid : -1;
  head.commEnd = head.hasTid ? skipBlanksBack(bytes, start, at) : end;
  head.commStart = startOfComm(bytes, start, head.commEnd);
}

function isBoundary(bytes: Uint8Array, start: number, at: number): boolean {
  return at < start || isBlank(bytes[at]) || bytes[at] === SLASH;
}

/** Finds the event's name, or whatever stands in its place. */
export function skipToName(bytes: Uint8Array, end: number, head: LineHead): number {
  if (head.nameStart < 0) skipPeriod(bytes, head.afterTime, end, head);
  return head.nameStart;
}

//          1 system:event: payload: the period is a number of its own
function skipPeriod(bytes: Uint8Array, from: number, end: number, head: LineHead): void {
  let at = from;
  while (at < end && isBlank(bytes[at])) at++;
  head.nameStart = at;
  while (at < end && isDigit(bytes[at])) at++;
  head.hasPeriod = at > head.nameStart && at < end && isBlank(bytes[at]);
  if (!head.hasPeriod) return;
  while (at < end && isBlank(bytes[at])) at++;
  head.nameStart = at;
}

/** End of the event's name, which a colon follows; -1 when there is none. */
export function nameEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && (bytes[at] as number) > SPACE) at++;
  return at - 1 > start && bytes[at - 1] === COLON ? at - 1 : -1;
}

/** Tells lines apart before they are read. */
export function lineKinds(): LineKinds {
  const head = makeLineHead();
  return (bytes, start, end) => {
    if (bytes[start] === HASH || isCaller(bytes, start, end)) return 'known';
    return parseHead(bytes, start, end, head) ? 'event' : 'other';
  };
}

export function isBlankLine(bytes: Uint8Array, start: number, end: number): boolean {
  return skipBlanksBack(bytes, start, end) === start;
}

/** perf pads addresses to this width, behind a tab. */
const ADDRESS_COLUMNS = 16;
const TAB = 0x09;
/** Of an address without its padding: a shorter one may be a word (`dd`) or a sector. */
const MIN_ADDRESS_DIGITS = 12;

/**
 * True for one line of a call chain, `\tffffffff81707138 __mark_inode_dirty+0x328 (…)`, and for
 * where its code is, on a line of its own: `  fs-writeback.c:2549`, `  libc.so.6[7f48a8b30adf]`.
 */
export function isCaller(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end && isBlank(bytes[at])) at++;
  const address = at;
  while (at < end && isHexDigit(bytes[at] as number)) at++;
  const isPadded = bytes[start] === TAB && at === start + 1 + ADDRESS_COLUMNS;
  const isAddress = at > address && (isPadded || at - address >= MIN_ADDRESS_DIGITS);
  if (isAddress && (at === end || isBlank(bytes[at]))) return true;
  return address === start + 2 && isPlaceInCode(bytes, address, end);
}

/** One word, which ends in `:12` or `[ffffffff81707138]`. */
function isPlaceInCode(bytes: Uint8Array, from: number, end: number): boolean {
  let at = end - 1;
  if (bytes[at] === CLOSE) {
    do at--;
    while (at > from && isHexDigit(bytes[at] as number));
    if (bytes[at] !== OPEN) return false;
  } else {
    at = skipDigitsBack(bytes, from, end, 9) - 1;
    if (at === end - 1 || bytes[at] !== COLON) return false;
  }
  while (at > from && (bytes[at] as number) > SPACE) at--;
  return at === from;
}

function isLetter(byte: number): boolean {
  return (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;
}

function isHexDigit(byte: number): boolean {
  return isDigit(byte) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66);
}
