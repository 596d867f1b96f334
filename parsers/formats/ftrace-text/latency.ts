/**
 * The layouts of trace text that have no `[cpu]` → the kernel's usual text, line by line, so that
 * one reader reads them all. Latency tracers (`wakeup`, `irqsoff`, …) and the option latency-format
 *
 *   # wakeup latency trace v1.1.5 on 6.18.44
 *     <...>-1234      1d..3.   12us+: sched_wakeup: comm=fio pid=77 prio=120 target_cpu=001
 *      →   <...>-1234 [001] d..3. 0.000012: sched_wakeup: comm=fio pid=77 prio=120 target_cpu=001
 *
 * count their times from the start of the latency, so they are on no clock; with the option
 * `verbose` each line has the time of the trace clock, too (kernel/trace/trace_output.c,
 * trace_print_lat_context). `ftrace_dump_on_oops` and sysrq-z write the same lines into the kernel
 * log, behind its own time stamps. `trace-cmd report -l` has the trace clock at each line. Commands
 * are cut to eight characters in all of them. Other lines stay as they are.
 */
import { lineEnd, readLineBlocks } from '../../bytes/lines.ts';
import { type ByteSource, HEAD_BYTES, readBytes } from '../../bytes/source.ts';
import { Segments } from '../../bytes/unpack-segments.ts';

export type LatencyText = {
  /** The same lines, in the form of `trace`. */
  readonly text: ByteSource;
  /** Times are those of the trace clock, not counted from the start of the latency. */
  readonly hasClock: boolean;
};

/** A usual line in the place of this one; undefined where there is none, and it stays. */
type Layout = (line: string) => { text: string; hasClock: boolean } | undefined;

// # irqsoff latency trace v1.1.5 on 6.18.44-fc
const HEADER = /^# \S+ latency trace v\d/m;
//   <...>-1234      1d..3.   12us+: sched_wakeup: …    (comm-pid, cpu and flags, time and mark)
const LINE = /^ *(\S.{0,15}?)-(\d{1,10}) +(\d{1,5})([^\s\d]\S{3,7}) +(\d{1,12})us.: (.*)$/s;
//     fio  1234   1 1 00000003 0000002f [00000a2b] 0.012ms (+0.003ms): sched_wakeup: …
//     fio  1234   1 1 00000003 0000002f [00000a2b] 1204 (+300): …     (clocks that count no time)
const VERBOSE =
  /^ *(\S.{0,15}?) +(\d{1,10}) +(\d{1,5}) \d+ [0-9a-f]{8} [0-9a-f]{8,16} \[([0-9a-f]{8,16})\] -?\d+(?:\.\d{3}(ms))? \(\+-?\d+(?:\.\d{3}ms)?\): (.*)$/s;
//  kworker-32      1d..2.  7114.234591: sched_wakeup: …      kworker-32  1d..2.  1234: …
const WITH_CLOCK =
  /^ *(\S.{0,15}?)-(\d{1,10}) +(\d{1,5})([^\s\d]\S{2,9}) +(\d{1,20}(?:\.\d{6,9})?: .*)$/s;
// What trace-cmd prints before the events: cpus=2    CPU 1 is empty    version = 6
const BEFORE_TRACE_CMD = /^(?:cpus=\d+|CPU \d+ is empty|version = \d+|)\r?$/;
// <4>[  150.371262][ T1234] …   [Sat Nov 21 18:33:10 2026] …   Nov 21 18:33:10 host kernel: …
const PRINTK = /^(?:<\d{1,3}>|\S.{0,80}? kernel: )?(?:\[[^\]]{1,30}\](?:\[ *[TC]\d{1,10}\])? )?/;
const DUMP = 'Dumping ftrace buffer:';
const RULE = /^-{20,}\r?$/;
const LF = 0x0a;
const US_PER_S = 1e6;

/** Does the text have one of these layouts? */
export function isLatencyText(head: Uint8Array): boolean {
  return layoutOf(head) !== undefined;
}

/** Undefined where the text is of another kind. */
export function readLatencyText(source: ByteSource): LatencyText | undefined {
  const layout = layoutOf(readBytes(source, 0, HEAD_BYTES));
  if (layout === undefined) return undefined;
  const segments = new Segments();
  let hasClock = false;
  const push = (line: string): void => {
    const usual = layout(line);
    hasClock ||= usual?.hasClock === true;
    segments.push(Buffer.from(`${usual?.text ?? line}\n`, 'latin1'));
  };
  readLineBlocks(
    source,
    (bytes, start, end) => {
      for (let at = start; at < end; ) {
        const newline = bytes.indexOf(LF, at);
        push(Buffer.from(bytes.subarray(at, lineEnd(bytes, at, newline))).toString('latin1'));
        at = newline + 1;
      }
    },
    // Counted with the other lines that are no events.
    { onLongLine: () => push('(too long a line)') },
  );
  segments.finish();
  const { name, damage, compression } = source;
  const text: ByteSource = {
    name,
    size: segments.size,
    damage,
    compression,
    readInto: (target, offset) => segments.readInto(target, offset),
    close() {},
  };
  return { text, hasClock };
}

function layoutOf(bytes: Uint8Array): Layout | undefined {
  const head = Buffer.from(bytes).toString('latin1');
  if (HEADER.test(head)) return usualLine;
  if (head.includes(DUMP) && hasDump(head)) return dumpLayout();
  const first = head.split('\n').find((line) => !BEFORE_TRACE_CMD.test(line));
  return first !== undefined && WITH_CLOCK.test(first) ? usualWithClock : undefined;
}

/** The words alone may stand in any log: `(ftrace buffer empty)`. */
function hasDump(head: string): boolean {
  const lines = head.slice(head.indexOf(DUMP)).split('\n');
  return lines.some((line) => usualLine(withoutLog(line)) !== undefined);
}

function withoutLog(line: string): string {
  return line.slice(PRINTK.exec(line)?.[0].length ?? 0);
}

const usualLine: Layout = (line) => {
  const match = LINE.exec(line);
  if (match !== null) {
    const [, comm = '', pid = '', cpu = '', flags = '', us, rest = ''] = match;
    return { text: lineOf(comm, pid, cpu, ` ${flags}`, `${timeOf(us)}: ${rest}`), hasClock: false };
  }
  const verbose = VERBOSE.exec(line);
  if (verbose === null) return usualWithClock(line);
  const [, comm = '', pid = '', cpu = '', count, unit, rest = ''] = verbose;
  const time = unit === undefined ? BigInt(`0x${count}`) : timeOf(`0x${count}`);
  return { text: lineOf(comm, pid, cpu, '', `${time}: ${rest}`), hasClock: true };
};

/** Of trace-cmd; and of the kernel where its clock is not in nanoseconds. */
const usualWithClock: Layout = (line) => {
  const match = WITH_CLOCK.exec(line);
  if (match === null) return undefined;
  const [, comm = '', pid = '', cpu = '', flags = '', rest = ''] = match;
  return { text: lineOf(comm, pid, cpu, ` ${flags}`, rest), hasClock: true };
};

/** Lines of the log that are not of the dump become comments. */
function dumpLayout(): Layout {
  let rulesLeft = 0;
  return (line) => {
    const told = withoutLog(line);
    const comment = { text: `# ${line}`, hasClock: false };
    if (told.startsWith(DUMP)) {
      rulesLeft = 2;
      return comment;
    }
    if (rulesLeft === 0) return comment;
    if (RULE.test(told)) {
      rulesLeft--;
      return comment;
    }
    return usualLine(told) ?? { text: told, hasClock: false };
  };
}

function timeOf(us: string | undefined): string {
  const count = Number(us);
  const fraction = String(count % US_PER_S).padStart(6, '0');
  return `${Math.floor(count / US_PER_S)}.${fraction}`;
}

function lineOf(comm: string, pid: string, cpu: string, flags: string, rest: string): string {
  return `${comm}-${pid} [${cpu.padStart(3, '0')}]${flags} ${rest}`;
}
