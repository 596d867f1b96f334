/**
 * A trace as a history: replays it once (level b) and tells policies what happened, in order of
 * recording. Nothing is stored; all systems of a comparison are fed in the same walk.
 */
import { counterDrift, type DriftBound } from '../../kernel/counter-drift.ts';
import type { Balances } from '../../model/ledger.ts';
import type { DataEvent, HistoryEvent } from '../../model/policies/history.ts';
import { COUNTERS, type Counter } from '../../model/view.ts';
import { numbers, type Table, tableWith } from '../../trace/table.ts';
import type { Trace } from '../../trace/trace.ts';
import type { CounterFit } from '../counter-fit.ts';
import { findFolioSizes } from '../folio-sizes.ts';
import { fitOf } from '../history/fits.ts';
import { followBlock } from '../history/follow-block.ts';
import { followBtrfs } from '../history/follow-btrfs.ts';
import { followDirty, followPageCache } from '../history/follow-cache.ts';
import { followExt4 } from '../history/follow-ext4.ts';
import { followFlusher } from '../history/follow-flusher.ts';
import { followFuse } from '../history/follow-fuse.ts';
import { followIomap } from '../history/follow-iomap.ts';
import { followSamples, tracedLog } from '../history/follow-samples.ts';
import type { Follower } from '../history/follower.ts';
import type { Inode } from '../history/inodes.ts';
import { learnJoins } from '../history/joins.ts';
import { visitRows } from '../history/order.ts';
import { UNSEEN_WB } from '../history/page-history.ts';
import { Scene } from '../history/scene.ts';
import { Totals } from '../history/totals.ts';
import { lossIndex } from '../losses.ts';
import { feedAllowances, feedCache, feedLimits } from './feed-common.ts';
import { feedFuse } from './feed-fuse.ts';
import { feedIomap } from './feed-iomap.ts';
import { feedReclaim } from './feed-reclaim.ts';
import { feedTreeCalls } from './feed-tree-calls.ts';
import { ObservedPages, type Tell } from './observed-pages.ts';
import { hasTreeNodes, isTreeBdi, isTreeKey } from './tree-nodes.ts';

export type Sink = (event: HistoryEvent) => void;

/** What the feeds find out of bdis; policies see the same sets in their RunFacts. */
export type Marks = {
  readonly fuse_wbs: Set<number>;
  readonly range_wbs: Set<number>;
  readonly sent_wbs: Set<number>;
};

export const noMarks = (): Marks => ({
  fuse_wbs: new Set(),
  range_wbs: new Set(),
  sent_wbs: new Set(),
});

/** The scene of a replay whose pages tell what happens to them. */
export class FeedScene extends Scene {
  override readonly pages: ObservedPages;
  tell: Tell = () => undefined;
  marks: Marks = noMarks();
  readonly #pids = new Map<Table, ArrayLike<number>>();

  constructor(...args: ConstructorParameters<typeof Scene>) {
    super(...args);
    this.pages = new ObservedPages((...told) => this.tell(...told));
  }

  /** The task of the event that is being followed. */
  get pid(): number {
    const { table } = this;
    if (table === undefined) return -1;
    let pids = this.#pids.get(table);
    if (pids === undefined) {
      pids = numbers(table, 'pid').values;
      this.#pids.set(table, pids);
    }
    return pids[this.row] as number;
  }

  isTree(inode: Inode): boolean {
    if (!isTreeKey(inode.key)) return false;
    const own = inode.wb === UNSEEN_WB ? this.joins.bdiOf(inode.dev) : this.wbNames[inode.wb];
    return isTreeBdi(own ?? '');
  }
}

/** What is to be told besides data; others add their followers here. */
const FEEDS = [feedAllowances, feedCache, feedTreeCalls, feedFuse, feedIomap, feedReclaim];

export type FeedOptions = {
  readonly pageSize: number;
  /** Bytes of a tree node, where it is smaller than a page: what a dirtied page counts for. */
  readonly nodeSize: number;
  /** Called at times, with the time that is due next as its answer. */
  readonly onTime: (ts_ns: number) => number;
  /** Filled before the first event. */
  readonly marks?: Marks;
};

export type FeedResult = {
  /** How well the replay predicts what the kernel recorded: the fit of the recorded system. */
  readonly fits: Readonly<Record<Counter, CounterFit>>;
  readonly drift: DriftBound;
  /** Names of bdis by number. */
  readonly wbNames: readonly string[];
  /** Pages of tree nodes of which only the number is known. */
  readonly unplaced_pages: number;
  /** Tree nodes are smaller than a page: each dirtied page was told as one node. */
  readonly hidden_nodes: boolean;
  readonly starts: number;
  readonly events: number;
  /** What the ledger holds at the end: the events told add up to it. */
  readonly balances: Balances;
};

/** Undefined when the trace lacks the events that a replay needs (`counters` and `dirtied`). */
export function feedHistory(
  trace: Trace,
  options: FeedOptions,
  sink: Sink,
): FeedResult | undefined {
  const { tables } = trace;
  const samples = tableWith(tables, 'global_dirty_state', LIMIT_COLUMNS);
  const sizes = findFolioSizes(tables);
  if (samples === undefined || sizes === undefined) return undefined;
  const { zoneinfo, meminfo } = trace.host;
  const cpus = trace.host.cpus ?? trace.meta.cpus;
  const drift = counterDrift({ cpus, zoneinfo, meminfo });
  const log = tracedLog(samples);
  const logs = { traced: log, sampled: undefined };
  const scene = new FeedScene(learnJoins(tables), options.pageSize, logs);
  const told = new Teller(scene, options, sink);
  scene.tell = (...args) => told.tell(...args);
  if (options.marks !== undefined) scene.marks = options.marks;
  const losses = lossIndex(trace.losses);
  const compared = followSamples(scene, samples, losses, drift.bound_pages);
  scene.dueAt = options.onTime(Number.NEGATIVE_INFINITY);
  scene.onDue = (now_ns) => {
    scene.dueAt = options.onTime(now_ns);
  };
  const followers: Follower[] = [
    ...followPageCache(scene, tables),
    followDirty(scene, sizes, new Totals()),
    ...followExt4(scene, tables),
    ...followIomap(scene, tables),
    ...followBtrfs(scene, tables),
    ...followFuse(scene, tables),
    ...followFlusher(scene, tables),
    ...followBlock(scene, tables),
    compared.follower,
  ];
  const feeds = [feedLimits, ...FEEDS].flatMap((feed) => feed(tables, scene, sink));
  const all = attach(followers, feeds);
  visitRows(
    all.map(({ table }) => table),
    all.map(({ visit }) => visit),
  );
  scene.onDue(Number.POSITIVE_INFINITY);
  return {
    fits: Object.fromEntries(
      COUNTERS.map((name, at) => [name, fitOf(log, at, drift.bound_pages)]),
    ) as Record<Counter, CounterFit>,
    drift,
    wbNames: scene.wbNames,
    unplaced_pages: told.unplaced,
    hidden_nodes: options.nodeSize < options.pageSize && hasTreeNodes(tables),
    starts: compared.anchors.starts,
    events: all.reduce((sum, { table }) => sum + table.rows, 0),
    balances: scene.pages.ledger.balances(),
  };
}

const LIMIT_COLUMNS = [
  'nr_dirty_pages',
  'nr_writeback_pages',
  'nr_dirtied_pages',
  'nr_written_pages',
  'dirty_thresh_pages',
  'background_thresh_pages',
];

/** What is told of rows that the replay follows, too, and when: before it or after it. */
export type Feed = Follower & { readonly before?: (row: number) => void };

/** One follower a table, since each row is visited once. */
function attach(followers: readonly Follower[], feeds: readonly Feed[]): Follower[] {
  const tables = new Map<Table, { before: Feed[]; own: Follower[]; after: Feed[] }>();
  const of = (table: Table) => {
    let list = tables.get(table);
    if (list === undefined) {
      list = { before: [], own: [], after: [] };
      tables.set(table, list);
    }
    return list;
  };
  for (const follower of followers) of(follower.table).own.push(follower);
  for (const feed of feeds) of(feed.table).after.push(feed);
  return [...tables].map(([table, { own, after }]) => ({
    table,
    visit(row) {
      for (const feed of after) feed.before?.(row);
      for (const follower of own) follower.visit(row);
      for (const feed of after) feed.visit(row);
    },
  }));
}

/** Moves of the ledger become data events. */
class Teller {
  readonly #scene: FeedScene;
  readonly #options: FeedOptions;
  readonly #sink: Sink;
  /** Pages of tree nodes under writeback without a place, by bdi. */
  readonly #away = new Map<number, number>();
  unplaced = 0;

  constructor(scene: FeedScene, options: FeedOptions, sink: Sink) {
    this.#scene = scene;
    this.#options = options;
    this.#sink = sink;
  }

  readonly tell: Tell = (move, inode, start, pages) => {
    const scene = this.#scene;
    if (inode !== undefined) {
      this.#emit(move, inode, start, pages, scene.isTree(inode));
      return;
    }
    // What came back without a place is of tree nodes while such are under way.
    const away = move.kind === 'end-writeback' ? (this.#away.get(move.wb) ?? 0) : 0;
    const trees = Math.max(0, Math.min(away, pages));
    if (trees > 0) this.#away.set(move.wb, away - trees);
    if (trees > 0) this.#emit(move, undefined, undefined, trees, true);
    if (pages !== trees) this.#emit(move, undefined, undefined, pages - trees, false);
  };

  #emit(
    move: Parameters<Tell>[0],
    inode: Inode | undefined,
    start: number | undefined,
    pages: number,
    isTree: boolean,
  ): void {
    const scene = this.#scene;
    const { pageSize, nodeSize } = this.#options;
    if (isTree && start === undefined) {
      this.unplaced += pages;
      const { kind, wb } = move;
      if (kind === 'start-writeback') this.#away.set(wb, (this.#away.get(wb) ?? 0) + pages);
    }
    const event: DataEvent = {
      type: 'data',
      kind: move.kind,
      ...(move.account === undefined ? {} : { account: move.account }),
      ts_ns: scene.pages.ts_ns,
      wb: move.wb,
      pageClass: isTree ? 'metadata' : 'file-data',
      bytes: pages * pageSize,
      file: inode?.id ?? -1,
      start: start === undefined ? -1 : start * pageSize,
      pid: scene.pid,
      cpu: scene.pages.cpu,
      ...(move.kind === 'claim' && isTree ? { sync: this.#isAwaited(inode) } : {}),
    };
    if (isTree && nodeSize < pageSize) this.#emitNodes(event, pages);
    else this.#sink(event);
  }

  /** Nodes smaller than a page: a dirtied page holds one at least, and says no more. */
  #emitNodes(event: DataEvent, pages: number): void {
    const { pageSize, nodeSize } = this.#options;
    if (event.start < 0) this.#sink({ ...event, bytes: pages * nodeSize });
    else {
      for (let page = 0; page < pages; page++) {
        this.#sink({ ...event, start: event.start + page * pageSize, bytes: nodeSize });
      }
    }
  }

  /** Outside of the flusher's calls, nodes are written by those who wait: commits, log syncs. */
  #isAwaited(inode: Inode | undefined): boolean {
    const { table } = this.#scene;
    if (table?.name === 'writeback_single_inode') return false;
    const task = this.#scene.knownTask(this.#scene.pid);
    return task === undefined || inode === undefined || task.inode !== inode;
  }
}
