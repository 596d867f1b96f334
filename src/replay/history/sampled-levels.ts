/**
 * Counters of single memory nodes and cgroups that were sampled beside the trace: a node's vmstat
 * (table vmstat_node0, …) and memory.stat of a cgroup. The replay has not seen them. Samples of a
 * cgroup do not say which one it is, so they are held against the one that fits best, which is
 * said. Their values may be 2 s old (mm/memcontrol.c, mem_cgroup_flush_stats_ratelimited).
 */
import { numbers, optionalNumbers, type Table, type Tables } from '../../trace/table.ts';
import { type Clock, clockOf } from './clocks.ts';
import type { ProjectionName } from './projections.ts';
import type { Scene } from './scene.ts';

export type SampleFit = {
  /** Name of the table of samples. */
  readonly against: string;
  /** The node, the bdi, or the cgroup that fits best. */
  readonly name: string;
  readonly counter: 'dirty' | 'writeback' | 'dirty + writeback';
  readonly n: number;
  readonly max_abs_pages: number;
  /** Σ|predicted − recorded| / Σ recorded; undefined when nothing was there. */
  readonly wape: number | undefined;
  /** Pages that the first sample has more than was predicted: of before the replay. */
  readonly unseen_pages: number;
};

type Kind = 'dirty' | 'writeback';
const KINDS: readonly Kind[] = ['dirty', 'writeback'];

type Source = {
  readonly table: Table;
  readonly of: 'nodes' | 'memcgs';
  /** The node's code; undefined for cgroups. */
  readonly code: number | undefined;
  readonly recorded: Readonly<Record<Kind, Float64Array>>;
  /** Predicted levels by code, for each row from the first one that was reached. */
  readonly rows: number[];
  readonly predicted: Map<number, Record<Kind, number>>[];
};

export class SampledLevels {
  readonly #scene: Scene;
  readonly #sources: readonly Source[];

  constructor(scene: Scene, samples: Tables | undefined) {
    this.#scene = scene;
    const tables = [...(samples?.values() ?? [])];
    this.#sources = tables.flatMap((table) => sourceOf(table, scene) ?? []);
  }

  get clocks(): readonly Clock[] {
    return this.#sources.map((source) =>
      clockOf(numbers(source.table, 'ts_ns').values, (row) => this.#take(source, row)),
    );
  }

  #take({ of, rows, predicted }: Source, row: number): void {
    if (!this.#scene.isAnchored) return;
    const levels = this.#scene.pages.ledger.levels(of === 'nodes' ? 'node' : 'memcg');
    rows.push(row);
    predicted.push(new Map([...levels].map(([code, level]) => [code, { ...level }])));
  }

  fits(of: ProjectionName): readonly SampleFit[] {
    return this.#sources.filter((source) => source.of === of).flatMap((each) => this.#fit(each));
  }

  #fit(source: Source): SampleFit[] {
    if (source.rows.length < 2) return [];
    const codes = source.code === undefined ? this.#cgroupsMet(source) : [source.code];
    const [best] = codes
      .map((code) => ({ code, errors: KINDS.map((kind) => errorsOf(source, kind, code)) }))
      .sort((left, right) => sum(left.errors) - sum(right.errors));
    if (best === undefined) return [];
    const { owners } = this.#scene;
    const name =
      source.of === 'nodes'
        ? String(owners.nodes?.numbers[best.code - 1] ?? 0)
        : (owners.cgroups[best.code] ?? '');
    return best.errors.map((errors, kind) => ({
      against: source.table.name,
      name,
      counter: KINDS[kind] as Kind,
      ...errors.fit,
    }));
  }

  #cgroupsMet({ predicted }: Source): number[] {
    return [...new Set(predicted.flatMap((levels) => [...levels.keys()]))].filter(
      (code) => code !== 0,
    );
  }
}

const sum = (errors: readonly { readonly error_pages: number }[]): number =>
  errors.reduce((pages, { error_pages }) => pages + error_pages, 0);

function errorsOf({ rows, predicted, recorded }: Source, counter: Kind, code: number): LevelErrors {
  const errors = new LevelErrors();
  for (const [step, row] of rows.entries()) {
    errors.add(predicted[step]?.get(code)?.[counter] ?? 0, recorded[counter][row] as number);
  }
  return errors;
}

/** How far predicted levels are from recorded ones, counted from what the first one has more. */
export class LevelErrors {
  /** Of all steps together. */
  error_pages = 0;
  #recorded = 0;
  #steps = 0;
  #unseen = 0;
  #most = 0;

  add(predicted: number, recorded: number): void {
    if (this.#steps++ === 0) {
      this.#unseen = recorded - predicted;
      return;
    }
    const error = Math.abs(predicted + this.#unseen - recorded);
    this.error_pages += error;
    this.#recorded += recorded;
    this.#most = Math.max(this.#most, error);
  }

  get steps(): number {
    return this.#steps;
  }

  /** Without the first step, which agrees by construction. */
  get fit(): Pick<SampleFit, 'n' | 'max_abs_pages' | 'unseen_pages' | 'wape'> {
    return {
      n: this.#steps - 1,
      max_abs_pages: this.#most,
      unseen_pages: this.#unseen,
      wape: this.#recorded > 0 ? this.error_pages / this.#recorded : undefined,
    };
  }
}

function sourceOf(table: Table, scene: Scene): Source | undefined {
  const common = { table, rows: [], predicted: [] };
  const node = /^vmstat_node(\d+)(?:_\d+)?$/.exec(table.name)?.[1];
  if (node !== undefined) {
    const numbersOf = scene.owners.nodes?.numbers ?? [];
    // Where there is one node, no page is told to be in it.
    const code = numbersOf.length === 1 ? 0 : numbersOf.indexOf(Number(node)) + 1;
    const recorded = columnsOf(table, ['nr_dirty', 'nr_writeback'], 1);
    return recorded && { ...common, of: 'nodes', code, recorded };
  }
  if (!/^memory_stat(?:_\d+)?$/.test(table.name)) return undefined;
  const recorded =
    columnsOf(table, ['file_dirty', 'file_writeback'], scene.pageSize) ??
    columnsOf(table, ['dirty', 'writeback'], scene.pageSize);
  return recorded && { ...common, of: 'memcgs', code: undefined, recorded };
}

function columnsOf(table: Table, names: readonly [string, string], unit: number) {
  const [dirty, writeback] = names.map((name) => optionalNumbers(table, name)?.values);
  if (dirty === undefined || writeback === undefined) return undefined;
  const pages = (values: ArrayLike<number>) => Float64Array.from(values, (value) => value / unit);
  return { dirty: pages(dirty), writeback: pages(writeback) };
}
