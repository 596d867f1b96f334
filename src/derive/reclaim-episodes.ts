/**
 * Reclaim by episode: what one task (or kswapd in one pass) scanned, freed, and found dirty or
 * under writeback between the beginning and the end of it. Events in between belong to the task's
 * innermost open episode. Columns only: batches come by the million.
 */
import { textAt } from '../trace/column.ts';
import { type Diagnostic, type DiagnosticCode, DiagnosticCollector } from '../trace/diagnostics.ts';
import { visitRows } from '../trace/order.ts';
import {
  numbers,
  optionalNumbers,
  type Table,
  type Tables,
  tableWith,
  texts,
} from '../trace/table.ts';
import { episodeLists, kswapdLists, unqueuedLists } from './reclaim-columns.ts';

export type ReclaimEpisodes = {
  readonly episodes: Table;
  /** From waking up to going to sleep, per kswapd. */
  readonly kswapd: Table;
  /** Batches of which every page was dirty and none under writeback: those wake the flushers. */
  readonly unqueued: Table;
  /** What was done outside of any recorded episode (DAMON, or begun before the trace). */
  readonly outside: Readonly<Record<'batches' | 'scanned_pages' | 'reclaimed_pages', number>>;
  readonly diagnostics: readonly Diagnostic[];
};

const RECLAIM_KINDS = ['direct', 'memcg', 'memcg_softlimit', 'node'] as const;
const beginOf = (kind: string) => `mm_vmscan_${kind}_reclaim_begin`;
const KSWAPD = 'mm_vmscan_kswapd_wake';

/** Undefined when no event of reclaim was recorded. */
export function reclaimEpisodes(tables: Tables): ReclaimEpisodes | undefined {
  const pass = new Pass(tables);
  const steps = pass.steps();
  if (steps.length === 0) return undefined;
  visitRows(
    steps.map(({ table }) => table),
    steps.map(({ handle }) => handle),
  );
  return pass.finish();
}

type Step = { readonly table: Table; readonly handle: (row: number) => void };

type Task = {
  /** Rows of the episodes, the innermost last. */
  readonly open: { readonly kind: string; readonly row: number }[];
  /** Of kswapd: row of its interval. */
  interval: number;
  isolated_ns: number;
  taken: number;
};

class Pass {
  readonly #tables: Tables;
  readonly #episodes: ReturnType<typeof episodeLists>;
  readonly #kswapd = kswapdLists();
  readonly #unqueued = unqueuedLists();
  readonly #diagnostics = new DiagnosticCollector();
  readonly #tasks = new Map<number, Task>();
  readonly #outside = { batches: 0, scanned_pages: 0, reclaimed_pages: 0 };

  constructor(tables: Tables) {
    this.#tables = tables;
    const begins = [...RECLAIM_KINDS.map(beginOf), KSWAPD];
    const rows = begins.map((name) => tableWith(tables, name, [])?.rows ?? 0);
    this.#episodes = episodeLists(rows.reduce((sum, count) => sum + count, 0));
  }

  steps(): Step[] {
    return [
      ...RECLAIM_KINDS.flatMap((kind) => [this.#begin(kind), this.#end(kind)]),
      this.#wake(),
      this.#sleep(),
      this.#isolate(),
      this.#shrink(),
      this.#slab(),
      this.#throttled(),
      this.#write(),
    ].flatMap((step) => step ?? []);
  }

  #begin(kind: string): Step | undefined {
    const table = tableWith(this.#tables, beginOf(kind), []);
    if (table === undefined) return undefined;
    const pid = numbers(table, 'pid').values;
    const open = this.#opener(table, kind);
    return {
      table,
      handle: (row) => {
        const task = this.#task(pid[row] as number);
        const same = task.open.findIndex((before) => before.kind === kind);
        if (same >= 0) {
          this.#unpaired('begin_without_end', table, row);
          task.open.splice(same);
        }
        task.open.push({ kind, row: open(row) });
      },
    };
  }

  /** Columns are looked up once a table: cgroups at their limit reclaim 100,000 times. */
  #opener(table: Table, kind: string): (row: number) => number {
    const ts = numbers(table, 'ts_ns').values;
    const seq = numbers(table, 'seq').values;
    const pid = numbers(table, 'pid').values;
    const comm = texts(table, 'comm');
    const order = optionalNumbers(table, 'order')?.values;
    const flags = table.columns.gfp_flags;
    const gfp = flags?.kind === 'text' ? flags : undefined;
    return (row) => {
      const { lists } = this.#episodes;
      const episode = this.#episodes.grow();
      lists.ts_ns.set(episode, ts[row] as number);
      lists.seq.set(episode, seq[row] as number);
      lists.kind.set(episode, kind);
      lists.pid.set(episode, pid[row] as number);
      lists.comm.set(episode, textAt(comm, row));
      lists.end_ns.set(episode, Number.NaN);
      lists.order.set(episode, order?.[row] ?? Number.NaN);
      lists.gfp_flags.set(episode, gfp === undefined ? '' : textAt(gfp, row));
      lists.nr_reclaimed_pages.set(episode, Number.NaN);
      lists.lowest_priority.set(episode, Number.NaN);
      for (const id of SUMS) lists[id].set(episode, 0);
      return episode;
    };
  }

  #end(kind: string): Step | undefined {
    const table = tableWith(this.#tables, `mm_vmscan_${kind}_reclaim_end`, ['nr_reclaimed_pages']);
    if (table === undefined) return undefined;
    const pid = numbers(table, 'pid').values;
    const ts = numbers(table, 'ts_ns').values;
    const reclaimed = numbers(table, 'nr_reclaimed_pages').values;
    return {
      table,
      handle: (row) => {
        const { open } = this.#task(pid[row] as number);
        const at = open.findIndex((episode) => episode.kind === kind);
        const found = open[at];
        if (found === undefined) {
          this.#unpaired('end_without_begin', table, row);
          return;
        }
        if (at < open.length - 1) this.#unpaired('begin_without_end', table, row);
        open.splice(at);
        this.#episodes.lists.end_ns.set(found.row, ts[row] as number);
        this.#episodes.lists.nr_reclaimed_pages.set(found.row, reclaimed[row] as number);
      },
    };
  }

  /** kswapd begins a pass; the pass before it, if any, is over. */
  #wake(): Step | undefined {
    const table = tableWith(this.#tables, KSWAPD, ['nid']);
    if (table === undefined) return undefined;
    const pid = numbers(table, 'pid').values;
    const nid = numbers(table, 'nid').values;
    const ts = numbers(table, 'ts_ns').values;
    const seq = numbers(table, 'seq').values;
    const open = this.#opener(table, 'kswapd');
    return {
      table,
      handle: (row) => {
        const task = this.#task(pid[row] as number);
        this.#endPass(task);
        task.open.push({ kind: 'kswapd', row: open(row) });
        if (task.interval < 0) {
          task.interval = this.#kswapd.push({
            ts_ns: ts[row] as number,
            seq: seq[row] as number,
            pid: pid[row] as number,
            nid: nid[row] as number,
            end_ns: Number.NaN,
            passes: 0,
          });
        }
        this.#kswapd.lists.passes.add(task.interval, 1);
      },
    };
  }

  #sleep(): Step | undefined {
    const table = tableWith(this.#tables, 'mm_vmscan_kswapd_sleep', ['nid']);
    if (table === undefined) return undefined;
    const pid = numbers(table, 'pid').values;
    const ts = numbers(table, 'ts_ns').values;
    return {
      table,
      handle: (row) => {
        const task = this.#task(pid[row] as number);
        this.#endPass(task);
        if (task.interval >= 0) this.#kswapd.lists.end_ns.set(task.interval, ts[row] as number);
        task.interval = -1;
      },
    };
  }

  #endPass(task: Task): void {
    const at = task.open.findIndex(({ kind }) => kind === 'kswapd');
    if (at >= 0) task.open.splice(at);
  }

  /** The end of a pass is not printed: its last event is the best that is known. */
  #touch(task: Task, ts_ns: number): number {
    const inner = task.open[task.open.length - 1];
    if (inner === undefined) return -1;
    if (inner.kind === 'kswapd') this.#episodes.lists.end_ns.set(inner.row, ts_ns);
    return inner.row;
  }

  #isolate(): Step | undefined {
    const table = tableWith(this.#tables, 'mm_vmscan_lru_isolate', ['nr_taken_pages']);
    if (table === undefined) return undefined;
    const pid = numbers(table, 'pid').values;
    const ts = numbers(table, 'ts_ns').values;
    const taken = numbers(table, 'nr_taken_pages').values;
    return {
      table,
      handle: (row) => {
        const task = this.#task(pid[row] as number);
        task.isolated_ns = ts[row] as number;
        task.taken = taken[row] as number;
        this.#touch(task, ts[row] as number);
      },
    };
  }

  #shrink(): Step | undefined {
    const name = 'mm_vmscan_lru_shrink_inactive';
    const table = tableWith(this.#tables, name, ['nr_scanned_pages', 'nr_reclaimed_pages']);
    if (table === undefined) return undefined;
    const pid = numbers(table, 'pid').values;
    const ts = numbers(table, 'ts_ns').values;
    const scanned = numbers(table, 'nr_scanned_pages').values;
    const reclaimed = numbers(table, 'nr_reclaimed_pages').values;
    const priority = optionalNumbers(table, 'priority')?.values;
    const found = FOUND.flatMap(([id, column]) => {
      const values = optionalNumbers(table, column)?.values;
      return values === undefined ? [] : [{ list: this.#episodes.lists[id], values }];
    });
    const unqueued = this.#unqueuedBatch(table);
    return {
      table,
      handle: (row) => {
        const task = this.#task(pid[row] as number);
        unqueued(row, task);
        const episode = this.#touch(task, ts[row] as number);
        if (episode < 0) {
          this.#outside.batches++;
          this.#outside.scanned_pages += scanned[row] as number;
          this.#outside.reclaimed_pages += reclaimed[row] as number;
          return;
        }
        const { lists } = this.#episodes;
        lists.batches.add(episode, 1);
        lists.scanned_pages.add(episode, scanned[row] as number);
        lists.reclaimed_pages.add(episode, reclaimed[row] as number);
        for (let at = 0; at < found.length; at++) {
          const { list, values } = found[at] as (typeof found)[number];
          list.add(episode, values[row] as number);
        }
        const level = priority?.[row] ?? Number.NaN;
        if (!(lists.lowest_priority.at(episode) <= level)) {
          lists.lowest_priority.set(episode, level);
        }
      },
    };
  }

  /** shrink_inactive_list: nr_unqueued_dirty == nr_taken wakes the flushers, before the event. */
  #unqueuedBatch(table: Table): (row: number, task: Task) => void {
    const at = (name: string) => optionalNumbers(table, name)?.values;
    const dirty = at('nr_dirty_pages');
    const writeback = at('nr_writeback_pages');
    const immediate = at('nr_immediate_pages');
    const ts = numbers(table, 'ts_ns').values;
    const seq = numbers(table, 'seq').values;
    const comm = texts(table, 'comm');
    const pid = numbers(table, 'pid').values;
    return (row, task) => {
      const { taken, isolated_ns } = task;
      task.taken = 0;
      if (dirty === undefined || !(taken > 0)) return;
      const waiting = (writeback?.[row] ?? 0) + (immediate?.[row] ?? 0);
      if ((dirty[row] as number) - waiting !== taken) return;
      this.#unqueued.push({
        ts_ns: ts[row] as number,
        seq: seq[row] as number,
        isolated_ns,
        pid: pid[row] as number,
        comm: textAt(comm, row),
        taken_pages: taken,
        dirty_pages: dirty[row] as number,
      });
    };
  }

  #slab(): Step | undefined {
    const table = tableWith(this.#tables, 'mm_shrink_slab_end', ['retval']);
    const freed = table && numbers(table, 'retval').values;
    return this.#counted(table, (episode, row) => {
      this.#episodes.lists.slab_calls.add(episode, 1);
      this.#episodes.lists.slab_freed.add(episode, Math.max(0, freed?.[row] ?? 0));
    });
  }

  #throttled(): Step | undefined {
    const table = tableWith(this.#tables, 'mm_vmscan_throttled', ['usec_delayed_us']);
    const delayed = table && numbers(table, 'usec_delayed_us').values;
    return this.#counted(table, (episode, row) => {
      this.#episodes.lists.throttled.add(episode, 1);
      this.#episodes.lists.throttled_us.add(episode, delayed?.[row] ?? 0);
    });
  }

  #write(): Step | undefined {
    const table = tableWith(this.#tables, 'mm_vmscan_write_folio', []);
    return this.#counted(table, (episode) => this.#episodes.lists.folios_written.add(episode, 1));
  }

  #counted(
    table: Table | undefined,
    count: (episode: number, row: number) => void,
  ): Step | undefined {
    if (table === undefined) return undefined;
    const pid = numbers(table, 'pid').values;
    const ts = numbers(table, 'ts_ns').values;
    return {
      table,
      handle: (row) => {
        const episode = this.#touch(this.#task(pid[row] as number), ts[row] as number);
        if (episode >= 0) count(episode, row);
      },
    };
  }

  #task(pid: number): Task {
    let task = this.#tasks.get(pid);
    if (task === undefined) {
      task = { open: [], interval: -1, isolated_ns: Number.NaN, taken: 0 };
      this.#tasks.set(pid, task);
    }
    return task;
  }

  #unpaired(code: DiagnosticCode, table: Table, row: number): void {
    const ts_ns = numbers(table, 'ts_ns').values[row] as number;
    this.#diagnostics.addRow(code, table.name, row, { ts_ns, subject: 'reclaim' });
  }

  finish(): ReclaimEpisodes {
    return {
      episodes: this.#episodes.finish('reclaim_episodes'),
      kswapd: this.#kswapd.finish('kswapd_intervals'),
      unqueued: this.#unqueued.finish('unqueued_dirty_batches'),
      outside: this.#outside,
      diagnostics: this.#diagnostics.list(),
    };
  }
}

/** What an episode begins with none of. */
const SUMS = [
  'batches',
  'scanned_pages',
  'reclaimed_pages',
  'dirty_pages',
  'writeback_pages',
  'congested_pages',
  'immediate_pages',
  'slab_calls',
  'slab_freed',
  'throttled',
  'throttled_us',
  'folios_written',
] as const;

const FOUND = [
  ['dirty_pages', 'nr_dirty_pages'],
  ['writeback_pages', 'nr_writeback_pages'],
  ['congested_pages', 'nr_congested_pages'],
  ['immediate_pages', 'nr_immediate_pages'],
] as const;
