/**
 * A trace as a history: replays it once (level b) and tells policies what happened, in order of
 * recording. Nothing is stored; all systems of a comparison are fed in the same walk.
 */
import type { DriftBound } from '../../kernel/counter-drift.ts';
import type { Balances } from '../../model/ledger.ts';
import type { HistoryEvent } from '../../model/policies/history.ts';
import { COUNTERS, type Counter } from '../../model/view.ts';
import { assertExists } from '../../trace/assert.ts';
import { numbers, type Table, tableWith } from '../../trace/table.ts';
import type { Trace } from '../../trace/trace.ts';
import type { CounterFit } from '../counter-fit.ts';
import { type Clock, watchClocks } from '../history/clocks.ts';
import { fitOf } from '../history/fits.ts';
import { tracedLog } from '../history/follow-samples.ts';
import type { Follower } from '../history/follower.ts';
import type { Inode } from '../history/inodes.ts';
import { learnJoins } from '../history/joins.ts';
import { UNSEEN_WB } from '../history/page-history.ts';
import type { Companion } from '../history/replay-history.ts';
import { Scene } from '../history/scene.ts';
import { Totals } from '../history/totals.ts';
import { followHistory, historyInputs, walkHistory } from '../history/walk.ts';
import type { Demand } from './demand.ts';
import { feedAllowances, feedCache, feedLimits } from './feed-common.ts';
import { feedFuse } from './feed-fuse.ts';
import { feedIomap } from './feed-iomap.ts';
import { feedReclaim } from './feed-reclaim.ts';
import { feedTreeCalls } from './feed-tree-calls.ts';
import { ObservedPages, type Tell } from './observed-pages.ts';
import { Teller } from './teller.ts';
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
  /** Files whose data is told with its place. */
  places: Demand['places'] = 'all';
  #pidsOf: Table | undefined;
  #pids: ArrayLike<number> = [];

  constructor(...args: ConstructorParameters<typeof Scene>) {
    super(...args);
    this.pages = new ObservedPages((kind, account, wb, inode, start, pages) =>
      this.tell(kind, account, wb, inode, start, pages),
    );
    this.place('all');
  }

  place(places: Demand['places']): void {
    this.places = places;
    this.pages.placed = {
      all: () => true,
      trees: (inode: Inode) => this.isTree(inode),
      none: undefined,
    }[places];
  }

  /** The task of the event that is being followed. */
  get pid(): number {
    const { table } = this;
    if (table === undefined) return -1;
    if (table !== this.#pidsOf) {
      this.#pidsOf = table;
      this.#pids = numbers(table, 'pid').values;
    }
    return this.#pids[this.row] as number;
  }

  isTree(inode: Inode): boolean {
    if (!isTreeKey(inode.key)) return false;
    const own = inode.wb === UNSEEN_WB ? this.joins.bdiOf(inode.dev) : this.wbNames[inode.wb];
    return isTreeBdi(own ?? '');
  }
}

/** What is to be told besides data, by feed; others add their followers here. */
const FEEDS: readonly (readonly [FeedMaker, readonly HistoryEvent['type'][]])[] = [
  [feedAllowances, ['allowance']],
  [feedCache, ['cache']],
  [feedTreeCalls, ['write-call']],
  [feedFuse, ['request', 'sync']],
  [feedIomap, ['range', 'mapping', 'sent']],
  [feedReclaim, ['shrink', 'release']],
];

function feedsFor(demand: Demand | undefined): readonly FeedMaker[] {
  const wanted = FEEDS.filter(([, types]) => types.some((type) => demand?.types.has(type) ?? true));
  return [feedLimits, ...wanted.map(([make]) => make)];
}

export type FeedOptions = {
  readonly pageSize: number;
  /** Bytes of a tree node, where it is smaller than a page: what a dirtied page counts for. */
  readonly nodeSize: number;
  /** Called at times, with the time that is due next as its answer. */
  readonly onTime: (ts_ns: number) => number;
  /** Filled before the first event. */
  readonly marks?: Marks;
  /** Everything, singly and with places, unless somebody needs less. */
  readonly demand?: Demand;
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

/** What a feed learns by itself; the rest of its result is of the replay that it went along with. */
export type Told = Pick<FeedResult, 'wbNames' | 'unplaced_pages' | 'hidden_nodes'>;

/** Tells a sink what happens in a replay that somebody else runs. */
export class Feeding implements Companion {
  readonly #trace: Trace;
  readonly #options: FeedOptions;
  readonly #sink: Sink;
  #scene: FeedScene | undefined;
  #told: Teller | undefined;

  constructor(trace: Trace, options: FeedOptions, sink: Sink) {
    this.#trace = trace;
    this.#options = options;
    this.#sink = sink;
  }

  scene(...args: ConstructorParameters<typeof Scene>): FeedScene {
    const { demand, marks } = this.#options;
    const scene = new FeedScene(...args);
    const told = new Teller(scene, this.#options, this.#sink);
    scene.tell = told.tell;
    scene.place(demand?.places ?? 'all');
    if (marks !== undefined) scene.marks = marks;
    this.#scene = scene;
    this.#told = told;
    return scene;
  }

  follow(): ReturnType<Companion['follow']> {
    const scene = assertExists(this.#scene, 'scene of a feed');
    const told = assertExists(this.#told, 'teller of a feed');
    const { onTime, demand } = this.#options;
    // Whoever is told something looks at the counters as they are then.
    const tellNow: Sink = (event) => {
      told.flush();
      this.#sink(event);
    };
    const feeds = feedsFor(demand).flatMap((feed) => feed(this.#trace.tables, scene, tellNow));
    const first = feeds.flatMap(({ table, before }) => (before ? [{ table, visit: before }] : []));
    let due_ns = onTime(Number.NEGATIVE_INFINITY);
    const clock: Clock = {
      get due_ns() {
        return due_ns;
      },
      take(now_ns) {
        told.flush();
        due_ns = onTime(now_ns);
      },
    };
    return { first, after: feeds, clocks: [clock] };
  }

  get told(): Told {
    const { pageSize, nodeSize } = this.#options;
    return {
      wbNames: this.#scene?.wbNames ?? [],
      unplaced_pages: this.#told?.unplaced ?? 0,
      hidden_nodes: nodeSize < pageSize && hasTreeNodes(this.#trace.tables),
    };
  }
}

/** Can the trace be fed at all? */
export const hasLimits = ({ tables }: Trace): boolean =>
  tableWith(tables, 'global_dirty_state', LIMIT_COLUMNS) !== undefined;

/**
 * A replay for the feed alone. Undefined when the trace lacks the events that it needs (`counters`
 * and `dirtied`).
 */
export function feedHistory(
  trace: Trace,
  options: FeedOptions,
  sink: Sink,
): FeedResult | undefined {
  const inputs = historyInputs(trace);
  if (inputs === undefined || !hasLimits(trace)) return undefined;
  const { drift, samples } = inputs;
  const log = tracedLog(samples);
  const feeding = new Feeding(trace, options, sink);
  const logs = { traced: log, sampled: undefined };
  const scene = feeding.scene(learnJoins(trace.tables), options.pageSize, logs);
  const { followers, anchors } = followHistory(scene, trace, inputs, new Totals());
  const { first, after, clocks } = feeding.follow();
  watchClocks(scene, clocks);
  const events = walkHistory(scene, [...first, ...followers, ...after]);
  return {
    ...feeding.told,
    fits: Object.fromEntries(
      COUNTERS.map((name, at) => [name, fitOf(log, at, drift.bound_pages)]),
    ) as Record<Counter, CounterFit>,
    drift,
    starts: anchors.starts,
    events,
    balances: scene.pages.ledger.balances(),
  };
}

const LIMIT_COLUMNS = ['dirty_thresh_pages', 'background_thresh_pages'];

type FeedMaker = (tables: Trace['tables'], scene: FeedScene, sink: Sink) => readonly Feed[];

/** What is told of rows that the replay follows, too, and when: before it or after it. */
export type Feed = Follower & { readonly before?: (row: number) => void };
