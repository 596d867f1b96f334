/**
 * What the page may cost: its first chart within 1.5 s, and no piece of work that a reader who
 * scrolls would notice. Work is measured in CPU time, and the best of three loads counts, so that a
 * busy machine fails no test.
 */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { chartsOf } from '../../reports/index.ts';
import { launchBrowser } from '../helpers/browser.ts';
import { writePage } from '../helpers/page-assets.ts';
import { sampleReport } from '../helpers/sample-report.ts';

const PATIENCE = 60_000;
const FIRST_CHART_MS = 1500;
const LONG_TASK_MS = 200;
const SCROLL_PIXELS = 400;

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
}, PATIENCE);
afterAll(() => browser.close(), PATIENCE);

type TraceEvent = {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts: number;
  /** CPU time in microseconds. */
  readonly tdur?: number;
};

/** CPU time of each task of the page's thread while `work` goes on. */
async function tasksDuring(page: Page, work: () => Promise<void>): Promise<number[]> {
  const session = await page.context().newCDPSession(page);
  const events: TraceEvent[] = [];
  session.on('Tracing.dataCollected', ({ value }) => {
    events.push(...(value as unknown as TraceEvent[]));
  });
  const includedCategories = ['toplevel', 'devtools.timeline'];
  await session.send('Tracing.start', { traceConfig: { includedCategories } });
  await page.evaluate('console.timeStamp("begin")');
  await work();
  const ended = new Promise((resolve) => session.once('Tracing.tracingComplete', resolve));
  await session.send('Tracing.end');
  await ended;
  const begin = events.find(({ name }) => name === 'TimeStamp');
  if (begin === undefined) throw new Error('the trace has no beginning');
  return events
    .filter(({ name, pid, tid }) => {
      return name.endsWith('RunTask') && pid === begin.pid && tid === begin.tid;
    })
    .map(({ tdur = 0 }) => tdur / 1000);
}

test(
  'the first chart comes soon, and scrolling is never held up',
  async () => {
    const report = sampleReport();
    const path = await writePage(report);
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    await page.addInitScript(`
      new MutationObserver((_, observer) => {
        if (document.querySelector('#main-chart svg') === null) return;
        window.firstChart = performance.now();
        observer.disconnect();
      }).observe(document, { childList: true, subtree: true });`);
    const firstChart: number[] = [];
    for (let nth = 0; nth < 3; nth++) {
      await page.goto(`file://${path}`);
      await page.locator('html[data-ready]').waitFor();
      firstChart.push(Number(await page.evaluate('window.firstChart')));
    }
    expect(Math.min(...firstChart)).toBeGreaterThan(0);
    expect(Math.min(...firstChart)).toBeLessThan(FIRST_CHART_MS);
    const height = Number(await page.evaluate('document.documentElement.scrollHeight'));
    const tasks = await tasksDuring(page, async () => {
      for (let at = 0; at < height; at += SCROLL_PIXELS) {
        await page.mouse.wheel(0, SCROLL_PIXELS);
        await page.waitForTimeout(30);
      }
      await expect
        .poll(() => page.locator('.chart svg').count(), { timeout: 20_000 })
        .toBe(chartsOf(report).length);
    });
    expect(tasks.length).toBeGreaterThan(20);
    // Drawing takes some: what is measured is the work that was meant.
    expect(Math.max(...tasks)).toBeGreaterThan(5);
    expect(Math.max(...tasks)).toBeLessThan(LONG_TASK_MS);
    await page.close();
  },
  PATIENCE,
);
