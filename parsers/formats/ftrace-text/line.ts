/**
 * One line of trace text → where its parts are, read from the bytes without making a string.
 *
 *   <comm>-<pid> [(tgid)] [cpu] [flags] seconds.fraction: [(+since)] event: payload
 *
 * The command may hold spaces, dashes, brackets and colons, so the line is parsed around its
 * `[cpu]`: flags, a time with six to nine decimals and an event must follow, and `-<pid>` must
 * stand before. All that does not fit into the 15 bytes that a command can have, so the first
 * place in the line that has it is the right one.
 */
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
import { isWordByte } from '../../decode/text-values.ts';

export type LineHead = CommonHead & { nameEnd: number; nameForm: NameForm };

/**
 * `event: payload`, and how the kernel prints what has no such form:
 * `sys_fsync(fd: 3)`, `sys_fsync -> 0x0` and, of the function tracer, `vfs_read <-ksys_read`.
 */
export const NAME_EVENT = 0;
export const NAME_SYSCALL_ENTER = 1;
const NAME_SYSCALL_EXIT = 2;
export const NAME_FUNCTION = 3;
/** `<stack trace>`, of the record whose callers stand on the lines behind it. */
export const NAME_STACK = 4;
export type NameForm = 0 | 1 | 2 | 3 | 4;

/** In the place of a time's decimals: it has none, it is a count of an unknown unit. */
export const COUNT_DIGITS = 20;

const OPEN = 0x5b;
const CLOSE = 0x5d;
const DASH = 0x2d;
const PLUS = 0x2b;
const COLON = 0x3a;
const DOT = 0x2e;
const SPACE = 0x20;
const GREATER = 0x3e;
const LESS = 0x3c;
const EQUALS = 0x3d;
const LEFT_PARENTHESIS = 0x28;
const RIGHT_PARENTHESIS = 0x29;

/** How far into a line its `[cpu]` can stand; and the longest column of latency flags. */
const MAX_PREFIX = 256;
const MAX_FLAGS = 16;
/** Of 64 bits. */
const MAX_COUNT_DIGITS = 20;
/** A payload that quotes such a line has it further right than this. */
const MAX_USUAL = 40;
const MAX_CPU = 65534;
const MAX_PID = 2147483647;

export function makeLineHead(): LineHead {
  return { ...makeHead(), nameEnd: 0, nameForm: NAME_EVENT };
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
  const usual = start + head.usual;
  if (usual < end && bytes[usual] === OPEN && parseAround(bytes, start, usual, end, head)) {
    return true;
  }
  const limit = Math.min(end, start + MAX_PREFIX);
  for (let at = start; at < limit; at++) {
    if (bytes[at] !== OPEN || !parseAround(bytes, start, at, end, head)) continue;
    if (at - start <= MAX_USUAL) head.usual = at - start;
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
  head.nameStart = skipSince(bytes, afterTime, end);
  head.open = bracket;
  return true;
}

/** `(+12)` of trace-cmd report --ts-diff: the time since the event before. */
function skipSince(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && isBlank(bytes[at])) at++;
  if (bytes[at] !== LEFT_PARENTHESIS || bytes[at + 1] !== PLUS) return at;
  let close = at + 2;
  while (close < end && isDigit(bytes[close])) close++;
  if (close === at + 2 || close >= end || bytes[close] !== RIGHT_PARENTHESIS) return at;
  close++;
  while (close < end && isBlank(bytes[close])) close++;
  return close;
}

// [001]
function parseCpu(bytes: Uint8Array, open: number, end: number, head: LineHead): number {
  let at = open + 1;
  while (at < end && at - open <= 6 && isDigit(bytes[at])) at++;
  if (at === open + 1 || bytes[at] !== CLOSE) return -1;
  head.cpu = numberBetween(bytes, open + 1, at);
  return head.cpu > MAX_CPU ? -1 : at + 1;
}

//  d..1.  1364.999958:     or without flags     1364.999958:
function parseFlagsAndTime(bytes: Uint8Array, from: number, end: number, head: LineHead): number {
  let at = from;
  while (at < end && isBlank(bytes[at])) at++;
  if (at === from) return parseCount(bytes, at, end, head);
  const afterTime = parseTimeOrCount(bytes, at, end, head);
  if (afterTime >= 0) return afterTime;
  const flags = at;
  while (at < end && (bytes[at] as number) > SPACE) at++;
  if (at - flags > MAX_FLAGS) return -1;
  while (at < end && isBlank(bytes[at])) at++;
  return parseTimeOrCount(bytes, at, end, head);
}

function parseTimeOrCount(bytes: Uint8Array, from: number, end: number, head: LineHead): number {
  const afterTime = parseTime(bytes, from, end, head);
  return afterTime < 0 ? parseCount(bytes, from, end, head) : afterTime;
}

/** Behind a clock that is not in nanoseconds (x86-tsc, counter), and --raw-ts: a bare count. */
function parseCount(bytes: Uint8Array, from: number, end: number, head: LineHead): number {
  let at = from;
  while (at - from < MAX_COUNT_DIGITS && isDigit(bytes[at])) at++;
  if (at === from || at + 1 >= end || bytes[at] !== COLON || !isBlank(bytes[at + 1])) return -1;
  const low = Math.max(from, at - 9);
  head.seconds = numberBetween(bytes, from, low);
  head.fraction = numberBetween(bytes, low, at);
  head.digits = COUNT_DIGITS;
  head.afterTime = at + 1;
  return at + 1;
}

//     kworker/u8:1-32   (   32)  before the bracket: command, pid and perhaps the thread group
function parseTask(bytes: Uint8Array, start: number, open: number, head: LineHead): boolean {
  let pidEnd = skipBlanksBack(bytes, start, open);
  if (pidEnd - 1 > start && bytes[pidEnd - 1] === RIGHT_PARENTHESIS) {
    let at = pidEnd - 1;
    while (at > start && bytes[at] !== LEFT_PARENTHESIS) at--;
    pidEnd = skipBlanksBack(bytes, start, at);
  }
  const pidStart = skipDigitsBack(bytes, start, pidEnd, 11);
  if (pidStart === pidEnd || pidStart === start || bytes[pidStart - 1] !== DASH) return false;
  const pid = numberBetween(bytes, pidStart, pidEnd);
  if (pid > MAX_PID) return false;
  head.pid = pid;
  head.commStart = startOfComm(bytes, start, pidStart - 1);
  head.commEnd = pidStart - 1;
  return true;
}

/** The name ends at a colon before a space: `writeback:event:` is not of this format. */
export function parseName(bytes: Uint8Array, end: number, head: LineHead): boolean {
  let at = head.nameStart;
  while (at < end && (isWordByte(bytes[at]) || bytes[at] === DOT)) at++;
  head.nameEnd = at;
  if (at === head.nameStart || at >= end) return parseStack(bytes, end, head);
  const symbol = bytes[at] === COLON ? at : symbolEnd(bytes, at, end);
  if (bytes[symbol] !== COLON) return parseOtherForm(bytes, at, symbol, end, head);
  if (symbol + 1 < end && !isBlank(bytes[symbol + 1])) return false;
  head.nameForm = NAME_EVENT;
  head.payload = Math.min(end, symbol + 2);
  return true;
}

// tracing_mark_write+0x12/0x1e0 <ffffffff8149ab1a>: text     my_probe [my_module] <-caller
/** The options sym-offset and sym-addr, and modules, put more behind the word of a symbol. */
function symbolEnd(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  if (bytes[at] === PLUS) while (at < end && !isBlank(bytes[at]) && bytes[at] !== COLON) at++;
  while (at + 2 < end && isBlank(bytes[at])) {
    const close = CLOSING.get(bytes[at + 1] as number);
    if (close === undefined) return at;
    let word = at + 2;
    while (word < end && isWordByte(bytes[word])) word++;
    if (bytes[word] !== close) return at;
    at = word + 1;
  }
  return at;
}

const CLOSING: ReadonlyMap<number, number> = new Map([
  [OPEN, CLOSE],
  [LESS, GREATER],
]);
const STACKS = ['<stack trace>', '<user stack trace>'].map((text) => Buffer.from(text, 'latin1'));

function parseStack(bytes: Uint8Array, end: number, head: LineHead): boolean {
  const from = head.nameStart;
  for (const stack of STACKS) {
    if (end - from < stack.length || !stack.every((byte, nth) => bytes[from + nth] === byte))
      continue;
    head.nameEnd = from + stack.length;
    head.nameForm = NAME_STACK;
    head.payload = from;
    return true;
  }
  return false;
}

// ` => vfs_write+0x12/0x340`     ` =>  <00007ffb08ee9350>`     `\t=> vfs_write` (trace-cmd -N)
/** True for one line of a stack; a mail may quote it. */
export function isCaller(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end && (isBlank(bytes[at]) || bytes[at] === GREATER)) at++;
  return (
    at + 2 < end && bytes[at] === EQUALS && bytes[at + 1] === GREATER && isBlank(bytes[at + 2])
  );
}

function parseOtherForm(
  bytes: Uint8Array,
  at: number,
  symbol: number,
  end: number,
  head: LineHead,
): boolean {
  // sys_fsync(fd: 3)
  if (bytes[at] === LEFT_PARENTHESIS) {
    head.nameForm = NAME_SYSCALL_ENTER;
    head.payload = at + 1;
    return true;
  }
  if (symbol + 3 > end || !isBlank(bytes[symbol])) return false;
  // sys_fsync -> 0x0
  if (symbol === at && bytes[at + 1] === DASH && bytes[at + 2] === GREATER) {
    head.nameForm = NAME_SYSCALL_EXIT;
    head.payload = at + 3;
    return true;
  }
  // vfs_read <-ksys_read
  if (bytes[symbol + 1] === LESS && bytes[symbol + 2] === DASH) {
    head.nameForm = NAME_FUNCTION;
    head.payload = head.nameStart;
    return true;
  }
  return false;
}
