/**
 * HZ and page size: from the capture's own statements, else found from its numbers. Events that
 * print jiffies show their rate; periods obey their law under one HZ and page size; and rates are
 * multiples of the page's KiB.
 */
import { jiffiesOfMs, pagesPerSecond } from '../kernel/arithmetic.ts';
import { throttlePeriod } from '../model/control.ts';
import { numbers, type Table, tableWith } from '../trace/table.ts';
import { PAGE_SIZE_ASSUMED, type Trace } from '../trace/trace.ts';
import { asKiBps, asMs, asPages } from '../trace/units.ts';
import { NO_COUNTS, TickFinder } from './throttle/jiffies.ts';

export type Timebase = {
  readonly hz: number | undefined;
  readonly hz_because: 'meta' | 'jiffies' | 'periods' | 'unknown';
  readonly page_size: number;
  readonly page_size_because: 'recorded' | 'periods' | 'rates' | 'assumed';
};

const HZ_CHOICES = [100, 200, 250, 300, 500, 1000];
const PAGE_SIZES = [4096, 16384, 65536];
const MIN_PERIODS = 20;
const ROWS_TRIED = 5000;

const found = new WeakMap<Trace, Timebase>();

/** Found once per trace. */
export function findTimebase(trace: Trace): Timebase {
  const known = found.get(trace);
  if (known !== undefined) return known;
  const timebase = makeTimebase(trace);
  found.set(trace, timebase);
  return timebase;
}

function makeTimebase(trace: Trace): Timebase {
  const recorded = trace.meta.page_size;
  const stated = trace.host.hz;
  if (stated !== undefined && recorded !== undefined) {
    return { hz: stated, hz_because: 'meta', page_size: recorded, page_size_because: 'recorded' };
  }
  const ticking = stated ?? hzOfJiffies(trace.tables);
  const columns = ['period_ms', 'dirtied_pages', 'task_ratelimit_kibps'];
  const table = tableWith(trace.tables, 'balance_dirty_pages', columns);
  const sizes = recorded ? [recorded] : PAGE_SIZES;
  const fit = table && fitPeriods(table, ticking ? [ticking] : HZ_CHOICES, sizes);
  const size = recorded ?? fit?.page_size ?? (table && pageSizeOfRates(table));
  const sizeFound = fit ? 'periods' : 'rates';
  return {
    hz: ticking ?? fit?.hz,
    hz_because: stated ? 'meta' : ticking ? 'jiffies' : fit ? 'periods' : 'unknown',
    page_size: size ?? PAGE_SIZE_ASSUMED,
    page_size_because: recorded ? 'recorded' : size ? sizeFound : 'assumed',
  };
}

const MIN_JIFFIES = 5;

/** The HZ under which nearly all printed jiffies fall into their tick, and clearly the only one. */
function hzOfJiffies(tables: Trace['tables']): number | undefined {
  const fits = HZ_CHOICES.flatMap((hz) => {
    const phase = new TickFinder(tables, hz).find(NO_COUNTS, 'exact-clock');
    return phase === undefined ? [] : [{ hz, n: phase.n, share: phase.agree / phase.n }];
  });
  fits.sort((left, right) => right.share - left.share);
  const [best, next] = fits;
  if (best === undefined || best.n < MIN_JIFFIES || best.share < 0.8) return undefined;
  return next !== undefined && next.share > best.share / 2 ? undefined : best.hz;
}

/** Rates are printed in steps of a page per second; undefined while several sizes divide them. */
function pageSizeOfRates(table: Table): number | undefined {
  const rates = numbers(table, 'task_ratelimit_kibps').values;
  let fitting = PAGE_SIZES;
  const seen = new Set<number>();
  for (let row = 0; row < Math.min(table.rows, ROWS_TRIED); row++) {
    const rate = rates[row] as number;
    if (!(rate > 0)) continue;
    seen.add(rate);
    fitting = fitting.filter((size) => rate % (size / 1024) === 0);
  }
  // Many different rates, all multiples of more than a small page.
  const largest = seen.size >= MIN_PERIODS ? fitting.at(-1) : undefined;
  return fitting.length === 1 ? fitting[0] : largest;
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
    if (!(pages >= 1 && ms > 0)) continue;
    n++;
    if (jiffiesOfMs(ms, hz) === undefined) continue;
    if (throttlePeriod(asPages(dirtied[row] as number), pages, hz) === ms) exact++;
  }
  return { n, exact };
}
