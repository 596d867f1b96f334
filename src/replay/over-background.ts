/**
 * Stretches in which more file pages were dirty than the background threshold allows, and what the
 * flusher of the device that holds them did meanwhile.
 */
import { ColumnLists } from '../derive/column-lists.ts';
import type { FlusherWorks } from '../derive/flusher-works.ts';
import { overBackground as isOver } from '../model/flusher.ts';
import { lowerBound } from '../trace/search.ts';
import { numbers, type Table, tableWith, texts } from '../trace/table.ts';
import type { Trace } from '../trace/trace.ts';
import { asPages } from '../trace/units.ts';
import { thresholdRows } from './threshold-rows.ts';

const stretchLists = () =>
  new ColumnLists({
    ts_ns: 'ns',
    seq: 'seq',
    /** First reading that was not over any more, or the last one of the trace. */
    end_ns: 'ns',
    open: 'none',
    readings: 'count',
    largest_excess_pages: 'pages',
    /** The device that holds the dirty pages, as far as the trace tells. */
    bdi: 'text',
    /** wb_dirty: most pages by balance_dirty_pages; dirtied: most folios since it was written. */
    because: 'text',
    /** Time with a background work of that device, with any work of it, and with none. */
    background_ns: 'ns',
    any_work_ns: 'ns',
    idle_ns: 'ns',
    /** First wake of a background work and first start of one, after the stretch began. */
    woken_ns: 'ns',
    started_ns: 'ns',
  });

type Stretch = {
  readonly from: number;
  readonly seq: number;
  to: number;
  open: boolean;
  readings: number;
  excess: number;
};

export function overBackground(trace: Trace, flusher: FlusherWorks | undefined): Table {
  const lists = stretchLists();
  const stretches = findStretches(trace);
  if (stretches.length === 0) return lists.finish('over_background');
  const devices = new Devices(trace, flusher);
  for (const { from, seq, to, open, readings, excess } of stretches) {
    const holder = devices.holder(from, to);
    const run = devices.work(holder.bdi, from, to);
    lists.push({
      ts_ns: from,
      seq,
      end_ns: to,
      open: open ? 1 : 0,
      readings,
      largest_excess_pages: excess,
      bdi: holder.bdi,
      because: holder.because,
      ...run,
      woken_ns: devices.firstWake(holder.bdi, from, to),
    });
  }
  return lists.finish('over_background');
}

function findStretches(trace: Trace): Stretch[] {
  const state = tableWith(trace.tables, 'global_dirty_state', [
    'nr_dirty_pages',
    'background_thresh_pages',
    'dirty_thresh_pages',
    'dirty_limit_pages',
  ]);
  if (state === undefined) return [];
  // The flusher does not judge with a real-time task's thresholds.
  const { background } = thresholdRows(state);
  const dirty = numbers(state, 'nr_dirty_pages').values;
  const ts = numbers(state, 'ts_ns').values;
  const seq = numbers(state, 'seq').values;
  const stretches: Stretch[] = [];
  let current: Stretch | undefined;
  for (let row = 0; row < state.rows; row++) {
    const to = ts[row] as number;
    const pages = asPages(dirty[row] as number);
    const allowed = asPages(background[row] as number);
    if (current !== undefined) current.to = to;
    if (!isOver(pages, allowed)) {
      if (current !== undefined) current.open = false;
      current = undefined;
      continue;
    }
    if (current === undefined) {
      current = { from: to, seq: seq[row] as number, to, open: true, readings: 0, excess: 0 };
      stretches.push(current);
    }
    current.readings++;
    current.excess = Math.max(current.excess, pages - allowed);
  }
  return stretches;
}

/** What a device held this long ago still says who holds the pages. */
const RECENT_NS = 1e9;

type Span = { readonly from: number; readonly to: number; readonly background: boolean };
type Points = { readonly ts: Float64Array; readonly values: Float64Array };

class Devices {
  /** Per bdi, all its cgroups together. */
  readonly #works = new Map<string, Span[]>();
  /** How many works of a bdi were over before the stretch looked at last. */
  readonly #over = new Map<string, number>();
  readonly #levels: ReadonlyMap<string, Points>;
  readonly #dirtied: ReadonlyMap<string, Points>;
  readonly #wakes: ReadonlyMap<string, Points>;

  constructor(trace: Trace, flusher: FlusherWorks | undefined) {
    const { tables } = trace;
    this.#levels = pointsOf(tableWith(tables, 'balance_dirty_pages', ['bdi', 'wb_dirty_pages']));
    this.#dirtied = pointsOf(tableWith(tables, 'writeback_dirty_folio', ['bdi']));
    this.#wakes = pointsOf(tableWith(tables, 'writeback_wake_background', ['bdi']));
    if (flusher === undefined) return;
    const { works, domains } = flusher;
    const start = numbers(works, 'start_ns').values;
    const end = numbers(works, 'end_ns').values;
    const domain = numbers(works, 'domain').values;
    const background = numbers(works, 'for_background').values;
    for (let row = 0; row < works.rows; row++) {
      const bdi = domains[domain[row] as number]?.bdi ?? '';
      const until = end[row] as number;
      const to = Number.isNaN(until) ? trace.meta.duration_ns : until;
      const span = { from: start[row] as number, to, background: background[row] === 1 };
      const list = this.#works.get(bdi);
      if (list === undefined) this.#works.set(bdi, [span]);
      else list.push(span);
    }
  }

  holder(from: number, to: number): { bdi: string; because: string } {
    const byLevel = best(this.#levels, ({ ts, values }) => {
      const at = lowerBound(ts, to) - 1;
      return at >= 0 && (ts[at] as number) >= from - RECENT_NS ? (values[at] as number) : 0;
    });
    if (byLevel !== undefined) return { bdi: byLevel, because: 'wb_dirty' };
    const byFolios = best(this.#dirtied, ({ ts }, bdi) => {
      const since = this.#lastEnd(bdi, from);
      return lowerBound(ts, to) - lowerBound(ts, since);
    });
    return { bdi: byFolios ?? '', because: byFolios === undefined ? '' : 'dirtied' };
  }

  #lastEnd(bdi: string, before: number): number {
    const spans = this.#works.get(bdi) ?? [];
    return spans[this.#firstOpen(bdi, before) - 1]?.to ?? Number.NEGATIVE_INFINITY;
  }

  /** Stretches come in order of time, so that works that are over are never looked at again. */
  #firstOpen(bdi: string, from: number): number {
    const spans = this.#works.get(bdi) ?? [];
    let at = this.#over.get(bdi) ?? 0;
    while (at < spans.length && (spans[at] as Span).to <= from) at++;
    this.#over.set(bdi, at);
    return at;
  }

  work(bdi: string, from: number, to: number) {
    const all = this.#works.get(bdi) ?? [];
    const spans: Span[] = [];
    for (let at = this.#firstOpen(bdi, from); at < all.length; at++) {
      const span = all[at] as Span;
      if (span.from >= to) break;
      if (span.to > from) spans.push(span);
    }
    const any_work_ns = covered(spans, from, to);
    const background = spans.filter((span) => span.background);
    const started = background.find((span) => span.from >= from);
    return {
      background_ns: covered(background, from, to),
      any_work_ns,
      idle_ns: to - from - any_work_ns,
      started_ns: started?.from ?? Number.NaN,
    };
  }

  firstWake(bdi: string, from: number, to: number): number {
    const ts = this.#wakes.get(bdi)?.ts ?? [];
    const first = ts[lowerBound(ts, from)];
    return first !== undefined && first <= to ? first : Number.NaN;
  }
}

/** Length of the union of spans in order of their beginning. */
function covered(spans: readonly Span[], from: number, to: number): number {
  let sum = 0;
  let reached = from;
  for (const span of spans) {
    const begin = Math.max(reached, span.from);
    const end = Math.min(to, span.to);
    if (end > begin) {
      sum += end - begin;
      reached = end;
    }
  }
  return sum;
}

function best(
  points: ReadonlyMap<string, Points>,
  weigh: (points: Points, bdi: string) => number,
): string | undefined {
  let found: string | undefined;
  let most = 0;
  for (const [bdi, own] of points) {
    const weight = weigh(own, bdi);
    if (weight <= most) continue;
    most = weight;
    found = bdi;
  }
  return found;
}

/**
 * Times, and wb_dirty where the event has it, by bdi. Counted before they are filled: lists that
 * grow took five times as long for half a million folios.
 */
function pointsOf(table: Table | undefined): ReadonlyMap<string, Points> {
  if (table === undefined) return new Map();
  const { codes, dictionary } = texts(table, 'bdi');
  const ts = numbers(table, 'ts_ns').values;
  const levels = table.columns.wb_dirty_pages;
  const values = levels?.kind === 'number' ? levels.values : undefined;
  const rows = new Uint32Array(dictionary.length);
  for (let row = 0; row < table.rows; row++) {
    const code = codes[row] as number;
    rows[code] = (rows[code] as number) + 1;
  }
  const lists = Array.from(rows, (count) => ({
    ts: new Float64Array(count),
    values: new Float64Array(values === undefined ? 0 : count),
  }));
  rows.fill(0);
  for (let row = 0; row < table.rows; row++) {
    const code = codes[row] as number;
    const own = lists[code] as (typeof lists)[number];
    const at = rows[code] as number;
    rows[code] = at + 1;
    own.ts[at] = ts[row] as number;
    if (values !== undefined) own.values[at] = values[row] as number;
  }
  const met = dictionary.flatMap((bdi, code) => {
    const own = lists[code] as (typeof lists)[number];
    return own.ts.length === 0 ? [] : [[bdi, own] as const];
  });
  return new Map(met);
}
