/**
 * How a trace is followed: what a replay of the history rests on, who follows which events, and the
 * walk over the rows. Every replay is wired here, whoever asks for it.
 */
import { type Consistency, consistencyOf } from '../../derive/consistency.ts';
import { driftOf } from '../../derive/drift.ts';
import type { DriftBound } from '../../kernel/counter-drift.ts';
import { visitRows } from '../../trace/order.ts';
import { type Table, tableWith } from '../../trace/table.ts';
import { pageSizeOf, type Trace } from '../../trace/trace.ts';
import { type FolioSizes, findFolioSizes } from '../folio-sizes.ts';
import { type LossIndex, lossIndex } from '../losses.ts';
import { followBlock } from './follow-block.ts';
import { followBtrfs } from './follow-btrfs.ts';
import { followDirty, followPageCache } from './follow-cache.ts';
import { followCpus } from './follow-cpus.ts';
import { followExt4 } from './follow-ext4.ts';
import { followFlusher } from './follow-flusher.ts';
import { followFuse } from './follow-fuse.ts';
import { followIomap } from './follow-iomap.ts';
import { type Anchors, followSamples } from './follow-samples.ts';
import { followSwitches } from './follow-switches.ts';
import type { Follower } from './follower.ts';
import type { Scene } from './scene.ts';
import type { Totals } from './totals.ts';
import { followReclaim } from './vanished.ts';

const SAMPLE_COLUMNS = [
  'nr_dirty_pages',
  'nr_writeback_pages',
  'nr_dirtied_pages',
  'nr_written_pages',
];

export type HistoryInputs = {
  /** global_dirty_state, and writeback_dirty_folio with the sizes of its folios. */
  readonly samples: Table;
  readonly sizes: FolioSizes;
  readonly drift: DriftBound;
  readonly losses: LossIndex;
  readonly consistency: Consistency;
  readonly pageSize: number;
};

/** Undefined when the trace lacks the events that a prediction needs. */
export function historyInputs(trace: Trace): HistoryInputs | undefined {
  const { tables, losses } = trace;
  const samples = tableWith(tables, 'global_dirty_state', SAMPLE_COLUMNS);
  const sizes = findFolioSizes(tables);
  if (samples === undefined || sizes === undefined) return undefined;
  return {
    samples,
    sizes,
    drift: driftOf(trace),
    losses: lossIndex(losses),
    consistency: consistencyOf(trace),
    pageSize: pageSizeOf(trace),
  };
}

export type Following = { readonly followers: readonly Follower[]; readonly anchors: Anchors };

/** Everything that moves the scene. */
export function followHistory(
  scene: Scene,
  { tables }: Trace,
  { samples, sizes, losses, consistency, drift }: HistoryInputs,
  totals: Totals,
): Following {
  const trust = { losses, consistency, bound_pages: drift.bound_pages };
  const compared = followSamples(scene, samples, trust);
  return {
    followers: [
      ...followCpus(scene, tables),
      ...followReclaim(scene, tables),
      ...followPageCache(scene, tables),
      followDirty(scene, sizes, totals),
      ...followSwitches(scene),
      ...followExt4(scene, tables),
      ...followIomap(scene, tables),
      ...followBtrfs(scene, tables),
      ...followFuse(scene, tables),
      ...followFlusher(scene, tables),
      ...followBlock(scene, tables),
      compared.follower,
    ],
    anchors: compared.anchors,
  };
}

/** Follows all rows in the order of recording; returns how many there were. */
export function walkHistory(scene: Scene, followers: readonly Follower[]): number {
  const all = onePerTable(followers);
  visitRows(
    all.map(({ table }) => table),
    all.map(({ visit }) => visit),
  );
  scene.onDue(Number.POSITIVE_INFINITY);
  return all.reduce((sum, { table }) => sum + table.rows, 0);
}

/** Each row is visited once: its followers see it in the order in which they are given. */
function onePerTable(followers: readonly Follower[]): readonly Follower[] {
  const tables = new Map<Table, Follower[]>();
  for (const follower of followers) {
    const list = tables.get(follower.table);
    if (list === undefined) tables.set(follower.table, [follower]);
    else list.push(follower);
  }
  return [...tables].map(([table, list]) => {
    const [only] = list;
    if (only !== undefined && list.length === 1) return only;
    return {
      table,
      visit(row) {
        for (const follower of list) follower.visit(row);
      },
    };
  });
}
