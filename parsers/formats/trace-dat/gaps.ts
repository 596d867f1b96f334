/** Gaps in what a lane holds: pages tell of them before the first event that is there again. */
import type { RecordIndex, ScanResult } from './pages.ts';

export type Gap = {
  /** The lane's place among all, and its CPU. */
  readonly lane: number;
  readonly cpu: number;
  /** Times of the last record before and of the first one after it; NaN as long as none came. */
  fromTs: number;
  ts: number;
  count: number | undefined;
};

/** One lane, or a part of it, while its pages are scanned. */
export type GapState = {
  readonly lane: number;
  readonly cpu: number;
  /** Time of the last record that was scanned; NaN before the first one. */
  lastTs: number;
  readonly gaps: Gap[];
  /** How many of the gaps, counted from the last one, have no record after them yet. */
  open: number;
};

export function gapState(lane: number, cpu: number): GapState {
  return { lane, cpu, lastTs: Number.NaN, gaps: [], open: 0 };
}

/** Takes over what a scan found, whose records begin at `before`; counts steps back in time. */
export function noteGaps(
  state: GapState,
  index: RecordIndex,
  before: number,
  scan: ScanResult,
): void {
  const { lane, cpu, gaps } = state;
  if (index.count > before) {
    const first = index.ts[before] as number;
    // Where rows stand one behind the other, the scan has compared them.
    if (before === 0 && first < state.lastTs) scan.backwards++;
    closeGaps(state, first);
  }
  for (const { record, count } of scan.losses.splice(0)) {
    const fromTs = record > before ? (index.ts[record - 1] as number) : state.lastTs;
    const isOpen = record >= index.count;
    gaps.push({ lane, cpu, fromTs, ts: isOpen ? Number.NaN : (index.ts[record] as number), count });
    if (isOpen) state.open++;
  }
  if (index.count > before) state.lastTs = index.ts[index.count - 1] as number;
}

function closeGaps(state: GapState, ts: number): void {
  for (; state.open > 0; state.open--) (state.gaps.at(-state.open) as Gap).ts = ts;
}

/**
 * The gaps of a lane that was scanned in parts, in order of the parts. What a part could not know
 * comes from its neighbours; before the first record, a lane begins with the trace.
 */
export function joinGaps(parts: readonly (GapState & { readonly firstTs: number })[]): Gap[] {
  let lastTs = 0;
  let open: Gap[] = [];
  for (const part of parts) {
    if (!Number.isNaN(part.firstTs)) {
      for (const gap of open) gap.ts = part.firstTs;
      open = [];
    }
    for (const gap of part.gaps) {
      if (Number.isNaN(gap.fromTs)) gap.fromTs = lastTs;
      if (Number.isNaN(gap.ts)) open.push(gap);
    }
    if (!Number.isNaN(part.lastTs)) lastTs = part.lastTs;
  }
  for (const gap of open) gap.ts = gap.fromTs;
  return parts.flatMap(({ gaps }) => gaps);
}
