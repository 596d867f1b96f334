/** Begin and end events of one task → intervals, also those of which one side was not recorded. */
import { visitInOrder } from '../../trace/order.ts';
import { draftOf, type EventRows, eventRows, evidenceOf } from './rows.ts';
import type { Scene } from './scene.ts';
import type { Draft, Evidence, StallEnd } from './stall.ts';

export type Interval = {
  /** The row that it is drafted from: the begin, or the end where the begin was not recorded. */
  readonly rows: EventRows;
  readonly row: number;
  readonly start_ns: number;
  readonly duration_ns: number;
  readonly end: StallEnd;
  readonly begun_before: boolean;
  /** Of both sides; made for those stalls alone that are shown. */
  readonly evidence: () => Evidence[];
};

/** The intervals as stalls in one place. */
export function stallPairs(
  scene: Scene,
  beginName: string,
  endName: string,
  { place, event }: Pick<Draft, 'place' | 'event'>,
  emit: (draft: Draft) => void,
): void {
  pairs(scene, beginName, endName, (interval) => {
    const { rows, row, start_ns, duration_ns, end, begun_before, evidence } = interval;
    // One literal: to spread the interval took as long as all else.
    const given = { place, event, start_ns, duration_ns, end, begun_before, evidence };
    emit(draftOf(rows, row, given));
  });
}

/** Calls `emit` for each interval of a task between the events; nested ones do not occur. */
export function pairs(
  scene: Scene,
  beginName: string,
  endName: string,
  emit: (interval: Interval) => void,
): void {
  const beginTable = scene.tables.get(beginName);
  // Without any begin, ends only tell that begins were not recorded.
  if (beginTable === undefined) return;
  const endTable = scene.tables.get(endName);
  const begins = eventRows(beginTable);
  const ends = endTable === undefined ? undefined : eventRows(endTable);
  const open = new Map<number, number>();
  const seen = new Set<number>();
  visitInOrder(endTable === undefined ? [beginTable] : [beginTable, endTable], (which, row) => {
    const rows = which === 0 ? begins : (ends as EventRows);
    const pid = rows.pid[row] as number;
    const begun = open.get(pid);
    const isFirst = !seen.has(pid);
    seen.add(pid);
    if (which === 0) {
      if (begun !== undefined) emit(cutShort(scene, begins, begun, rows.ts[row] as number));
      open.set(pid, row);
    } else if (begun !== undefined) {
      open.delete(pid);
      emit(whole(begins, begun, rows, row));
    } else if (isFirst) {
      const before = begunBefore(scene, rows, row);
      if (before !== undefined) emit(before);
    }
  });
  for (const row of open.values()) emit(unfinished(scene, begins, row));
}

function whole(begins: EventRows, begin: number, ends: EventRows, end: number): Interval {
  const start_ns = begins.ts[begin] as number;
  return {
    rows: begins,
    row: begin,
    start_ns,
    duration_ns: (ends.ts[end] as number) - start_ns,
    end: 'recorded',
    begun_before: false,
    evidence: () => [evidenceOf(begins, begin), evidenceOf(ends, end)],
  };
}

/** The end was not recorded, but the task began anew: it lies before that, or before a loss. */
function cutShort(scene: Scene, rows: EventRows, row: number, next_ns: number): Interval {
  const start_ns = rows.ts[row] as number;
  const lost_ns = scene.losses.firstAfter(start_ns);
  const duration_ns = Math.min(next_ns, lost_ns) - start_ns;
  const end = lost_ns < next_ns ? 'loss' : 'next-event';
  return part(rows, row, start_ns, duration_ns, end);
}

/** Still open at the end, unless the end may have been lost. */
function unfinished(scene: Scene, rows: EventRows, row: number): Interval {
  const start_ns = rows.ts[row] as number;
  const lost_ns = scene.losses.firstAfter(start_ns);
  const next_ns = scene.times.nextAfter(rows.pid[row] as number, rows.seq[row] as number);
  if (lost_ns < scene.end_ns && !Number.isNaN(next_ns)) {
    return part(rows, row, start_ns, lost_ns - start_ns, 'loss');
  }
  return part(rows, row, start_ns, Math.max(0, scene.end_ns - start_ns), 'capture-end');
}

/** An end without a begin is a wait from before the capture if the task was silent until then. */
function begunBefore(scene: Scene, rows: EventRows, row: number): Interval | undefined {
  const end_ns = rows.ts[row] as number;
  const pid = rows.pid[row] as number;
  const before_ns = scene.times.lastBefore(pid, rows.seq[row] as number);
  if (!Number.isNaN(before_ns) || scene.losses.overlaps(0, end_ns)) return undefined;
  return { ...part(rows, row, 0, end_ns, 'recorded'), begun_before: true };
}

function part(
  rows: EventRows,
  row: number,
  start_ns: number,
  duration_ns: number,
  end: StallEnd,
): Interval {
  const evidence = () => [evidenceOf(rows, row)];
  return { rows, row, start_ns, duration_ns, end, begun_before: false, evidence };
}
