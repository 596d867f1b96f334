/**
 * Why a text holds no events although it is one of a tracer, and what to do, by its first bytes: it
 * was printed with options, or recorded with a tracer, that leave out what an event is known by.
 */
import { latin1Text } from './bytes/latin1.ts';
import { HEAD_BYTES } from './bytes/source.ts';

const MIN_SHARE = 0.5;
const MAX_LINE = 400;

type Kind = {
  /** Of most of the lines that say something. */
  readonly line: RegExp;
  /** Of the text. */
  readonly also?: RegExp;
  /** Completes "X has no trace event in its 12 lines: ". */
  readonly why: string;
};

const option = (name: string, what: string, off: string) =>
  `the trace option ${name} ${what}; write ${off} to trace_options and read the trace again`;
const perf = (what: string) =>
  `it was printed without ${what}; perf script -F must name comm, tid, cpu, time, event and trace`;

const KINDS: readonly Kind[] = [
  // _*^@^@^@^@^@^@M-$~yM-^M0'^@^@type: 1009
  { line: /type: \d+$/, also: /\0/, why: option('bin', 'prints bytes', 'nobin') },
  // 00002a5f 00000000 000027308d79e388 type: 1001
  { line: /^[\da-f]{8} [\da-f]{8} [\da-f]{16} /, why: option('hex', 'prints numbers', 'nohex') },
  // 10847 0 43089485463204 type: 1009
  { line: /^\d{1,10} \d{1,5} \d{6,20} /, why: option('raw', 'prints numbers', 'noraw') },
  //  0)   1.234 us    |  vfs_write();       0)               |  vfs_write() {
  {
    line: /^\s*(?:[\d.]+ \|\s+)?\d{1,5}\) .*\|/,
    why:
      'the tracer function_graph prints calls, and events as comments without a time; ' +
      'write nop to current_tracer and record events',
  },
  // 254,0    0 43666.536123335 24740  Q  RA 108330784 + 8 [bash]
  //   dd-24741   [000] d..1. 43666.541716: 254,0    Q  WS 106233856 + 4096 [dd]
  {
    line: /(?:^|: ) *\d+,\d+ +(?:\d+ +[\d.]+ +\d+ +)?[A-Z]{1,2} +[A-Z]+ /,
    why: 'these are lines of the tracer blk; write nop to current_tracer and record events',
  },
  //      0.010 ( 0.003 ms): fio/1234 fsync(fd: 3) = 0
  {
    line: /^\s*\d+\.\d{3} (?:\([^)]{0,40}\): )?\S.{0,15}\/\d+ /,
    why: 'it is of perf trace; perf record and perf script keep what is needed',
  },
  // cpus=2     CPU 1 is empty
  {
    line: /^(?:cpus=\d+|CPU \d+ is empty)$/,
    why: 'trace-cmd report printed none, so nothing was recorded or all of it left out',
  },
  // fio 21183 [001]    system:event: dirty=10
  {
    line: /^\s*(?:\S.{0,15}\s+)?(?:\d+(?:\/\d+)?\s+)?(?:\[\d{3,5}\]\s+)?[a-z]\w*:\w+: /,
    why: perf('times'),
  },
  // fio 21183 [001] 7121.155421: system:event:
  { line: /\d+\.\d{6,9}:\s+(?:\d+ +)?\w+:\w+: *$/, why: perf('what events say') },
  // fio 21183 [001] 7121.155421: bdi 254:0: ino=3392122
  {
    line: /^\s*\S.{0,15}\s+\d+(?:\/\d+)?\s+(?:\[\d{3,5}\]\s+)?\d+\.\d{6,9}: /,
    why: perf('the names of events'),
  },
  // event: bdi 254:0: ino=2572317 index=64
  {
    line: /^(?:[a-z]\w{3,60}: |type: \d+$)/,
    also: /^# tracer: /m,
    why: option('nocontext-info', 'leaves out tasks and times', 'context-info'),
  },
];

/** By the first bytes, in latin1. */
const ARCHIVES: readonly (readonly [magic: RegExp, kind: string])[] = [
  [/^PK(?:\x03\x04|\x05\x06|\x07\x08)/, 'a zip archive'],
  [/^7z\xbc\xaf\x27\x1c/, 'a 7z archive'],
  [/^Rar!\x1a\x07/, 'a rar archive'],
  [/^(?:\x04\x22\x4d\x18|\x02\x21\x4c\x18)/, 'packed with lz4'],
  [/^\x5d\0\0[\s\S]{2}(?:\xff{8}|[\s\S]{5}\0{3})/, 'packed with lzma'],
  [/^LZIP/, 'packed with lzip'],
  [/^\x89LZO\0/, 'packed with lzop'],
  [/^\x1f\x9d/, 'packed with compress'],
  [/^07070[12]/, 'a cpio archive'],
];

/** What a file is instead of a trace, as the end of a sentence; undefined for most. */
export function whatElse(head: Uint8Array): string | undefined {
  const text = latin1Text(head.subarray(0, 16));
  const kind = ARCHIVES.find(([magic]) => magic.test(text))?.[1];
  if (kind === undefined) return undefined;
  return `is ${kind}, which is not read; unpack it, or use tar, gzip, zstd, xz or bzip2`;
}

/** Undefined where the text says nothing of the kind. */
export function whyNoEvents(head: Uint8Array): string | undefined {
  const text = latin1Text(head.subarray(0, HEAD_BYTES));
  const lines = text
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line) => line.slice(0, MAX_LINE).trimEnd());
  const most = Math.max(1, MIN_SHARE * lines.length);
  const found = KINDS.find(
    ({ line, also }) =>
      lines.filter((one) => line.test(one)).length >= most && (also?.test(text) ?? true),
  );
  return found?.why ?? otherTracer(text);
}

function otherTracer(text: string): string | undefined {
  const tracer = /^# tracer: ([\w.-]{1,40})/m.exec(text)?.[1];
  if (tracer === undefined || tracer === 'nop') return undefined;
  const what = `the tracer ${tracer} writes lines of its own`;
  return `${what}; write nop to current_tracer and record events`;
}
