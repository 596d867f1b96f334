/**
 * Pauses of balance_dirty_pages(), mm/page-writeback.c. The event is written before the sleep and
 * says what is asked for. The kernel sleeps at least that long and at most one tick longer
 * (schedule_timeout); within that, the task's next event says when it ran again. An event of the
 * task before the time is up means that it did not sleep so long: it was killed, or an io_uring
 * request went elsewhere.
 */
import { numbers, optionalNumbers, tableWith } from '../../trace/table.ts';
import { NS_PER_MS } from '../../trace/time.ts';
import { cgroupOf, draftOf, eventRows } from './rows.ts';
import type { Scene } from './scene.ts';
import type { Draft, StallEnd } from './stall.ts';

/** MAX_PAUSE of the kernel: a period is no longer. */
const LONGEST_PERIOD_NS = 200 * NS_PER_MS;

export function dirtyThrottling(scene: Scene): Draft[] {
  const table = tableWith(scene.tables, 'balance_dirty_pages', ['bdi', 'pause_ms']);
  if (table === undefined) return [];
  const rows = eventRows(table);
  const pause = numbers(table, 'pause_ms').values;
  const period = optionalNumbers(table, 'period_ms')?.values;
  const drafts: Draft[] = [];
  for (let row = 0; row < table.rows; row++) {
    const asked_ns = (pause[row] as number) * NS_PER_MS;
    if (!(asked_ns > 0)) continue;
    const start_ns = rows.ts[row] as number;
    const next_ns = scene.times.nextAfter(rows.pid[row] as number, rows.seq[row] as number);
    const slept = sleepOf(scene, start_ns, asked_ns, next_ns);
    const period_ns = ((period?.[row] as number | undefined) ?? Number.NaN) * NS_PER_MS;
    drafts.push(
      draftOf(rows, row, {
        place: 'dirty-throttling',
        event: 'balance_dirty_pages',
        start_ns,
        duration_ns: slept.duration_ns,
        end: slept.end,
        asked_ns,
        cgroup: cgroupOf(table, row),
        joins_within_ns: gapOf(scene, period_ns),
      }),
    );
  }
  return drafts;
}

function sleepOf(
  { tick_ns = 0, end_ns }: Scene,
  start_ns: number,
  asked_ns: number,
  next_ns: number,
): { duration_ns: number; end: StallEnd } {
  const left = Math.max(0, end_ns - start_ns);
  if (Number.isNaN(next_ns)) {
    return left < asked_ns
      ? { duration_ns: left, end: 'capture-end' }
      : { duration_ns: asked_ns, end: 'asked' };
  }
  const seen_ns = next_ns - start_ns;
  return seen_ns <= asked_ns + tick_ns
    ? { duration_ns: seen_ns, end: 'next-event' }
    : { duration_ns: asked_ns + tick_ns, end: 'tick' };
}

/**
 * A pause is the rest of the period in which the task should have dirtied what it had; so since the
 * pause before, it did nothing but dirty its allowance, if the gap lies within that period.
 */
function gapOf({ pause_between_ns }: Scene, period_ns: number): number {
  const period = period_ns >= 0 ? Math.min(period_ns, LONGEST_PERIOD_NS) : LONGEST_PERIOD_NS;
  return period + pause_between_ns;
}
