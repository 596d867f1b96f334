/**
 * Which systems are worth showing for a trace besides the recorded one: those that treat what was
 * recorded (tree nodes of btrfs, writes through FUSE servers, large folios) in another way.
 */
import { opcodeCodes } from '../../derive/fuse-requests.ts';
import { type Feature, resolveFeature } from '../../kernel/features.ts';
import type { SwitchValues } from '../../model/switches.ts';
import { systemOf } from '../../model/systems.ts';
import { assertExists } from '../../trace/assert.ts';
import { numbers, type Tables, tableWith } from '../../trace/table.ts';
import { pageSizeOf, type Trace } from '../../trace/trace.ts';
import { type HistoryReplay, replayHistory } from '../history/replay-history.ts';
import { type Chosen, type Replays, replaySystems } from './compare.ts';
import { hasRanges } from './feed-iomap.ts';
import { LevelRecorder } from './level-recorder.ts';
import { missingFor } from './needs.ts';
import type { Replayed, SystemResult } from './result.ts';
import { hasTreeNodes, treeFacts } from './tree-nodes.ts';

const TOPICS = ['trees', 'fuse', 'blocks'] as const;
export type Topic = (typeof TOPICS)[number];

/** The recorded system first, and what it is compared with. */
type Choice = readonly [recorded: Chosen, ...others: Chosen[]];

export type ReplayedSystem = SystemResult & Replayed;

/** Dirty + writeback of another system minus that of the recorded one, where it is largest. */
export type Furthest = { readonly pages: number; readonly at_ns: number };

export type Alternatives = {
  readonly recorded: ReplayedSystem;
  readonly others: readonly ReplayedSystem[];
  /** By the other system's name. */
  readonly furthest: ReadonlyMap<string, Furthest>;
};

export type Counterfactuals = Pick<Replays, 't_ns' | 'machine'> & {
  readonly fed: NonNullable<Replays['fed']>;
  readonly of: ReadonlyMap<Topic, Alternatives>;
};

/** Points of each curve: more cannot be told apart in a report. */
const POINTS = 600;

type Window = readonly [from_ns: number, to_ns: number];

export type ReplayedAlternatives = {
  /** The history as recorded, which is replayed anyway. */
  readonly history: HistoryReplay | undefined;
  /** Undefined if the trace has no topic that can be replayed. */
  readonly counterfactuals: Counterfactuals | undefined;
};

/** The recorded history and all topics of the trace in one walk over it. */
export function replayAlternatives(trace: Trace, window_ns: Window): ReplayedAlternatives {
  const choices = TOPICS.flatMap((topic) => {
    const choice = CHOICES[topic](trace);
    // Without what the recorded system needs there is nothing to compare with.
    const isFed = choice !== undefined && missingFor(trace, choice[0].system).length === 0;
    return isFed ? [{ topic, choice }] : [];
  });
  if (choices.length === 0) return { history: replayHistory(trace), counterfactuals: undefined };
  const chosen = choices.flatMap(({ choice }) => choice);
  const apart = new Apart(choices.map(({ choice }) => choice.length));
  let history: HistoryReplay | undefined;
  const { t_ns, machine, fed, results } = replaySystems(trace, chosen, {
    tasks: false,
    within(companion) {
      history = replayHistory(trace, companion);
      return history;
    },
    points: POINTS,
    recorder: (run, points, at) => apart.add(at, new LevelRecorder(run, points)),
    onLook: (ts_ns) => apart.look(ts_ns, window_ns),
  });
  if (fed === undefined) return { history, counterfactuals: undefined };
  const of = new Map<Topic, Alternatives>();
  let next = 0;
  for (const { topic, choice } of choices) {
    const first = next;
    next += choice.length;
    const [recorded, ...others] = results.slice(first, next).filter(isReplayed);
    if (recorded === undefined) continue;
    const furthest = new Map(choice.map(({ system: { id } }, at) => [id, apart.of(first + at)]));
    of.set(topic, { recorded, others, furthest });
  }
  return { history, counterfactuals: { t_ns, machine, fed, of } };
}

/** How far each system is from the first of its group, at every look. */
class Apart {
  readonly #firstOf: readonly number[];
  readonly #recorders: (LevelRecorder | undefined)[] = [];
  readonly #found: { pages: number; at_ns: number }[];

  constructor(groups: readonly number[]) {
    const starts = groups.map((_, at) => groups.slice(0, at).reduce((sum, size) => sum + size, 0));
    this.#firstOf = groups.flatMap((size, at) => new Array(size).fill(starts[at]));
    this.#found = this.#firstOf.map(() => ({ pages: 0, at_ns: 0 }));
  }

  add(at: number, recorder: LevelRecorder): LevelRecorder {
    this.#recorders[at] = recorder;
    return recorder;
  }

  look(ts_ns: number, [from_ns, to_ns]: Window): void {
    for (const recorder of this.#recorders) recorder?.look();
    if (ts_ns < from_ns || ts_ns > to_ns) return;
    for (const [at, recorder] of this.#recorders.entries()) {
      const first = this.#recorders[this.#firstOf[at] as number];
      if (recorder === undefined || first === undefined || first === recorder) continue;
      const pages = recorder.throttleDirty - first.throttleDirty;
      const found = this.#found[at];
      if (found === undefined || !(Math.abs(pages) > Math.abs(found.pages))) continue;
      found.pages = pages;
      found.at_ns = ts_ns;
    }
  }

  of(at: number): Furthest {
    return this.#found[at] ?? { pages: 0, at_ns: 0 };
  }
}

const isReplayed = (result: SystemResult): result is ReplayedSystem => result.status === 'replayed';

const system = (id: string, set: SwitchValues = {}): Chosen => ({
  system: assertExists(systemOf(id), `system ${id}`),
  set,
});

const CHOICES: Readonly<Record<Topic, (trace: Trace) => Choice | undefined>> = {
  trees: treeChoice,
  fuse: fuseChoice,
  blocks: blockChoice,
};

function treeChoice(trace: Trace): Choice | undefined {
  if (!hasTreeNodes(trace.tables)) return undefined;
  const { gate } = treeFacts(trace, pageSizeOf(trace));
  return [
    system('btrfs'),
    system('btrfs-metadata-bytes'),
    system('btrfs-metadata-pages'),
    system(gate.on ? 'btrfs-no-gate' : 'btrfs-gate'),
  ];
}

function fuseChoice({ tables, meta }: Trace): Choice | undefined {
  const sent = tableWith(tables, 'fuse_request_send', ['connection', 'unique', 'opcode']);
  // Other traffic to a server dirties no page here.
  if (sent === undefined || !opcodeCodes(sent, ['WRITE']).includes(true)) return undefined;
  const has = (feature: Feature) => resolveFeature(feature, meta.kernel, undefined).on;
  const copies = system('fuse-temp-pages');
  if (has('fuse_copies_pages')) return [copies, system('fuse-in-place')];
  const entries = has('fuse_counts_entries');
  const set = has('fuse_sync_skips') ? {} : ({ 'fuse.sync': 'wait' } as const);
  return [system(entries ? 'fuse-per-entry' : 'fuse-in-place', set), copies];
}

/** Pages that a dirty event stands for on average, from where state and size of folios matter. */
const LEAST_PAGES = 2;

function blockChoice(trace: Trace): Choice | undefined {
  const { tables, meta } = trace;
  if (!mostlyLarge(tables)) return undefined;
  if (!hasRanges(tables)) {
    // Nothing tells what was written into a folio; only its state can be compared.
    return hasEventsOf(tables, 'ext4_') ? [system('ext4'), system('xfs')] : undefined;
  }
  const { on } = resolveFeature('iomap_dirty_bits', meta.kernel, undefined);
  return [system(on ? 'xfs' : 'xfs-5.10'), system('block-statistics'), system('ext4')];
}

function hasEventsOf(tables: Tables, prefix: string): boolean {
  return [...tables.values()].some(({ name, rows }) => rows > 0 && name.startsWith(prefix));
}

/** Folios of several pages were cached, and dirty events stand for many pages each. */
function mostlyLarge(tables: Tables): boolean {
  const dirtied = tables.get('writeback_dirty_folio')?.rows ?? 0;
  const order = columnOf(tables, 'mm_filemap_add_to_page_cache', 'order');
  const counted = columnOf(tables, 'global_dirty_state', 'nr_dirtied_pages');
  if (dirtied === 0 || order === undefined || counted === undefined) return false;
  const pages = (counted.at(-1) ?? 0) - (counted[0] ?? 0);
  return pages >= LEAST_PAGES * dirtied && order.some((value) => value > 0);
}

function columnOf(tables: Tables, table: string, name: string) {
  const found = tableWith(tables, table, [name]);
  return found && numbers(found, name).values;
}
