/**
 * One line of trace text → where its parts are, read from the bytes without making a string.
 *
 *   <comm>-<pid> [(tgid)] [cpu] [flags] seconds.fraction: event: payload
 *
 * The command may hold spaces, dashes, brackets and colons, so the line is parsed around its
 * `[cpu]`: flags, a time with six to nine decimals and an event must follow, and `-<pid>` must
 * stand before. All that does not fit into the 15 bytes that a command can have, so the first
 * place in the line that has it is the right one.
 */
import { wordAt } from '../../decode/text-literal.ts';
import { isSpace, isWordByte } from '../../decode/text-values.ts';

/** The parts of the line that was parsed last. One is made per input and filled for every line. */
export type LineHead = {
  commStart: number;
  commEnd: number;
  pid: number;
  cpu: number;
  seconds: number;
  /** Nanoseconds within the second. */
  fraction: number;
  /** Decimals of the time: 6 for microseconds, 9 for nanoseconds. */
  digits: number;
  nameStart: number;
  nameEnd: number;
  nameForm: NameForm;
  payload: number;
  /** Column of the last line's bracket, where the next line's is looked for first. */
  bracket: number;
};

/**
 * `event: payload`, and how the kernel prints what has no such form:
 * `sys_fsync(fd: 3)`, `sys_fsync -> 0x0` and, of the function tracer, `vfs_read <-ksys_read`.
 */
export const NAME_EVENT = 0;
export const NAME_SYSCALL_ENTER = 1;
export const NAME_SYSCALL_EXIT = 2;
export const NAME_FUNCTION = 3;
export type NameForm = 0 | 1 | 2 | 3;

const FOUR_SPACES = 0x20202020;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const DASH = 0x2d;
const COLON = 0x3a;
const DOT = 0x2e;
const ZERO = 0x30;
const SPACE = 0x20;
const GREATER = 0x3e;
const LESS = 0x3c;
const LEFT_PARENTHESIS = 0x28;
const RIGHT_PARENTHESIS = 0x29;

/** How far into a line its `[cpu]` can stand; and the longest column of latency flags. */
const MAX_PREFIX = 256;
const MAX_FLAGS = 16;
/** A payload that quotes such a line has it further right than this. */
const MAX_USUAL = 40;
const MAX_CPU = 65535;
const MAX_PID = 2147483647;
const SCALE: readonly number[] = [1e9, 1e8, 1e7, 1e6, 1e5, 1e4, 1e3, 100, 10, 1];

export function makeLineHead(): LineHead {
  return {
    commStart: 0,
    commEnd: 0,
    pid: 0,
    cpu: 0,
    seconds: 0,
    fraction: 0,
    digits: 0,
    nameStart: 0,
    nameEnd: 0,
    nameForm: NAME_EVENT,
    payload: 0,
    bracket: 0,
  };
}

/** Fills `head` when the line is an event. */
export function parseLine(bytes: Uint8Array, start: number, end: number, head: LineHead): boolean {
  return parsePrefix(bytes, start, end, head) && parseName(bytes, end, head);
}

/** All up to the event's name, for a reader that can guess the name. */
export function parsePrefix(
  bytes: Uint8Array,
  start: number,
  end: number,
  head: LineHead,
): boolean {
  // Nearly always the bracket stands in the same column as in the line before.
  const usual = start + head.bracket;
  if (usual < end && bytes[usual] === OPEN && parseAround(bytes, start, usual, end, head)) {
    return true;
  }
  const limit = Math.min(end, start + MAX_PREFIX);
  for (let at = start; at < limit; at++) {
    if (bytes[at] !== OPEN || !parseAround(bytes, start, at, end, head)) continue;
    if (at - start <= MAX_USUAL) head.bracket = at - start;
    return true;
  }
  return false;
}

function parseAround(
  bytes: Uint8Array,
  start: number,
  bracket: number,
  end: number,
  head: LineHead,
): boolean {
  const afterCpu = parseCpu(bytes, bracket, end, head);
  if (afterCpu < 0) return false;
  const afterTime = parseFlagsAndTime(bytes, afterCpu, end, head);
  if (afterTime < 0 || !parseTask(bytes, start, bracket, head)) return false;
  let at = afterTime;
  while (at < end && isSpace(bytes[at])) at++;
  head.nameStart = at;
  return true;
}

function isDigit(byte: number | undefined): boolean {
  return ((byte as number) - ZERO) >>> 0 < 10 && byte !== undefined;
}

// [001]
function parseCpu(bytes: Uint8Array, open: number, end: number, head: LineHead): number {
  let at = open + 1;
  let cpu = 0;
  while (at < end && isDigit(bytes[at]) && cpu <= MAX_CPU) {
    cpu = cpu * 10 + (bytes[at++] as number) - ZERO;
  }
  if (at === open + 1 || bytes[at] !== CLOSE || cpu > MAX_CPU) return -1;
  head.cpu = cpu;
  return at + 1;
}

//  d..1.  1364.999958:     or without flags     1364.999958:
function parseFlagsAndTime(bytes: Uint8Array, from: number, end: number, head: LineHead): number {
  let at = from;
  while (at < end && isSpace(bytes[at])) at++;
  if (at === from) return -1;
  if (isDigit(bytes[at])) {
    const afterTime = parseTime(bytes, at, end, head);
    if (afterTime >= 0) return afterTime;
  }
  const flags = at;
  while (at < end && (bytes[at] as number) > SPACE) at++;
  if (at - flags > MAX_FLAGS) return -1;
  while (at < end && isSpace(bytes[at])) at++;
  return parseTime(bytes, at, end, head);
}

// 7114.234589:     or, with trace-cmd report -t,     7114.234588555:
function parseTime(bytes: Uint8Array, from: number, end: number, head: LineHead): number {
  // Nine digits fit into a 32-bit integer; only clocks that count from 1970 have more seconds.
  let at = from;
  let small = 0;
  let digit = ((bytes[at] as number) - ZERO) >>> 0;
  while (digit < 10 && at - from < 9) {
    small = (Math.imul(small, 10) + digit) | 0;
    digit = ((bytes[++at] as number) - ZERO) >>> 0;
  }
  let seconds = small;
  while (digit < 10 && at - from < 12) {
    seconds = seconds * 10 + digit;
    digit = ((bytes[++at] as number) - ZERO) >>> 0;
  }
  if (at === from || bytes[at] !== DOT) return -1;
  const decimals = ++at;
  let fraction = 0;
  digit = ((bytes[at] as number) - ZERO) >>> 0;
  while (digit < 10 && at - decimals < 9) {
    fraction = (Math.imul(fraction, 10) + digit) | 0;
    digit = ((bytes[++at] as number) - ZERO) >>> 0;
  }
  const digits = at - decimals;
  if (digits < 6 || at >= end || bytes[at] !== COLON) return -1;
  head.seconds = seconds;
  head.digits = digits;
  head.fraction = digits === 6 ? Math.imul(fraction, 1000) : fraction * (SCALE[digits] as number);
  return at + 1;
}

//     kworker/u8:1-32   (   32)  before the bracket: command, pid and perhaps the thread group
function parseTask(bytes: Uint8Array, start: number, open: number, head: LineHead): boolean {
  let at = open - 1;
  while (at >= start && isSpace(bytes[at])) at--;
  if (at > start && bytes[at] === RIGHT_PARENTHESIS) {
    while (at > start && bytes[at] !== LEFT_PARENTHESIS) at--;
    at--;
    while (at >= start && isSpace(bytes[at])) at--;
  }
  const pidEnd = at;
  let pid = 0;
  let scale = 1;
  while (at >= start && isDigit(bytes[at]) && scale <= 1e10) {
    pid += ((bytes[at--] as number) - ZERO) * scale;
    scale *= 10;
  }
  if (at === pidEnd || at < start || bytes[at] !== DASH || pid > MAX_PID) return false;
  // while (first < at && isSpace(bytes[first])) first++;     four at a time
  let first = start;
  while (first + 4 < at && wordAt(bytes, first) === FOUR_SPACES) first += 4;
  while (first < at && isSpace(bytes[first])) first++;
  head.pid = pid;
  head.commStart = first;
  head.commEnd = at;
  return true;
}

/** The name ends at a colon before a space: `writeback:event:` is not of this format. */
export function parseName(bytes: Uint8Array, end: number, head: LineHead): boolean {
  let at = head.nameStart;
  while (at < end && (isWordByte(bytes[at]) || bytes[at] === DOT)) at++;
  head.nameEnd = at;
  if (at === head.nameStart || at >= end) return false;
  const byte = bytes[at];
  if (byte === COLON) {
    if (at + 1 < end && !isSpace(bytes[at + 1])) return false;
    head.nameForm = NAME_EVENT;
    head.payload = Math.min(end, at + 2);
    return true;
  }
  return parseOtherForm(bytes, at, end, head);
}

function parseOtherForm(bytes: Uint8Array, at: number, end: number, head: LineHead): boolean {
  // sys_fsync(fd: 3)
  if (bytes[at] === LEFT_PARENTHESIS) {
    head.nameForm = NAME_SYSCALL_ENTER;
    head.payload = at + 1;
    return true;
  }
  if (at + 3 > end || !isSpace(bytes[at])) return false;
  // sys_fsync -> 0x0
  if (bytes[at + 1] === DASH && bytes[at + 2] === GREATER) {
    head.nameForm = NAME_SYSCALL_EXIT;
    head.payload = at + 3;
    return true;
  }
  // vfs_read <-ksys_read
  if (bytes[at + 1] === LESS && bytes[at + 2] === DASH) {
    head.nameForm = NAME_FUNCTION;
    head.payload = head.nameStart;
    return true;
  }
  return false;
}
