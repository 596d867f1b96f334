/** What the flushers did: works by reason, with what was asked and what was written. */
import { LONG_MAX_DOUBLE, textAt } from '../../trace/column.ts';
import { numbers, type Table, texts } from '../../trace/table.ts';
import type { Context } from '../context.ts';
import type { Bar, DetailTable, Lanes } from '../detail.ts';
import type { Outcome } from '../finding.ts';
import { bytes, count, duration } from '../format.ts';
import { lostIntervals } from '../intervals.ts';
import type { FindingDefinition } from '../run.ts';
import { largest, notRecorded } from './binned.ts';

export const flusher: FindingDefinition = {
  id: 'flusher',
  title: 'What the flushers wrote, and why',
  question: 'Which writeback works ran, for what reason, and how much did they write?',
  needs: [],
  evaluate,
};

const BDIS = 6;
const LISTED = 100;

/** A work of a flusher, in units of the report. */
export type Work = {
  readonly bdi: string;
  readonly reason: string;
  readonly from_ns: number;
  readonly to_ns: number;
  /** Undefined for no limit. */
  readonly asked_bytes: number | undefined;
  readonly written_bytes: number;
  readonly requester: string;
};

function evaluate(context: Context): Outcome {
  const works = worksIn(context);
  if (works === undefined || works.length === 0) {
    return notRecorded(context, ['writeback_start', 'writeback_written'], '-e writeback');
  }
  const byReason = new Map<string, number>();
  const byBdi = new Map<string, number>();
  for (const { reason, bdi, written_bytes } of works) {
    byReason.set(reason, (byReason.get(reason) ?? 0) + written_bytes);
    byBdi.set(bdi, (byBdi.get(bdi) ?? 0) + written_bytes);
  }
  const reasons = largest(byReason, byReason.size);
  const parts = reasons
    .slice(0, 4)
    .map((reason) => `${reason || 'no reason given'} ${bytes(byReason.get(reason) ?? 0)}`);
  const summary = `${count(works.length, 'work')} wrote: ${parts.join(', ')}.`;
  const lanes = largest(byBdi, BDIS);
  const [most = ''] = reasons;
  const all = [...byReason.values()].reduce((sum, value) => sum + value, 0);
  const chart: Lanes = {
    kind: 'lanes',
    id: 'flusher-works',
    title: `Flushers wrote ${bytes(all)}, most of it for the reason “${most}”`,
    subtitle: 'one bar a work, from its start to the end of its last round',
    window_ns: context.window_ns,
    lanes: lanes.map((bdi) => `flusher of ${bdi}`),
    kinds: reasons,
    bars: works.flatMap((work) => workBar(work, lanes, reasons)),
    omitted: Math.max(0, byBdi.size - lanes.length),
    lost: lostIntervals(context),
  };
  return { status: 'shown', summary, details: [chart, table(works)], weakenedBy: [] };
}

/** A bar of a work; nothing for a lane that is not drawn. */
export function workBar(work: Work, lanes: readonly string[], kinds: readonly string[]): Bar[] {
  const lane = lanes.indexOf(work.bdi);
  if (lane < 0) return [];
  const { from_ns, to_ns, reason, written_bytes } = work;
  const text = `${reason}: wrote ${bytes(written_bytes)} in ${duration(to_ns - from_ns)}`;
  return [{ from_ns, to_ns, lane, kind: kinds.indexOf(reason), text }];
}

/** Works that touch the window and wrote something or took time; undefined when not recorded. */
export function worksIn(context: Context): Work[] | undefined {
  const works = context.facts.works?.works;
  if (works === undefined) return undefined;
  const [from_ns, to_ns] = context.window_ns;
  return readWorks(works, context.pageSize, context.trace.meta.duration_ns).filter(
    (work) => work.from_ns <= to_ns && work.to_ns >= from_ns,
  );
}

function readWorks(works: Table, pageSize: number, duration_ns: number): Work[] {
  const column = (name: string) => numbers(works, name).values;
  const start = column('start_ns');
  const end = column('end_ns');
  const asked = column('asked_pages');
  const written = column('written_pages');
  const bdi = texts(works, 'bdi');
  const reason = texts(works, 'reason');
  const requester = texts(works, 'requester');
  return Array.from({ length: works.rows }, (_, row) => {
    const from_ns = start[row] as number;
    const to_ns = end[row] as number;
    const pages = asked[row] as number;
    const isBounded = pages < LONG_MAX_DOUBLE / 2;
    return {
      bdi: textAt(bdi, row),
      reason: textAt(reason, row),
      from_ns,
      // A work whose end was not recorded lasted at least until the capture ended.
      to_ns: Number.isNaN(to_ns) ? Math.max(from_ns, duration_ns) : to_ns,
      asked_bytes: isBounded ? pages * pageSize : undefined,
      written_bytes: (written[row] as number) * pageSize,
      requester: textAt(requester, row),
    };
  });
}

function table(works: readonly Work[]): DetailTable {
  const sorted = [...works].sort((left, right) => right.written_bytes - left.written_bytes);
  const listed = sorted.slice(0, LISTED).sort((left, right) => left.from_ns - right.from_ns);
  return {
    kind: 'table',
    id: 'flusher-work-list',
    title: 'Works that wrote most, in order of time',
    columns: [
      { key: 'at', label: 'At', unit: 's' },
      { key: 'bdi', label: 'bdi', unit: 'none' },
      { key: 'reason', label: 'Reason', unit: 'none' },
      { key: 'by', label: 'Asked by', unit: 'none' },
      { key: 'asked', label: 'Asked', unit: 'bytes' },
      { key: 'written', label: 'Written', unit: 'bytes' },
      { key: 'took', label: 'Took', unit: 'ns' },
    ],
    rows: listed.map((work) => ({
      at: work.from_ns / 1e9,
      bdi: work.bdi,
      reason: work.reason,
      by: work.requester,
      asked: work.asked_bytes ?? 'all',
      written: work.written_bytes,
      took: work.to_ns - work.from_ns,
    })),
    omitted: works.length - listed.length,
    windows_ns: listed.map(({ from_ns, to_ns }) => [from_ns, to_ns] as const),
  };
}
