/** How much of what became dirty was metadata of file systems. */
import type { Context } from '../context.ts';
import type { Interval, Series, Timeline } from '../detail.ts';
import { dirtiedSums, metadataDirtied } from '../facts/metadata.ts';
import type { Outcome } from '../finding.ts';
import { bytes, percent } from '../format.ts';
import { lostIntervals } from '../intervals.ts';
import type { FindingDefinition } from '../run.ts';
import { notRecorded } from './binned.ts';

export const metadata: FindingDefinition = {
  id: 'metadata',
  title: 'Metadata that became dirty',
  question: 'How much of what became dirty was metadata of a file system, and not file data?',
  needs: [],
  evaluate,
};

/** Every file system writes a little; less than this is no reason for a chart. */
const NOTABLE = 0.01;
const DIRTY = 'writeback_dirty_folio';

function evaluate(context: Context): Outcome {
  const sums = context.facts.once(dirtiedSums);
  const dirtied = metadataDirtied(context.facts, context.window_ns);
  if (sums === undefined || dirtied === undefined || dirtied.all_pages === 0) {
    return notRecorded(context, [DIRTY], '-e writeback -e filemap');
  }
  const { metadata_pages, all_pages, bdi } = dirtied;
  const share = metadata_pages / all_pages;
  const said =
    `${percent(share)} of the ${bytes(all_pages * context.pageSize)} that became dirty ` +
    'was metadata';
  const t_ns = Float64Array.from(sums.ts_ns);
  const files = sums.all.map((pages, at) => pages - (sums.metadata[at] as number));
  const curve = (id: string, label: string, pages: Float64Array): Series => ({
    id,
    label,
    role: 'inferred',
    shape: 'step',
    t_ns,
    // The first sum is from before the first row.
    values: pages.subarray(1).map((value) => value * context.pageSize),
  });
  const chart: Timeline = {
    kind: 'timeline',
    id: 'metadata',
    title: bdi === undefined ? said : `${said}, most of bdi ${bdi}`,
    subtitle: 'sums since the capture began: btree inodes of btrfs, and block devices themselves',
    unit: 'bytes',
    window_ns: context.window_ns,
    series: [curve('metadata', 'metadata', sums.metadata), curve('files', 'file data', files)],
    bands: syncBands(context),
    lost: lostIntervals(context),
  };
  const isSome = share >= NOTABLE;
  const status = isSome ? 'shown' : 'clear';
  const details = isSome ? [chart] : [];
  return { status, summary: `${chart.title}.`, details, weakenedBy: [] };
}

function syncBands(context: Context): Interval[] {
  return context.stalls
    .filter(({ place }) => place === 'sync')
    .map(({ start_ns, duration_ns, event }) => ({
      from_ns: start_ns,
      to_ns: start_ns + duration_ns,
      label: `tasks wait in ${event}`,
    }));
}
