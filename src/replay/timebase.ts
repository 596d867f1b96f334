/** HZ and page size: from the capture's own statements, else found from its numbers. */
import { jiffiesOfMs, pagesPerSecond } from '../kernel/arithmetic.ts';
import { throttlePeriod } from '../model/control.ts';
import { numbers, type Table, tableWith } from '../trace/table.ts';
import type { Trace } from '../trace/trace.ts';
import { asKiBps, asMs, asPages } from '../trace/units.ts';

export type Timebase = {
  readonly hz: number | undefined;
  readonly hz_because: 'meta' | 'periods' | 'unknown';
  readonly page_size: number;
  readonly page_size_because: 'recorded' | 'periods' | 'assumed';
};

const HZ_CHOICES = [100, 250, 300, 1000];
const PAGE_SIZES = [4096, 16384, 65536];
const MIN_PERIODS = 20;
const ROWS_TRIED = 5000;

export function findTimebase(trace: Trace): Timebase {
  const recorded = trace.meta.page_size;
  const hz = trace.host.hz;
  if (hz !== undefined && recorded !== undefined) {
    return { hz, hz_because: 'meta', page_size: recorded, page_size_because: 'recorded' };
  }
  const table = tableWith(trace.tables, 'balance_dirty_pages', [
    'period_ms',
    'dirtied_pages',
    'task_ratelimit_kibps',
  ]);
  const found =
    table && fitPeriods(table, hz ? [hz] : HZ_CHOICES, recorded ? [recorded] : PAGE_SIZES);
  return {
    hz: hz ?? found?.hz,
    hz_because: hz !== undefined ? 'meta' : found ? 'periods' : 'unknown',
    page_size: recorded ?? found?.page_size ?? 4096,
    page_size_because: recorded !== undefined ? 'recorded' : found ? 'periods' : 'assumed',
  };
}

/**
 * The choice under which the recorded periods obey their own law; undefined unless one choice
 * explains nearly all of them and no other does as well.
 */
function fitPeriods(
  table: Table,
  hzChoices: readonly number[],
  pageSizes: readonly number[],
): { hz: number; page_size: number } | undefined {
  const fits = hzChoices.flatMap((hz) =>
    pageSizes.map((page_size) => ({ hz, page_size, ...countFits(table, hz, page_size) })),
  );
  fits.sort((left, right) => right.exact - left.exact);
  const [best, next] = fits;
  if (best === undefined || best.n < MIN_PERIODS || best.exact < 0.95 * best.n) return undefined;
  return next !== undefined && next.exact === best.exact ? undefined : best;
}

/** Periods of at least one tick that the law reproduces. */
function countFits(table: Table, hz: number, pageSize: number): { n: number; exact: number } {
  const period = numbers(table, 'period_ms').values;
  const dirtied = numbers(table, 'dirtied_pages').values;
  const rate = numbers(table, 'task_ratelimit_kibps').values;
  const shift = Math.log2(pageSize);
  let n = 0;
  let exact = 0;
  for (let row = 0; row < Math.min(table.rows, ROWS_TRIED); row++) {
    const ms = asMs(period[row] as number);
    const pages = pagesPerSecond(asKiBps(rate[row] as number), shift);
    if (pages < 1 || ms <= 0) continue;
    n++;
    if (jiffiesOfMs(ms, hz) === undefined) continue;
    if (throttlePeriod(asPages(dirtied[row] as number), pages, hz) === ms) exact++;
  }
  return { n, exact };
}
