/**
 * Dirtyable memory over time, from samples of /proc/vmstat: free and file pages without what is
 * kept free. The reserve follows from zoneinfo; where samples also hold the thresholds that the
 * kernel computed from the same counters, it can be seen, and what was seen counts.
 */
import { parseZones } from '../derive/zoneinfo.ts';
import { dirtyableMemory } from '../model/limits.ts';
import { availableOf, type PagesInterval, totalReserve } from '../model/thresholds.ts';
import { optionalNumbers, type Table } from '../trace/table.ts';
import { type HostFacts, pageSizeOf, type Trace } from '../trace/trace.ts';
import { asPages } from '../trace/units.ts';

export type MemorySamples = {
  readonly rows: number;
  readonly ts_ns: ArrayLike<number>;
  /** Free and file pages, nothing taken off. */
  readonly pages: Float64Array;
  readonly free: ArrayLike<number>;
  readonly inactive_file: ArrayLike<number>;
  readonly active_file: ArrayLike<number>;
  /** As the kernel printed them in the same sample. */
  readonly thresh: ArrayLike<number> | undefined;
  readonly background: ArrayLike<number> | undefined;
};

export function memorySamples(samples: Table | undefined): MemorySamples | undefined {
  if (samples === undefined) return undefined;
  const column = (name: string) => optionalNumbers(samples, name)?.values;
  const ts_ns = column('ts_ns');
  const free = column('nr_free_pages');
  const inactive_file = column('nr_inactive_file');
  const active_file = column('nr_active_file');
  if (!ts_ns || !free || !inactive_file || !active_file) return undefined;
  const pages = Float64Array.from(
    { length: samples.rows },
    (_, row) =>
      (free[row] as number) + (inactive_file[row] as number) + (active_file[row] as number) + 1,
  );
  const thresh = column('nr_dirty_threshold');
  const background = column('nr_dirty_background_threshold');
  return { rows: samples.rows, ts_ns, pages, free, inactive_file, active_file, thresh, background };
}

export type Reserve = {
  readonly pages: number;
  /** observed: from thresholds and counters of the same samples. */
  readonly because: 'observed' | 'zoneinfo' | 'unknown';
  /** What zoneinfo gives, to compare. */
  readonly from_zoneinfo: number | undefined;
};

export function zoneReserve(host: HostFacts): number | undefined {
  const zones = parseZones(host.zoneinfo);
  return zones === undefined || zones.high_memory ? undefined : totalReserve(zones.zones);
}

/** The reserve that most samples agree on, if `percent` of memory is the threshold. */
export function observedReserve(
  samples: MemorySamples,
  percent: number,
  pageSize: number,
  within: PagesInterval,
): number | undefined {
  const { thresh } = samples;
  if (thresh === undefined) return undefined;
  const starts: number[] = [];
  const ends: number[] = [];
  for (let row = 0; row < samples.rows; row++) {
    const ts = samples.ts_ns[row] as number;
    if (ts < within.low || ts > within.high) continue;
    const memory = availableOf(thresh[row] as number, percent, pageSize);
    const pages = samples.pages[row] as number;
    if (memory === undefined || Number.isNaN(pages)) continue;
    starts.push(pages - memory.high);
    ends.push(pages - memory.low);
  }
  return starts.length < MIN_SAMPLES ? undefined : mostCovered(starts, ends);
}

const MIN_SAMPLES = 5;

/** A point that most of the intervals hold: the middle of the most covered stretch. */
function mostCovered(starts: number[], ends: number[]): number {
  starts.sort((a, b) => a - b);
  ends.sort((a, b) => a - b);
  let open = 0;
  let best = 0;
  let at = starts[0] as number;
  for (let start = 0, end = 0; start < starts.length; ) {
    if ((starts[start] as number) <= (ends[end] as number)) {
      open++;
      if (open > best) {
        best = open;
        at = Math.floor(((starts[start] as number) + (ends[end] as number)) / 2);
      }
      start++;
    } else {
      open--;
      end++;
    }
  }
  return at;
}

/** Dirtyable memory of one sample. */
export function availableAt(samples: MemorySamples, row: number, reserve: number): number {
  const at = (values: ArrayLike<number>) => asPages(values[row] as number);
  const { free, inactive_file, active_file } = samples;
  // A reserve seen from outside may hold memory that the samples do not count as free.
  if (reserve < 0) return (samples.pages[row] as number) - reserve;
  return dirtyableMemory(at(free), asPages(reserve), at(inactive_file), at(active_file));
}

/** Dirtyable memory when meta.json was written, or undefined. */
export function availableBefore(trace: Trace): number | undefined {
  const { meminfo } = trace.host;
  const kib = (name: string) => {
    const text = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(meminfo ?? '')?.[1];
    return text === undefined ? undefined : Number(text);
  };
  const parts = [kib('MemFree'), kib('Active\\(file\\)'), kib('Inactive\\(file\\)')];
  if (parts.some((part) => part === undefined)) return undefined;
  const sum = parts.reduce<number>((total, part) => total + (part ?? 0), 0);
  const pageKib = pageSizeOf(trace) / 1024;
  return sum / pageKib - (zoneReserve(trace.host) ?? 0);
}
