/**
 * The contract between reading and everything else: a capture as meta data, columnar tables and
 * diagnostics. Every table of events has these columns first:
 *
 *   ts_ns  nanoseconds since the trace's start (number, Float64)
 *   cpu    the CPU that wrote the event (number)
 *   pid    the task that was running (number)
 *   comm   its name, as far as the capture knows it (text)
 *   seq    position in the whole trace: orders events of different tables with equal times (number)
 *
 * Rows are sorted by (ts_ns, cpu, order of writing), and `seq` increases with the rows. A command
 * that does not need an event may leave out its table, or all but these columns of it.
 */
import type { Diagnostic } from './diagnostics.ts';
import type { Table, Tables } from './table.ts';

/** Events that the recorder knows it lost, on one CPU, ending at `ts_ns`. */
export type Loss = {
  readonly cpu: number;
  /** The buffer instance, where the capture has several: others of the CPU may have lost nothing. */
  readonly instance?: string;
  /** First time at which events are there again. */
  readonly ts_ns: number;
  /** Time of the last event before the gap, if there is one. */
  readonly from_ns: number;
  /** How many events; undefined when the kernel could not store the count. */
  readonly count: number | undefined;
};

/** How often one event was recorded, under the name that the recording kernel used. */
export type EventCount = {
  readonly name: string;
  readonly system: string;
  readonly count: number;
  /** False where the dictionary does not know the event; importers may leave it to the table. */
  readonly known?: boolean;
};

export type TraceMeta = {
  /** Importer id, e.g. `trace-dat`, and a title for people, e.g. `trace.dat version 6`. */
  readonly format: string;
  readonly format_title: string;
  readonly compression: string | undefined;
  /** Absolute time of the first event on the trace clock. */
  readonly origin_ns: bigint;
  readonly duration_ns: number;
  readonly clock: string | undefined;
  /** Finest step of the time stamps: 1 for binary traces, 1000 for text with microseconds. */
  readonly resolution_ns: number;
  readonly cpus: number;
  readonly kernel: string | undefined;
  readonly machine: string | undefined;
  readonly page_size: number | undefined;
  /** Counts by recorded name, in order of name, without lost or unreadable events. */
  readonly events: readonly EventCount[];
  /** Events whose format is in the file although none was recorded: enabled but silent. */
  readonly silent_events: readonly string[];
  /** Which kernels print such events, by their names and fields; undefined when nothing tells. */
  readonly generation?: string | undefined;
};

/** What is known of the machine from a meta.json beside the trace; every part may be missing. */
export type HostFacts = {
  readonly kernel?: string | undefined;
  readonly machine?: string | undefined;
  readonly cpus?: number | undefined;
  readonly page_size?: number | undefined;
  /** Bytes of a tree node of the file system with the trees (btrfs). */
  readonly node_size?: number | undefined;
  readonly hz?: number | undefined;
  readonly trace_clock?: string | undefined;
  /** Clock of the counter samples, where their time column does not say it. */
  readonly samples_clock?: string | undefined;
  readonly sysctl?: Readonly<Record<string, string>> | undefined;
  readonly bdi?: Readonly<Record<string, Readonly<Record<string, string>>>> | undefined;
  readonly zoneinfo?: string | undefined;
  readonly meminfo?: string | undefined;
  readonly workload_start_ns?: bigint | undefined;
  readonly workload_end_ns?: bigint | undefined;
};

export type Trace = {
  readonly meta: TraceMeta;
  readonly tables: Tables;
  /** Sampled counters (vmstat and the like) on the trace's clock, when they were given. */
  readonly samples: Table | undefined;
  /** All sampled counters by name: `vmstat` (the one above), `meminfo`, `memory_stat`, `psi_io`, … */
  readonly sampleTables?: Tables;
  readonly host: HostFacts;
  readonly losses: readonly Loss[];
  readonly diagnostics: readonly Diagnostic[];
};

/** Of most machines; where it is assumed, a diagnostic or the timebase says so. */
export const PAGE_SIZE_ASSUMED = 4096;

/** Bytes: as recorded, else as stated beside the trace. */
export function pageSizeOf({ meta, host }: Pick<Trace, 'meta' | 'host'>): number {
  return meta.page_size ?? host.page_size ?? PAGE_SIZE_ASSUMED;
}

/** Events that were read, of all kinds. */
export function totalEvents(meta: Pick<TraceMeta, 'events'>): number {
  return meta.events.reduce((sum, { count }) => sum + count, 0);
}

/** Events that the recorder lost, as far as it counted them. */
export function lostEvents(trace: Pick<Trace, 'losses'>): number {
  return trace.losses.reduce((sum, { count }) => sum + (count ?? 0), 0);
}
