import { readFileSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildReport } from '../../reports/build/report.ts';
import { isChart } from '../../reports/charts/index.ts';
import { parseReport, type Report } from '../../reports/schema/report.ts';
import {
  accessibilityViolations,
  launchBrowser,
  type OpenedPage,
  openFile,
} from '../helpers/browser.ts';
import { hostileReport } from '../helpers/hostile-report.ts';
import { writePage } from '../helpers/page-assets.ts';
import { lossyInput, sampleReport } from '../helpers/sample-report.ts';

/** A browser on a busy two-core machine needs seconds where it takes tenths alone. */
const PATIENCE = 60_000;

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
}, PATIENCE);
afterAll(async () => {
  await browser.close();
}, PATIENCE);

async function open(report: Report, dark = false): Promise<OpenedPage> {
  const path = await writePage(report);
  return await openFile(browser, path, {
    colorScheme: dark ? 'dark' : 'light',
    viewport: { width: 1280, height: 800 },
  });
}

async function scrollThrough({ page }: OpenedPage): Promise<void> {
  await page.locator('html[data-ready]').waitFor();
  const charts = page.locator('.chart');
  for (let i = 0; i < (await charts.count()); i++) {
    await charts.nth(i).scrollIntoViewIfNeeded();
    await charts.nth(i).locator('svg').waitFor();
  }
}

function charts(report: Report): number {
  const details = report.sections.flatMap((section) => section.details);
  return details.filter(isChart).length;
}

test(
  'the page draws every chart as the reader scrolls, and nothing goes wrong',
  async () => {
    for (const report of [sampleReport(), buildReport(lossyInput())]) {
      const opened = await open(report);
      const { page } = opened;
      await scrollThrough(opened);
      expect(await page.locator('.chart svg').count()).toBe(charts(report));
      const main = page.locator('#main-chart svg');
      expect(await main.locator('.mark-line path').count()).toBeGreaterThanOrEqual(5);
      expect(await main.locator('.mark-symbol path').count()).toBeGreaterThan(100);
      expect(await main.locator('.mark-area path').count()).toBeGreaterThanOrEqual(1);
      expect(await main.locator('.mark-rect path').count()).toBeGreaterThan(20);
      expect(await page.locator('#chart-pauses .mark-symbol path').count()).toBeGreaterThan(50);
      expect(await page.locator('#chart-pause-lengths .mark-rect path').count()).toBe(10);
      expect(await main.getAttribute('aria-label')).toMatch(/dirty \+ writeback \(recorded\)/);
      expect(opened.troubles).toEqual([]);
      expect(opened.requests).toEqual([]);
      await opened.close();
    }
  },
  PATIENCE,
);

test(
  'axe-core finds nothing, in light and in dark',
  async () => {
    for (const dark of [false, true]) {
      const opened = await open(buildReport(lossyInput()), dark);
      await scrollThrough(opened);
      for (const summary of await opened.page.locator('summary').all()) await summary.click();
      expect(await accessibilityViolations(opened.page)).toEqual([]);
      await opened.close();
    }
  },
  PATIENCE,
);

test(
  'charts follow the color scheme, and print in light colors all at once',
  async () => {
    const report = sampleReport();
    const { page, close } = await open(report, true);
    const limit = page.locator('#main-chart .mark-text text', { hasText: 'setpoint' });
    const dark = await limit.getAttribute('fill');
    await page.emulateMedia({ colorScheme: 'light' });
    await expect.poll(() => limit.getAttribute('fill')).not.toBe(dark);
    await page.emulateMedia({ colorScheme: 'dark' });
    await expect.poll(() => limit.getAttribute('fill')).toBe(dark);
    await page.locator('html[data-ready]').waitFor();
    await page.evaluate('window.dispatchEvent(new Event("beforeprint"))');
    expect(await limit.getAttribute('fill')).not.toBe(dark);
    expect(await page.locator('.chart svg').count()).toBe(charts(report));
    await close();
  },
  PATIENCE,
);

test(
  'values can be read with the keyboard and with the pointer',
  async () => {
    const { page, close, troubles } = await open(sampleReport());
    const chart = page.locator('#main-chart .chart');
    await page.locator('html[data-ready]').waitFor();
    const tooltip = page.locator('#tooltip');
    await chart.focus();
    for (let i = 0; i < 20; i++) await page.keyboard.press('ArrowRight');
    expect(await tooltip.textContent()).toMatch(/^1\.818 s/);
    await page.keyboard.press('Escape');
    expect(await tooltip.isHidden()).toBe(true);
    await chart.hover({ position: { x: 500, y: 150 } });
    expect(await tooltip.textContent()).toMatch(/^\d+\.\d{3} slimit256 MiBsetpoint224 MiB/);
    await page.mouse.move(2, 2);
    expect(await tooltip.isHidden()).toBe(true);
    expect(troubles).toEqual([]);
    await close();
  },
  PATIENCE,
);

test(
  'hostile names are text: nothing runs, nothing hides, nothing overflows',
  async () => {
    const opened = await open(hostileReport());
    const { page } = opened;
    await scrollThrough(opened);
    for (const summary of await page.locator('summary').all()) await summary.click();
    expect(await page.locator('img, script:not([id=report]), iframe, svg svg').count()).toBe(1);
    const text = await page.locator('main').textContent();
    expect(text).toContain('<img src=x onerror=alert(1)>');
    expect(text).toContain('⟨U+202E⟩');
    expect(text).not.toMatch(/[\u202a-\u202e\u2066-\u2069\u2028]/);
    const overflow = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
    expect(await page.evaluate(overflow)).toBeLessThanOrEqual(0);
    expect(await page.locator('[title]').evaluateAll((all) => all.length)).toBeGreaterThan(10);
    expect(await accessibilityViolations(page)).toEqual([]);
    expect(opened.troubles).toEqual([]);
    expect(opened.requests).toEqual([]);
    await opened.close();
  },
  PATIENCE,
);

test(
  'without scripts the verdict can still be read',
  async () => {
    const path = await writePage(sampleReport());
    const { page, close } = await openFile(browser, path, { javaScriptEnabled: false });
    expect(await page.locator('h1').textContent()).toMatch(/paused for 14\.8 s/);
    expect(await page.locator('.answers li').count()).toBe(7);
    expect(await page.locator('noscript').textContent()).toMatch(/need JavaScript/);
    await close();
  },
  PATIENCE,
);

test(
  'a stretch drawn over one chart is shown by all, is in the address, and can be taken back',
  async () => {
    const opened = await open(sampleReport());
    const { page } = opened;
    await scrollThrough(opened);
    await page.evaluate('scrollTo(0, 0)');
    const ticks = (id: string) => page.locator(`${id} .mark-text.role-axis-label`).first();
    const pauses = ticks('#chart-pauses');
    expect(await pauses.textContent()).toMatch(/^024/);
    const main = page.locator('#main-chart .chart');
    const box = await main.boundingBox();
    if (box === null) throw new Error('the main chart has no box');
    await page.mouse.move(box.x + 200, box.y + 100);
    await page.mouse.down();
    await page.mouse.move(box.x + 400, box.y + 120, { steps: 4 });
    await page.mouse.up();
    await expect.poll(() => page.evaluate('location.hash')).toMatch(/^#t=3\.\d+,7\.\d+$/);
    await expect.poll(() => pauses.textContent()).not.toMatch(/^024/);
    expect(await page.locator('.zoom-bar').textContent()).toMatch(/show 3\.\d+ to 7\.\d+ s/);
    const hash: unknown = await page.evaluate('location.hash');
    // The address leads to the same window, also into a page that is opened with it.
    await page.reload();
    await page.locator('html[data-ready]').waitFor();
    expect(await page.locator('.zoom-bar').isVisible()).toBe(true);
    expect(await accessibilityViolations(page)).toEqual([]);
    expect(await page.evaluate('location.hash')).toBe(hash);
    await page.locator('.zoom-bar button', { hasText: 'Show all' }).click();
    await expect.poll(() => page.evaluate('location.hash')).toBe('');
    expect(await page.locator('.zoom-bar').isHidden()).toBe(true);
    await main.focus();
    await page.keyboard.press('+');
    await expect.poll(() => page.evaluate('location.hash')).toMatch(/^#t=/);
    await page.keyboard.press('0');
    await expect.poll(() => page.evaluate('location.hash')).toBe('');
    expect(opened.troubles).toEqual([]);
    await opened.close();
  },
  PATIENCE,
);

test(
  'rows are found by their words and lead to their window; data can be taken along',
  async () => {
    const opened = await open(sampleReport());
    const { page } = opened;
    await page.locator('html[data-ready]').waitFor();
    const cause = page.locator('#finding-device-slower-than-writers');
    await cause.locator('input[type=search]').fill('pause=117');
    expect(await cause.locator('tbody tr:visible', { hasText: 'pause=' }).count()).toBe(1);
    await cause.locator('button.jump', { hasText: '9.500' }).click();
    await expect.poll(() => page.evaluate('location.hash')).toMatch(/^#t=9\.4\d*,9\.7\d*$/);
    const [csv] = await Promise.all([
      page.waitForEvent('download'),
      page.locator('#main-chart button', { hasText: 'CSV' }).click(),
    ]);
    expect(csv.suggestedFilename()).toBe('dirty-against-limits.csv');
    const [json] = await Promise.all([
      page.waitForEvent('download'),
      page.locator('#downloads button').click(),
    ]);
    const text = readFileSync(await json.path(), 'utf8');
    expect(parseReport(text)).toEqual(sampleReport());
    expect(opened.troubles).toEqual([]);
    await opened.close();
  },
  PATIENCE,
);

test(
  'on a telephone nothing is cut off, and curves are named below the plot',
  async () => {
    const path = await writePage(sampleReport());
    const opened = await openFile(browser, path, { viewport: { width: 390, height: 844 } });
    await scrollThrough(opened);
    const overflow = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
    expect(await opened.page.evaluate(overflow)).toBeLessThanOrEqual(0);
    expect(await opened.page.locator('#main-chart .curve:visible').count()).toBe(7);
    expect(await accessibilityViolations(opened.page)).toEqual([]);
    await opened.close();
  },
  PATIENCE,
);
