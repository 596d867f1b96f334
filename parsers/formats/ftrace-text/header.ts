/** The lines of trace text that are no events: comments, lost events, what trace-cmd says first. */
import type { LineKinds } from '../../decode/text-repair.ts';
import { isCaller, makeLineHead, parsePrefix } from './line.ts';

export type OtherLine =
  | { readonly kind: 'known' }
  /** Also says that the text was printed by trace-cmd. */
  | { readonly kind: 'trace-cmd'; readonly cpus: number | undefined }
  | {
      readonly kind: 'header';
      /** Events that were written and no longer in the buffer when it was read. */
      readonly overwritten: number | undefined;
      readonly cpus: number | undefined;
    }
  /** The CPU's older events were overwritten: until here, there are only those of other CPUs. */
  | { readonly kind: 'cpu-start'; readonly cpu: number }
  | {
      readonly kind: 'lost';
      readonly cpu: number;
      readonly count: number | undefined;
      readonly byTraceCmd: boolean;
    }
  | { readonly kind: 'unknown' };

const KNOWN: OtherLine = { kind: 'known' };
const UNKNOWN: OtherLine = { kind: 'unknown' };

// # entries-in-buffer/entries-written: 7625/7625   #P:2
const ENTRIES = /^# entries-in-buffer\/entries-written: (\d{1,15})\/(\d{1,15})(?:\s+#P:(\d{1,5}))?/;
// # latency: 15 us, #4/104, CPU#3 | (M:preempt VP:0, KP:0, SP:0 HP:0 #P:4)
const LATENCY = /^# latency: \d+ us, #(\d{1,15})\/(\d{1,15}), CPU#\d+ \|(?:.*#P:(\d{1,5}))?/;
// ##### CPU 3 buffer started ####
const CPU_START = /^#+ CPU (\d{1,5}) buffer started #+/;
// CPU:1 [LOST 1396 EVENTS]     CPU:1 [LOST EVENTS]
const LOST = /^CPU:(\d{1,5}) \[LOST (?:(\d{1,15}) )?EVENTS\]/;
// CPU:0 [94770 EVENTS DROPPED]     CPU:1 [EVENTS DROPPED]
const DROPPED = /^CPU:(\d{1,5}) \[(?:(\d{1,15}) )?EVENTS DROPPED\]/;
// cpus=2
const CPUS = /^cpus=(\d{1,5})$/;
// version = 6     CPU 1 is empty
const TRACE_CMD = /^(?:version = \d+|CPU \d+ is empty)$/;
// # tracer: nop     #    | |       |   |||||     |     #   TASK-PID     CPU#  |||||  TIMESTAMP
const HEADER = /^#+(?:[\s|/_\\]*$|\s[\s|/_\\]*(?:_?-+=>|delay$|TASK|cmd|tracer:|WARNING|\|+ ))/;
/** Where such a line may begin behind what others put before it, as they do before events. */
const BEHIND_PREFIX = /[\s>|:\]\xBF"](?=#|CPU:?[ \d]|cpus=|version = )/g;
const MAX_PREFIX = 120;

export function readOtherLine(line: string): OtherLine {
  if (line.trim() === '') return KNOWN;
  if (line.startsWith('#')) return readHeader(line) ?? KNOWN;
  const told = readHeader(line);
  if (told !== undefined) return told;
  for (const { index } of line.slice(0, MAX_PREFIX).matchAll(BEHIND_PREFIX)) {
    const behind = readHeader(line.slice(index + 1));
    if (behind !== undefined) return behind;
  }
  return UNKNOWN;
}

/** Tells lines apart before they are read. */
export function lineKinds(): LineKinds {
  const head = makeLineHead();
  return (bytes, start, end) => {
    if (parsePrefix(bytes, start, end, head)) return 'event';
    const isOther =
      readLineOf(bytes, start, end).kind === 'unknown' && !isCaller(bytes, start, end);
    return isOther ? 'other' : 'known';
  };
}

export function readLineOf(bytes: Uint8Array, start: number, end: number): OtherLine {
  return readOtherLine(Buffer.from(bytes.subarray(start, end)).toString('latin1'));
}

/** What the kernel and trace-cmd print besides events; undefined for all else. */
function readHeader(line: string): OtherLine | undefined {
  const start = CPU_START.exec(line);
  if (start !== null) return { kind: 'cpu-start', cpu: Number(start[1]) };
  const entries = ENTRIES.exec(line) ?? LATENCY.exec(line);
  if (entries !== null) {
    const overwritten = Math.max(0, Number(entries[2]) - Number(entries[1]));
    return { kind: 'header', overwritten, cpus: numberOf(entries[3]) };
  }
  const kernelLoss = LOST.exec(line);
  const loss = kernelLoss ?? DROPPED.exec(line);
  if (loss !== null) {
    const count = numberOf(loss[2]);
    return { kind: 'lost', cpu: Number(loss[1]), count, byTraceCmd: kernelLoss === null };
  }
  const cpus = CPUS.exec(line.trim());
  if (cpus !== null) return { kind: 'trace-cmd', cpus: numberOf(cpus[1]) };
  if (TRACE_CMD.test(line.trim())) return { kind: 'trace-cmd', cpus: undefined };
  return HEADER.test(line) ? KNOWN : undefined;
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}
