/** The lines of trace text that are no events: comments, lost events, what trace-cmd says first. */

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

// # entries-in-buffer/entries-written: 7625/7625   #P:2
const ENTRIES = /^# entries-in-buffer\/entries-written: (\d{1,15})\/(\d{1,15})(?:\s+#P:(\d{1,5}))?/;
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

export function readOtherLine(line: string): OtherLine {
  if (line.trim() === '') return KNOWN;
  if (line.startsWith('#')) return readComment(line);
  const kernelLoss = LOST.exec(line);
  const loss = kernelLoss ?? DROPPED.exec(line);
  if (loss !== null) {
    const count = numberOf(loss[2]);
    return { kind: 'lost', cpu: Number(loss[1]), count, byTraceCmd: kernelLoss === null };
  }
  const cpus = CPUS.exec(line.trim());
  if (cpus !== null) return { kind: 'trace-cmd', cpus: numberOf(cpus[1]) };
  if (TRACE_CMD.test(line.trim())) return { kind: 'trace-cmd', cpus: undefined };
  return { kind: 'unknown' };
}

function readComment(line: string): OtherLine {
  const start = CPU_START.exec(line);
  if (start !== null) return { kind: 'cpu-start', cpu: Number(start[1]) };
  const entries = ENTRIES.exec(line);
  if (entries === null) return KNOWN;
  const overwritten = Number(entries[2]) - Number(entries[1]);
  return { kind: 'header', overwritten: Math.max(0, overwritten), cpus: numberOf(entries[3]) };
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}
