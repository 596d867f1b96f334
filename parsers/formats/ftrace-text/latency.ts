/**
 * The text of latency tracers (`wakeup`, `irqsoff`, …) and of the option latency-format → the
 * kernel's usual text, line by line, so that one reader reads both:
 *
 *   # wakeup latency trace v1.1.5 on 6.18.44
 *     <...>-1234      1d..3.   12us+: sched_wakeup: comm=fio pid=77 prio=120 target_cpu=001
 *      →   <...>-1234 [001] d..3. 0.000012: sched_wakeup: comm=fio pid=77 prio=120 target_cpu=001
 *
 * Times count from the start of the latency, so they are on no clock; with the option `verbose`
 * each line has the time of the trace clock, too (kernel/trace/trace_output.c,
 * trace_print_lat_context). Commands are cut to eight characters. Other lines stay as they are.
 */
import { lineEnd, readLineBlocks } from '../../bytes/lines.ts';
import { type ByteSource, readBytes } from '../../bytes/source.ts';
import { Segments } from '../../bytes/unpack-segments.ts';

export type LatencyText = {
  /** The same lines, in the form of `trace`. */
  readonly text: ByteSource;
  /** Times are those of the trace clock, not counted from the start of the latency. */
  readonly hasClock: boolean;
};

const HEAD_BYTES = 16 << 10;
// # irqsoff latency trace v1.1.5 on 6.18.44-fc
const HEADER = /^# \S+ latency trace v\d/m;
//   <...>-1234      1d..3.   12us+: sched_wakeup: …    (comm-pid, cpu and flags, time and mark)
const LINE = /^ *(\S.{0,15}?)-(\d{1,10}) +(\d{1,5})([^\s\d]\S{3,7}) +(\d{1,12})us.: (.*)$/s;
//     fio  1234   1 1 00000003 0000002f [00000a2b] 0.012ms (+0.003ms): sched_wakeup: …
const VERBOSE =
  /^ *(\S.{0,15}?) +(\d{1,10}) +(\d{1,5}) \d+ [0-9a-f]{8} [0-9a-f]{8,16} \[([0-9a-f]{8,16})\] -?\d+\.\d{3}ms \(\+-?\d+\.\d{3}ms\): (.*)$/s;
const LF = 0x0a;
const US_PER_S = 1e6;

/** Undefined where the text is of another kind. */
export function readLatencyText(source: ByteSource): LatencyText | undefined {
  const head = Buffer.from(readBytes(source, 0, HEAD_BYTES)).toString('latin1');
  if (!HEADER.test(head)) return undefined;
  const segments = new Segments();
  let hasClock = false;
  const push = (line: string): void => {
    const usual = usualLine(line);
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

function usualLine(line: string): { text: string; hasClock: boolean } | undefined {
  const match = LINE.exec(line);
  if (match !== null) {
    const [, comm = '', pid = '', cpu = '', flags = '', us, rest = ''] = match;
    return { text: lineOf(comm, pid, cpu, ` ${flags}`, Number(us), rest), hasClock: false };
  }
  const verbose = VERBOSE.exec(line);
  if (verbose === null) return undefined;
  const [, comm = '', pid = '', cpu = '', us = '', rest = ''] = verbose;
  return { text: lineOf(comm, pid, cpu, '', Number.parseInt(us, 16), rest), hasClock: true };
}

function lineOf(
  comm: string,
  pid: string,
  cpu: string,
  flags: string,
  us: number,
  rest: string,
): string {
  const seconds = Math.floor(us / US_PER_S);
  const fraction = String(us % US_PER_S).padStart(6, '0');
  return `${comm}-${pid} [${cpu.padStart(3, '0')}]${flags} ${seconds}.${fraction}: ${rest}`;
}
