/**
 * How fast pages really left: from the counter `written` (all devices) and from the kernel's own
 * estimate of each bdi. The estimate lags and, with short writes, errs by factors; the counter does
 * not, but it knows no bdi.
 */
import { pagesPerSecond } from '../../kernel/arithmetic.ts';
import { textAt } from '../../trace/column.ts';
import { numbers, tableWith, texts } from '../../trace/table.ts';
import { asKiBps } from '../../trace/units.ts';
import type { Facts } from '../facts.ts';

/** Pages written per second over a window by nr_written; undefined with fewer than two samples. */
export function writtenRate(
  facts: Facts,
  [from_ns, to_ns]: readonly [number, number],
): number | undefined {
  const table = tableWith(facts.trace.tables, 'global_dirty_state', ['nr_written_pages']);
  if (table === undefined) return undefined;
  const ts = numbers(table, 'ts_ns').values;
  const written = numbers(table, 'nr_written_pages').values;
  let first = -1;
  let last = -1;
  for (let row = 0; row < table.rows; row++) {
    const time = ts[row] as number;
    if (time < from_ns || time > to_ns || Number.isNaN(written[row])) continue;
    if (first < 0) first = row;
    last = row;
  }
  const elapsed = ((ts[last] as number) - (ts[first] as number)) / 1e9;
  if (first < 0 || !(elapsed > 0)) return undefined;
  return Math.max(0, (written[last] as number) - (written[first] as number)) / elapsed;
}

/** Share of a window's samples in which anything was under writeback. */
export function writebackBusyShare(
  facts: Facts,
  [from_ns, to_ns]: readonly [number, number],
): number | undefined {
  const state = facts.dirty;
  if (state === undefined) return undefined;
  let busy = 0;
  let total = 0;
  for (let row = 1; row < state.ts_ns.length; row++) {
    const start = Math.max(from_ns, state.ts_ns[row - 1] as number);
    const end = Math.min(to_ns, state.ts_ns[row] as number);
    if (!(end > start)) continue;
    total += end - start;
    if ((state.writeback_pages[row - 1] as number) > 0) busy += end - start;
  }
  return total > 0 ? busy / total : undefined;
}

/** Median of the kernel's avg_write_bandwidth of a bdi in a window, pages per second. */
export function estimatedRate(
  facts: Facts,
  bdi: string,
  [from_ns, to_ns]: readonly [number, number],
): number | undefined {
  const table = tableWith(facts.trace.tables, 'bdi_dirty_ratelimit', ['bdi', 'avg_write_bw_kibps']);
  if (table === undefined) return undefined;
  const names = texts(table, 'bdi');
  const ts = numbers(table, 'ts_ns').values;
  const rate = numbers(table, 'avg_write_bw_kibps').values;
  const shift = Math.log2(facts.pageSize);
  const found: number[] = [];
  for (let row = 0; row < table.rows; row++) {
    const time = ts[row] as number;
    if (time < from_ns || time > to_ns || textAt(names, row) !== bdi) continue;
    found.push(pagesPerSecond(asKiBps(rate[row] as number), shift));
  }
  found.sort((left, right) => left - right);
  return found[Math.floor((found.length - 1) / 2)];
}

/** A device that writes for less than this is not measured: the counter moves in steps. */
const LEAST_BUSY_S = 0.2;

/** Pages written per second in the time in which anything was under writeback. */
export function busyWriteRate(facts: Facts): number | undefined {
  const table = tableWith(facts.trace.tables, 'global_dirty_state', [
    'nr_written_pages',
    'nr_writeback_pages',
  ]);
  if (table === undefined) return undefined;
  const ts = numbers(table, 'ts_ns').values;
  const written = numbers(table, 'nr_written_pages').values;
  const writeback = numbers(table, 'nr_writeback_pages').values;
  let pages = 0;
  let busy_s = 0;
  for (let row = 1; row < table.rows; row++) {
    if (!((writeback[row - 1] as number) > 0)) continue;
    if (facts.losses.overlaps(ts[row - 1] as number, ts[row] as number)) continue;
    const step = (written[row] as number) - (written[row - 1] as number);
    if (!(step >= 0)) continue;
    pages += step;
    busy_s += ((ts[row] as number) - (ts[row - 1] as number)) / 1e9;
  }
  return busy_s >= LEAST_BUSY_S ? pages / busy_s : undefined;
}
