/**
 * Files of the kernel, one after the other, each behind the time at which it was read, as a loop in
 * a shell writes them (`while sleep 1; do date +%s.%N; cat /proc/vmstat; done`):
 *
 *   1700000000.123456789                              Sat Nov 21 13:03:51 UTC 2026
 *   nr_dirty 5                                        ==> /proc/pressure/io <==
 *   nr_writeback 0                                    some avg10=0.25 avg60=0.00 … total=77
 *
 * The time may also stand before each line, and the name of a file (`grep . /proc/pressure/*`).
 */
import { counterKind } from '../../../src/events/counters.ts';
import { FormatError } from '../../../src/trace/errors.ts';
import { quoted, setValue } from './records.ts';
import type { SampleRows } from './rows.ts';
import { readTime, type TimeForm, timeColumn, timeForm } from './times.ts';

export type Counter = { readonly name: string; readonly value: string };

export type BlockLine =
  | { readonly kind: 'blank' }
  /** What follows is from the file of this name. */
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'time'; readonly said: TimeForm; readonly text: string; readonly rest: string }
  | { readonly kind: 'counters'; readonly counters: readonly Counter[] }
  | { readonly kind: 'unknown' };

const BLANK: BlockLine = { kind: 'blank' };
const UNKNOWN: BlockLine = { kind: 'unknown' };
const UNSAID: TimeForm = { clock: undefined, unitNs: undefined };
const MAX_LINE = 400;

// ==> /proc/pressure/io <==
const FILE = /^==> (\S+) <==$/;
// nr_dirty 5     MemTotal:       24684096 kB     /proc/vmstat:nr_dirty 5     Active(file): 7 kB
const VALUE = /^(?:[^\s:]{1,200}:)?([A-Za-z_][\w().]{0,150}):?[ \t=]+(-?\d+(?:\.\d+)?(?: kB)?)$/;
// some avg10=0.00 avg60=0.00 avg300=0.00 total=0     /proc/pressure/io:full avg10=…     io: some …
const PRESSURE =
  /^(?:([^\s:]{1,200}):\s*)?(some|full)((?:\s+[a-z]+\d*=\d+(?:\.\d+)?)+)(?:\s+(full\s.*))?$/;
// io:     --- memory ---     /proc/pressure/cpu
const HEADING = /^(?:\/\S{0,200}\/)?(?:io|memory|cpu|irq)(?:\.pressure)?:?$/;
const RESOURCE = /(?:^|[/_.-])(io|memory|cpu|irq)(?:\.pressure)?$/;
// === 1700000000.5 ===     # time: 1700000000     [2026-11-21 13:03:51]     zzz ***Sat Nov 21 …
const DECORATION = new Set(' \t#=*<>[]()"\'-');
const TIME_LABEL = /^([A-Za-z][\w ]{0,30}?)(?:\s*[:=]\s*|\s+)(?=\d|[A-Z][a-z]{2}[ ,])/;
// 12345.67 54321.00: /proc/uptime
const UPTIME = /^(\d+\.\d\d) \d+\.\d\d$/;
//  13:03:51 up 5 days,  1:02,  3 users,  load average: 0.10, 0.05, 0.01
const UP = /^(\d\d:\d\d:\d\d) up /;
const FIRST_WORDS =
  /^(\d[\d:.,TZ+-]{0,40}|\d{4}-\d\d-\d\d \d\d:\d\d:\S+|[A-Z][a-z]{2} +\d\d? [\d:.]{8,18})[\s,;:]+(\S.*)$/;
// host sampler[12]:
const LOGGED_BY = /^\S{1,100} [^\s:]{1,100}: /;

function readBlockLine(line: string): BlockLine {
  const text = line.trim();
  if (text === '') return BLANK;
  if (text.length > MAX_LINE) return UNKNOWN;
  const path = FILE.exec(text)?.[1];
  if (path !== undefined) return { kind: 'file', path };
  const heading = undecorated(text);
  if (HEADING.test(heading)) return { kind: 'file', path: heading.replace(/:$/, '') };
  const counters = countersOf(text);
  if (counters !== undefined) return { kind: 'counters', counters };
  return timeLine(text) ?? UNKNOWN;
}

function countersOf(text: string): Counter[] | undefined {
  const pressure = text.includes('=') ? PRESSURE.exec(text) : null;
  if (pressure !== null) {
    const [, file, share = '', values = '', more] = pressure;
    const resource = file === undefined ? undefined : RESOURCE.exec(file)?.[1];
    const prefix = `${resource === undefined ? '' : `${resource}_`}${share}`;
    const own = [...values.matchAll(/([a-z]+\d*)=(\S+)/g)].map(
      ([, key, value = '']): Counter => ({ name: `${prefix}_${key}`, value }),
    );
    const rest = more === undefined ? [] : countersOf(`${file ? `${file}:` : ''}${more}`);
    return rest && [...own, ...rest];
  }
  const plain = VALUE.exec(text);
  if (plain === null) return undefined;
  const [, name = '', value = ''] = plain;
  // `time 1700000000` and `uptime: 12.5` are no counters.
  return isTimeName(name) ? undefined : [{ name: name.replaceAll('.', '_'), value }];
}

/** Names of counters are few, and come again with each sample. */
const known = new Map<string, boolean>();
const MAX_KNOWN = 10_000;

function isTimeName(name: string): boolean {
  let isTime = known.get(name);
  if (isTime === undefined) {
    isTime = timeColumn(name) !== undefined;
    if (known.size < MAX_KNOWN) known.set(name, isTime);
  }
  return isTime;
}

function timeLine(line: string): BlockLine | undefined {
  const uptime = UPTIME.exec(line)?.[1];
  const boot = { clock: 'boot', unitNs: undefined };
  if (uptime !== undefined) return { kind: 'time', said: boot, text: uptime, rest: '' };
  const day = UP.exec(line)?.[1];
  if (day !== undefined) return { kind: 'time', said: UNSAID, text: day, rest: '' };
  const plain = undecorated(line);
  for (const { said, text } of [{ said: UNSAID, text: plain }, ...labelled(plain)]) {
    if (timeForm(said, text) !== undefined) return { kind: 'time', said, text, rest: '' };
    const [, first = '', rest = ''] = FIRST_WORDS.exec(text) ?? [];
    if (first === '' || timeForm(said, first) === undefined) continue;
    for (const counters of [spaced(rest), spaced(rest.replace(LOGGED_BY, ''))]) {
      if (countersOf(counters)) return { kind: 'time', said, text: first, rest: counters };
    }
  }
  return undefined;
}

function undecorated(line: string): string {
  let from = 0;
  let to = line.length;
  while (from < to && DECORATION.has(line[from] as string)) from++;
  while (to > from && DECORATION.has(line[to - 1] as string)) to--;
  return line.slice(from, to);
}

/** `nr_dirty,5` as `nr_dirty 5`. */
function spaced(text: string): string {
  return text.replace(/[,;\t]+/g, ' ').trim();
}

/** `time: 1700000000` and `zzz ***Sat Nov 21 …` without what stands before. */
function labelled(line: string): { said: TimeForm; text: string }[] {
  const label = TIME_LABEL.exec(line);
  if (label !== null) {
    const said = timeColumn(label[1] as string);
    if (said !== undefined) return [{ said, text: line.slice(label[0].length) }];
  }
  const text = undecorated(line.replace(/^zzz/, ''));
  return text === line ? [] : [{ said: UNSAID, text }];
}

export type BlockHead = 'samples' | 'snapshot' | undefined;

const HEAD_LINES = 400;
const MIN_KNOWN_SHARE = 0.7;

/** Do the first lines look like files of the kernel, with or without the times of their reading? */
export function sniffBlocks(head: Uint8Array): BlockHead {
  const text = Buffer.from(head.buffer, head.byteOffset, Math.min(head.length, 32 << 10));
  if (text.includes(0)) return undefined;
  const lines = text.toString('utf8').split('\n').slice(0, HEAD_LINES);
  // The last one may be cut.
  if (lines.length > 1) lines.pop();
  let known = 0;
  let unknown = 0;
  let times = 0;
  const names = new Set<string>();
  for (const line of lines) {
    const read = readBlockLine(line);
    if (read.kind === 'unknown') unknown++;
    else if (read.kind !== 'blank') known++;
    if (read.kind === 'time') times++;
    for (const { name } of countersIn(read)) names.add(name);
    // A folder may hold thousands of other texts.
    if (unknown >= 10 && unknown > known) return undefined;
  }
  const isKnown = known >= MIN_KNOWN_SHARE * (known + unknown);
  if (!isKnown || counterKind([...names]) === 'other') return undefined;
  return times > 0 ? 'samples' : 'snapshot';
}

function countersIn(line: BlockLine): readonly Counter[] {
  if (line.kind === 'counters') return line.counters;
  return line.kind === 'time' && line.rest !== '' ? (countersOf(line.rest) ?? []) : [];
}

export type BlocksRead = { readonly clock: string | undefined; readonly unreadable: number };

/** Appends a row for each time. Throws FormatError when there is none, or a counter stands twice. */
export function readBlocks(bytes: Uint8Array, originNs: bigint, rows: SampleRows): BlocksRead {
  let form: TimeForm | undefined;
  let lastText = '';
  let row = -1;
  let resource = '';
  let unreadable = 0;
  /** Counters that stand before their time. */
  let early: { name: string; value: string }[] = [];
  const isEarly = hasTimesBehind(bytes);
  const seen = new Set<string>();
  let strange: { number: number; line: string } | undefined;
  let number = 0;
  const set = (name: string, value: string) => {
    if (!setValue(rows.column(name), row, value)) unreadable++;
  };
  for (const line of linesOf(bytes)) {
    number++;
    const read = readBlockLine(line);
    if (read.kind === 'file') resource = RESOURCE.exec(read.path)?.[1] ?? '';
    if (read.kind === 'time') {
      form ??= timeForm(read.said, read.text, originNs);
      const time = form === undefined ? undefined : readTime(form, read.text);
      if (time === undefined) unreadable++;
      else if (read.rest === '' || read.text !== lastText) {
        row = rows.addRow(time, originNs);
        seen.clear();
        resource = '';
        lastText = read.text;
        for (const { name, value } of early) set(name, value);
        early = [];
      }
    }
    if (read.kind === 'unknown') {
      unreadable++;
      strange ??= { number, line };
    }
    for (const { name, value } of countersIn(read)) {
      const own = resource !== '' && /^(some|full)_/.test(name) ? `${resource}_${name}` : name;
      if (seen.has(own)) throw new FormatError(`${rows.name}, line ${number}: ${twice(own)}`);
      if (isEarly) early.push({ name: own, value });
      else if (row < 0) {
        // The sample that the file begins with has lost its time.
        unreadable++;
        continue;
      } else set(own, value);
      seen.add(own);
    }
  }
  unreadable += early.length;
  if (row >= 0) return { clock: form?.clock, unreadable };
  const what =
    strange === undefined
      ? ''
      : ` (line ${strange.number}, ${quoted(strange.line)}, is none known)`;
  throw new FormatError(
    `${rows.name} holds counters without the time at which they were read${what}; ` +
      'samples have one before each, as: while sleep 1; do date +%s.%N; cat /proc/vmstat; done',
  );
}

/** Does the file begin with counters and end with a time? Then each time is that of those before. */
function hasTimesBehind(bytes: Uint8Array): boolean {
  const start = bytes.subarray(0, END_BYTES);
  const end = bytes.subarray(Math.max(0, bytes.length - END_BYTES));
  const kinds = (part: Uint8Array) =>
    [...linesOf(part)].map((line) => readBlockLine(line)).filter(isTold);
  const first = kinds(start)[0];
  const last = kinds(end).at(-1);
  return first?.kind === 'counters' && last?.kind === 'time' && last.rest === '';
}

function isTold({ kind }: BlockLine): boolean {
  return kind === 'counters' || kind === 'time';
}

const END_BYTES = 4096;

function twice(name: string): string {
  const how = /^(some|full)_/.test(name)
    ? ' (tell resources apart: grep . /proc/pressure/*)'
    : ' (several cgroups or nodes need a file each)';
  return `${name} stands twice in one sample${how}`;
}

const LF = 0x0a;

function* linesOf(bytes: Uint8Array): Generator<string> {
  for (let start = 0; start < bytes.length; ) {
    const newline = bytes.indexOf(LF, start);
    const end = newline < 0 ? bytes.length : newline;
    const shown = Math.min(end, start + MAX_LINE + 1);
    yield Buffer.from(bytes.buffer, bytes.byteOffset + start, shown - start).toString('utf8');
    start = end + 1;
  }
}
