import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildReport } from '../../reports/build.ts';
import type { Report } from '../../reports/report.ts';
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
  const charts = page.locator('.chart');
  for (let i = 0; i < (await charts.count()); i++) {
    await charts.nth(i).scrollIntoViewIfNeeded();
    await charts.nth(i).locator('svg').waitFor();
  }
}

function charts(report: Report): number {
  const details = report.sections.flatMap((section) => section.details);
  return details.filter(({ kind }) => kind === 'timeline' || kind === 'distribution').length;
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
    expect(await page.locator('.answers li').count()).toBe(6);
    expect(await page.locator('noscript').textContent()).toMatch(/need JavaScript/);
    await close();
  },
  PATIENCE,
);
