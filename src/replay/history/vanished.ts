/**
 * Pages of before the replay that leave the page cache. No event says whether they were dirty, only
 * that they were there. Where readings of nr_dirty fall by more than they drift while such pages
 * go, that many of them were: the weakest evidence, used where there is no other. The samples that
 * show it are compared with nothing. What reclaim takes is clean.
 */
import { upperBound } from '../../trace/search.ts';
import { numbers, type Tables, tableWith } from '../../trace/table.ts';
import { NS_PER_MS } from '../../trace/time.ts';
import { evidenceCode } from './evidence.ts';
import { NR_DIRTY } from './flight.ts';
import type { Follower } from './follower.ts';
import type { Scene } from './scene.ts';

const E_COUNTER = evidenceCode('cancel', 'counter-delta');

/** How long samples are gathered after the first such page: claims are told late. */
const GATHER_NS = 100 * NS_PER_MS;
/** The last of them, which decide. */
const LAST_NS = 50 * NS_PER_MS;

export class Vanished {
  readonly #scene: Scene;
  /** Such pages of which nothing showed that they were dirty. */
  #gone = 0;
  /** Those of now: when, and how many by then. */
  #times_ns: number[] = [];
  #sums: number[] = [];
  #rows: number[] = [];
  /** What predictions were off by before they went. */
  #before = 0;

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  /** Pages left the page cache of which it is not known whether they were dirty. */
  note(pages: number): void {
    const { ts_ns } = this.#scene.pages;
    const last = this.#times_ns.length - 1;
    const sum = (this.#sums[last] ?? 0) + pages;
    if (last >= 0 && ts_ns - (this.#times_ns[last] as number) < NS_PER_MS) {
      this.#sums[last] = sum;
    } else {
      this.#times_ns.push(ts_ns);
      this.#sums.push(sum);
    }
  }

  /** The prediction starts (again): what counters show is the truth. */
  begin(): void {
    this.#gone = 0;
    this.#before = 0;
    this.#forget();
  }

  #forget(): void {
    this.#times_ns = [];
    this.#sums = [];
    this.#rows = [];
  }

  /** A sample was predicted; readings drift by `bound_pages`. */
  sample(row: number, bound_pages: number): void {
    const { pages, logs } = this.#scene;
    const { ts_ns } = pages;
    const log = logs.traced;
    const first_ns = this.#times_ns[0];
    if (first_ns === undefined) {
      this.#before = log.residual(NR_DIRTY, row);
      return;
    }
    this.#rows.push(row);
    if (ts_ns - first_ns < GATHER_NS) return;
    const rows = this.#rows.filter((each) => ts_ns - (log.ts_ns[each] as number) <= LAST_NS);
    const surely = Math.min(...rows.map((each) => log.excess(NR_DIRTY, each)));
    this.#gone += this.#sums.at(-1) ?? 0;
    if (surely > bound_pages) this.#cancel(rows);
    this.#before = log.residual(NR_DIRTY, row);
    this.#forget();
  }

  #cancel(rows: readonly number[]): void {
    const { pages } = this.#scene;
    const { traced, sampled } = this.#scene.logs;
    const residuals = traced.residuals(NR_DIRTY, rows);
    const fell = (residuals[residuals.length >> 1] as number) - this.#before;
    const dirty = Math.min(fell, this.#gone, pages.unseenDirty);
    if (dirty <= 0) return;
    this.#gone -= dirty;
    pages.cancelUnseen(dirty, E_COUNTER);
    const all = this.#sums.at(-1) as number;
    const by = (ts_ns: number) => {
      const steps = upperBound(this.#times_ns, ts_ns);
      return Math.round((dirty * (this.#sums[steps - 1] ?? 0)) / all);
    };
    for (const log of [traced, sampled]) log?.lower(NR_DIRTY, this.#times_ns[0] as number, by);
    for (const row of rows) traced.exclude(row);
  }
}

/** Tasks that reclaim memory, from the event that says so to its end. */
export function followReclaim(scene: Scene, tables: Tables): Follower[] {
  const follower = (name: string, isInside: boolean): Follower[] => {
    const table = tableWith(tables, name, []);
    if (table === undefined) return [];
    const pid = numbers(table, 'pid').values;
    return [
      {
        table,
        visit(row) {
          if (isInside) scene.reclaimers.add(pid[row] as number);
          else scene.reclaimers.delete(pid[row] as number);
        },
      },
    ];
  };
  return RECLAIM.flatMap((kind) => [
    ...follower(`mm_vmscan_${kind}_reclaim_begin`, true),
    ...follower(`mm_vmscan_${kind}_reclaim_end`, false),
  ]);
}

const RECLAIM = ['direct', 'memcg', 'memcg_softlimit', 'node'];
