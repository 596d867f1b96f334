/**
 * The ledger seen from other sides than the bdi: memory nodes, the cgroups that pages are charged
 * to, the parts of bdis that cgroups have, and classes of pages. Each projection sums the same
 * postings, conserves its pages (asserted) and names what of them it cannot tell.
 */
import type { Axis, Balances, Holder, Ledger, Levels } from '../../model/ledger.ts';
import type { Table, Tables } from '../../trace/table.ts';
import { type Clock, clockOf } from './clocks.ts';
import { WbLevels } from './follow-wb-levels.ts';
import type { Follower } from './follower.ts';
import type { Owners } from './owners.ts';
import { SampledLevels, type SampleFit } from './sampled-levels.ts';
import type { Scene } from './scene.ts';

export const PROJECTIONS = ['nodes', 'memcgs', 'wb_cgroups', 'classes'] as const;
export type ProjectionName = (typeof PROJECTIONS)[number];

/** Pages; levels at the end of the trace, the others since the replay began. */
export type ProjectedPages = {
  readonly dirty_pages: number;
  readonly writeback_pages: number;
  readonly dirtied_pages: number;
  readonly written_pages: number;
  /** The most at the points of `classes_over_time`. */
  readonly most_dirty_pages: number;
  readonly most_writeback_pages: number;
};

export type ProjectedPart = ProjectedPages & {
  /** Number of the node, inode number of the cgroup, or class; `unknown` where nothing tells. */
  readonly name: string;
  /** Of parts of bdis: which one. */
  readonly bdi?: string;
};

export type Projection = {
  /** The kernel's names of what is counted. */
  readonly counters: Readonly<Record<'dirty' | 'writeback', string>>;
  readonly parts: readonly ProjectedPart[];
  /** What to record next time, so that more is known; undefined where all that can be is. */
  readonly record: string | undefined;
  /** Against samples of such counters, which the replay has not seen. */
  readonly fits: readonly SampleFit[];
};

export type ClassSeries = {
  readonly t_ns: readonly number[];
  readonly classes: readonly {
    readonly name: string;
    readonly dirty_pages: readonly number[];
    readonly writeback_pages: readonly number[];
  }[];
};

export type Projections = Readonly<Record<ProjectionName, Projection>> & {
  readonly classes_over_time: ClassSeries;
};

const COUNTERS: Readonly<Record<ProjectionName, Projection['counters']>> = {
  nodes: { dirty: 'NR_FILE_DIRTY', writeback: 'NR_WRITEBACK' },
  memcgs: { dirty: 'NR_FILE_DIRTY', writeback: 'NR_WRITEBACK' },
  wb_cgroups: { dirty: 'WB_RECLAIMABLE', writeback: 'WB_WRITEBACK' },
  classes: { dirty: 'NR_FILE_DIRTY', writeback: 'NR_WRITEBACK' },
};
const AXES: Readonly<Record<ProjectionName, Axis>> = {
  nodes: 'node',
  memcgs: 'memcg',
  wb_cgroups: 'wb_cgroup',
  classes: 'pageClass',
};

/** Points in time; enough to see which class grows when. */
const POINTS = 120;

/** What a part is told from others by: codes, and of parts of bdis two of them. */
type Key = string;

/** Levels of the parts of a projection, now and the highest so far. */
class Parts {
  readonly #name: ProjectionName;
  /** The part of each holder of the ledger, by its number. */
  readonly #partOf: number[] = [];
  readonly #numbers = new Map<Key, number>();
  readonly #now: number[] = [];
  readonly #most: number[] = [];

  constructor(name: ProjectionName) {
    this.#name = name;
  }

  /** Each part's dirty and writeback pages: two numbers one behind the other. */
  record(ledger: Ledger): void {
    this.#now.fill(0);
    ledger.eachLevel((holder, dirty, writeback) => {
      const at = 2 * (this.#partOf[holder] ?? this.#newHolder(ledger, holder));
      this.#now[at] = (this.#now[at] ?? 0) + dirty;
      this.#now[at + 1] = (this.#now[at + 1] ?? 0) + writeback;
    });
    for (let at = 0; at < this.#now.length; at++) {
      this.#most[at] = Math.max(this.#most[at] ?? Number.NEGATIVE_INFINITY, this.#now[at] ?? 0);
    }
  }

  #newHolder({ holders }: Ledger, holder: number): number {
    const key = keyOf(this.#name, holders[holder] as Holder);
    const part = this.#numbers.get(key) ?? this.#numbers.size;
    this.#numbers.set(key, part);
    this.#partOf[holder] = part;
    return part;
  }

  get keys(): IterableIterator<Key> {
    return this.#numbers.keys();
  }

  now(key: Key): Levels {
    return pairAt(this.#now, this.#numbers.get(key));
  }

  most(key: Key): Levels {
    return pairAt(this.#most, this.#numbers.get(key));
  }
}

function pairAt(values: readonly number[], part: number | undefined): Levels {
  const at = 2 * (part ?? values.length);
  return { dirty: values[at] ?? 0, writeback: values[at + 1] ?? 0 };
}

function keyOf(name: ProjectionName, holder: Holder): Key {
  if (name === 'wb_cgroups') return `${holder.wb} ${holder.wb_cgroup}`;
  return String(holder[AXES[name]]);
}

export class ProjectionRecorder {
  readonly #scene: Scene;
  readonly #t_ns: readonly number[];
  readonly #parts: Readonly<Record<ProjectionName, Parts>>;
  readonly #classes = new Map<Key, { dirty: number[]; writeback: number[] }>();
  readonly #sampled: SampledLevels;
  readonly #wbLevels: WbLevels;

  constructor(scene: Scene, duration_ns: number, samples: Tables | undefined) {
    const points = duration_ns > 0 ? POINTS : 1;
    this.#scene = scene;
    this.#t_ns = Array.from({ length: points }, (_, at) => (duration_ns * (at + 1)) / points);
    this.#parts = {
      nodes: new Parts('nodes'),
      memcgs: new Parts('memcgs'),
      wb_cgroups: new Parts('wb_cgroups'),
      classes: new Parts('classes'),
    };
    this.#sampled = new SampledLevels(scene, samples);
    this.#wbLevels = new WbLevels(scene);
  }

  /** What has to be called at its times while the trace is followed. */
  get clocks(): readonly Clock[] {
    return [clockOf(this.#t_ns, (at) => this.#record(at)), ...this.#sampled.clocks];
  }

  followers(tables: Tables): readonly Follower[] {
    return this.#wbLevels.followers(tables);
  }

  #record(at: number): void {
    const { ledger } = this.#scene.pages;
    for (const name of PROJECTIONS) this.#parts[name].record(ledger);
    const { classes } = this.#parts;
    for (const name of classes.keys) {
      const { dirty, writeback } = classes.now(name);
      const series = this.#classes.get(name) ?? this.#newSeries(name);
      series.dirty[at] = dirty;
      series.writeback[at] = writeback;
    }
  }

  #newSeries(name: Key) {
    const zeros = () => new Array<number>(this.#t_ns.length).fill(0);
    const series = { dirty: zeros(), writeback: zeros() };
    this.#classes.set(name, series);
    return series;
  }

  /** `starts`: how often the prediction had to start. */
  finish(tables: Tables, starts: number): Projections {
    const { owners } = this.#scene;
    const made = PROJECTIONS.map((name): [ProjectionName, Projection] => [
      name,
      {
        counters: COUNTERS[name],
        parts: this.#finish(name),
        record: missing(name, owners, tables),
        fits: name === 'wb_cgroups' ? this.#wbLevels.fits(starts) : this.#sampled.fits(name),
      },
    ]);
    return {
      ...(Object.fromEntries(made) as Record<ProjectionName, Projection>),
      classes_over_time: {
        t_ns: this.#t_ns,
        classes: [...this.#classes].map(([name, { dirty, writeback }]) => ({
          name: classText(name),
          dirty_pages: dirty,
          writeback_pages: writeback,
        })),
      },
    };
  }

  #finish(name: ProjectionName): ProjectedPart[] {
    const { ledger } = this.#scene.pages;
    // Asserted along the axis by itself, whatever else tells parts apart.
    const along = ledger.along(AXES[name]);
    if (name !== 'wb_cgroups') {
      return sorted([...along].map(([code, sums]) => this.#part(name, String(code), sums)));
    }
    return sorted(
      wbCgroups(ledger).map(({ key, wb, wb_cgroup }) =>
        this.#part(name, key, ledger.balances({ wb, wb_cgroup })),
      ),
    );
  }

  #part(name: ProjectionName, key: Key, sums: Balances): ProjectedPart {
    const most = this.#parts[name].most(key);
    return {
      ...namesOf(this.#scene, name, key),
      dirty_pages: sums.dirty,
      writeback_pages: sums.writeback,
      dirtied_pages: sums.dirtied,
      written_pages: sums.written,
      most_dirty_pages: Math.max(sums.dirty, most.dirty),
      most_writeback_pages: Math.max(sums.writeback, most.writeback),
    };
  }
}

/** The parts of bdis that cgroups have. */
function wbCgroups(ledger: Ledger) {
  const found = new Map<Key, { key: Key; wb: number; wb_cgroup: number }>();
  for (const { wb, wb_cgroup } of ledger.holders) {
    const key = `${wb} ${wb_cgroup}`;
    found.set(key, { key, wb, wb_cgroup });
  }
  return [...found.values()];
}

const UNKNOWN = 'unknown';

/** The only servers in user space that trace events tell of. */
const classText = (name: string): string => (name === 'server-data' ? 'fuse-data' : name);

function namesOf({ owners, wbNames }: Scene, name: ProjectionName, key: Key) {
  if (name === 'classes') return { name: classText(key) };
  if (name === 'memcgs') return { name: owners.cgroups[Number(key)] || UNKNOWN };
  if (name === 'nodes') {
    const numbers = owners.nodes?.numbers ?? [];
    // Where there is one node, all pages are in it.
    const number = numbers.length === 1 ? numbers[0] : numbers[Number(key) - 1];
    return { name: number === undefined ? UNKNOWN : String(number) };
  }
  const [wb, cgroup] = key.split(' ').map(Number) as [number, number];
  const bdi = wb === 0 ? UNKNOWN : (wbNames[wb] ?? UNKNOWN);
  return { name: owners.cgroups[cgroup] || UNKNOWN, bdi };
}

/** The largest first; parts that never had a page are none. Of one node there is one part. */
function sorted(parts: readonly ProjectedPart[]): ProjectedPart[] {
  const weight = (part: ProjectedPart) => part.dirtied_pages + part.most_dirty_pages;
  const merged = new Map<string, ProjectedPart>();
  for (const part of parts) {
    const key = `${part.bdi ?? ''} ${part.name}`;
    const known = merged.get(key);
    merged.set(key, known === undefined ? part : together(known, part));
  }
  return [...merged.values()]
    .filter((part) => weight(part) + part.written_pages + part.most_writeback_pages !== 0)
    .sort((left, right) => weight(right) - weight(left));
}

function together(left: ProjectedPart, right: ProjectedPart): ProjectedPart {
  return {
    ...left,
    dirty_pages: left.dirty_pages + right.dirty_pages,
    writeback_pages: left.writeback_pages + right.writeback_pages,
    dirtied_pages: left.dirtied_pages + right.dirtied_pages,
    written_pages: left.written_pages + right.written_pages,
    most_dirty_pages: left.most_dirty_pages + right.most_dirty_pages,
    most_writeback_pages: left.most_writeback_pages + right.most_writeback_pages,
  };
}

function missing(name: ProjectionName, owners: Owners, tables: Tables): string | undefined {
  if (name === 'classes') return undefined;
  if (name === 'nodes') return missingOfNodes(owners, tables.get('mm_filemap_add_to_page_cache'));
  const asks = name === 'memcgs' && !owners.knowsMemcgs ? ['track_foreign_dirty'] : [];
  if (owners.cgroups.length === 1) asks.push('writeback_single_inode');
  return asks.length === 0 ? undefined : asks.join(' and ');
}

function missingOfNodes({ nodes }: Owners, added: Table | undefined): string | undefined {
  if (nodes === undefined) return '/proc/zoneinfo (in meta.json beside the trace)';
  const tells = added !== undefined && 'pfn' in added.columns;
  return nodes.numbers.length === 1 || tells ? undefined : 'mm_filemap_add_to_page_cache';
}
