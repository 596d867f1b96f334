/**
 * The counters that kernels and patch series keep, by their own names, and a book that holds them.
 * One row here makes a counter known to every policy, to `compare` and to its reports.
 */
import { assert } from '../../trace/assert.ts';

type CounterUnit = 'pages' | 'bytes' | 'events';
type CounterRow = {
  readonly unit: CounterUnit;
  /** `wb`: one value a bdi (its root bdi_writeback), listed as their sum and one by one. */
  readonly scope: 'node' | 'wb';
  readonly meaning: string;
  /** Only ever grows, apart from redirties: shown as growth since the replay began. */
  readonly grows?: true;
};

const node = (unit: CounterUnit, meaning: string): CounterRow => ({ unit, scope: 'node', meaning });
const wb = (unit: CounterUnit, meaning: string): CounterRow => ({ unit, scope: 'wb', meaning });
const growing = (row: CounterRow): CounterRow => ({ ...row, grows: true });

export const COUNTERS = {
  NR_FILE_DIRTY: node('pages', 'page cache, dirty and not yet submitted'),
  NR_WRITEBACK: node('pages', 'under writeback'),
  NR_ZONE_WRITE_PENDING: node('pages', 'dirty or under writeback, by zone'),
  NR_DIRTIED: growing(node('pages', 'dirtied')),
  NR_WRITTEN: growing(node('pages', 'written')),
  NR_METADATA_BYTES: node('bytes', 'metadata buffers'),
  NR_METADATA_DIRTY_BYTES: node('bytes', 'metadata buffers, dirty'),
  NR_METADATA_WRITEBACK_BYTES: node('bytes', 'metadata buffers under writeback'),
  NR_METADATA_DIRTY: node('pages', 'metadata pages, dirty'),
  WB_RECLAIMABLE: wb('pages', 'dirty'),
  WB_WRITEBACK: wb('pages', 'under writeback'),
  WB_DIRTIED: growing(wb('pages', 'dirtied')),
  WB_WRITTEN: growing(wb('pages', 'written')),
  WB_DIRTIED_BYTES: growing(wb('bytes', 'dirtied')),
  WB_WRITTEN_BYTES: growing(wb('bytes', 'written')),
  WB_METADATA_DIRTY: wb('pages', 'metadata pages, dirty'),
  WB_METADATA_DIRTY_BYTES: wb('bytes', 'metadata buffers, dirty'),
  WB_METADATA_WRITEBACK_BYTES: wb('bytes', 'metadata buffers under writeback'),
  dirty_metadata_bytes: wb('bytes', 'dirty tree nodes of the file system, what its gate compares'),
  completions: growing(wb('events', 'completions that the share of the limit is made of')),
  NR_WRITEBACK_TEMP: node('pages', 'copies that FUSE writes instead of the page'),
  fuse_copied_pages: growing(node('pages', 'copied in order to be written')),
  fuse_requests: wb('events', 'requests that the server has not answered'),
  fuse_request_bytes: wb('bytes', 'length of the requests that the server has not answered'),
  state_bytes: node('bytes', 'state kept for the blocks of cached folios'),
  real_dirty_bytes: node('bytes', 'blocks that were written to and not yet submitted'),
  sent_bytes: growing(node('bytes', 'sent to devices and servers when dirty folios were written')),
  private_held: node('events', 'objects of private state that exist'),
  private_held_bytes: node('bytes', 'memory of private state'),
  private_released: growing(node('events', 'objects of private state given back')),
  page_freed: growing(node('pages', 'freed by reclaim')),
  orphaned_clean: node('pages', 'in the cache, clean, without the state they had'),
  release_refused: growing(node('events', 'state asked for and not given')),
  rebuilt: growing(node('events', 'state attached again to pages that had lost it')),
  task_write_bytes: growing(node('bytes', 'write_bytes of all tasks')),
  cancelled_write_bytes: growing(node('bytes', 'cleaned without having been written')),
} as const satisfies Record<string, CounterRow>;

export type CounterName = keyof typeof COUNTERS;
const COUNTER_NAMES = Object.keys(COUNTERS) as readonly CounterName[];

export const counterRow = (name: CounterName): CounterRow => COUNTERS[name];

const AT = new Map(COUNTER_NAMES.map((name, at) => [name, at]));
/** By position: one value a bdi beside the sum. */
const BY_WB = COUNTER_NAMES.map((name) => counterRow(name).scope === 'wb');

/** Values of all counters; of those of scope `wb`, one for each bdi. Nothing is clamped. */
export class CounterBook {
  readonly #totals = new Float64Array(COUNTER_NAMES.length);
  readonly #wbs: (Float64Array | undefined)[] = [];
  readonly #touched = new Uint8Array(COUNTER_NAMES.length);

  /** A counter that a system has is listed even if nothing moved it. */
  declare(...names: readonly CounterName[]): void {
    for (const name of names) this.#touched[AT.get(name) as number] = 1;
  }

  get declared(): readonly CounterName[] {
    return COUNTER_NAMES.filter((_, at) => this.#touched[at] === 1);
  }

  /** Number of bdis that were posted to, counted from 0. */
  get wbs(): number {
    return this.#wbs.length;
  }

  /** Adds to a counter; those of scope `wb` need the bdi. */
  add(name: CounterName, amount: number, wb = -1): void {
    const at = AT.get(name) as number;
    this.#totals[at] = (this.#totals[at] as number) + amount;
    this.#touched[at] = 1;
    if (!BY_WB[at]) return;
    if (wb < 0) assert(false, `${name} is kept by bdi`);
    const values = this.#wbs[wb] ?? this.#newWb(wb);
    values[at] = (values[at] as number) + amount;
  }

  #newWb(wb: number): Float64Array {
    const values = new Float64Array(COUNTER_NAMES.length);
    this.#wbs[wb] = values;
    return values;
  }

  /** A node counter, or the sum over all bdis. */
  get(name: CounterName): number {
    return this.#totals[AT.get(name) as number] as number;
  }

  of(name: CounterName, wb: number): number {
    return this.#wbs[wb]?.[AT.get(name) as number] ?? 0;
  }
}
