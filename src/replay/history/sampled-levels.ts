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
    return best.errors.map(({ error_pages, recorded_pages, ...fit }) => ({
      against: source.table.name,
      name,
      ...fit,
      wape: recorded_pages > 0 ? error_pages / recorded_pages : undefined,
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

function errorsOf({ rows, predicted, recorded }: Source, counter: Kind, code: number) {
  const at = (step: number) => predicted[step]?.get(code)?.[counter] ?? 0;
  const shown = (step: number) => recorded[counter][rows[step] as number] as number;
  return { counter, ...errorsBetween(rows.length, at, shown) };
}

/** How far predicted levels are from recorded ones, counted from what the first one has more. */
export function errorsBetween(
  steps: number,
  predicted: (step: number) => number,
  recorded: (step: number) => number,
) {
  const unseen_pages = recorded(0) - predicted(0);
  let [error_pages, recorded_pages, max_abs_pages] = [0, 0, 0];
  for (let step = 1; step < steps; step++) {
    const error = Math.abs(predicted(step) + unseen_pages - recorded(step));
    error_pages += error;
    recorded_pages += recorded(step);
    max_abs_pages = Math.max(max_abs_pages, error);
  }
  return { n: steps - 1, max_abs_pages, unseen_pages, error_pages, recorded_pages };
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
