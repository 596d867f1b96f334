/** The page of a real capture, from the command line to a real browser. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseReport } from '../../reports/index.ts';
import { accessibilityViolations, launchBrowser, openFile } from '../helpers/browser.ts';
import { pageAssets } from '../helpers/page-assets.ts';
import { runCli } from '../helpers/run-cli.ts';

const PATIENCE = 60_000;
/** Captures, and what the headline of each must say. */
const CAPTURES: readonly (readonly [path: string, sentence: RegExp])[] = [
  ['fixtures/trace-dat/6.18-ext4/slow-writer.dat.gz', /fio \(pid \d+\) was paused for 8/],
  ['fixtures/trace-dat/6.18-xfs/two-writers.dat.gz', /tasks lost .* together/],
  ['fixtures/trace-dat/6.18-ext4/lossy.dat.gz', /at least/],
  ['fixtures/trace-dat/6.18-ext4/calm.dat.gz', /No task was paused/],
];

let browser: Browser;
let folder = '';
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-page-'));
  // The page's script is built if it is not there yet.
  await pageAssets();
  browser = await launchBrowser();
}, PATIENCE);
afterAll(async () => {
  await browser.close();
  rmSync(folder, { recursive: true });
}, PATIENCE);

test.each(CAPTURES)(
  '%s',
  async (capture, sentence) => {
    const path = join(folder, 'report.html');
    const json = join(folder, 'report.json');
    await runCli('report', capture, '-o', path, '--json', json, '--quiet');
    const report = parseReport(readFileSync(json, 'utf8'));
    expect(report.headline.sentence).toMatch(sentence);
    const drawn = report.sections
      .flatMap(({ details }) => details)
      .filter(({ kind }) => kind === 'timeline' || kind === 'distribution');
    const opened = await openFile(browser, path, { viewport: { width: 1280, height: 900 } });
    const { page } = opened;
    const charts = page.locator('.chart');
    for (let nth = 0; nth < (await charts.count()); nth++) {
      await charts.nth(nth).scrollIntoViewIfNeeded();
      await charts.nth(nth).locator('svg').waitFor();
    }
    expect(await page.locator('.chart svg').count()).toBe(drawn.length);
    const main = page.locator('#main-chart svg');
    expect(await main.locator('.mark-line path').count()).toBeGreaterThanOrEqual(6);
    expect(await main.locator('.mark-symbol path').count()).toBeGreaterThan(50);
    expect(await page.locator('h1').textContent()).toMatch(sentence);
    expect(await accessibilityViolations(page)).toEqual([]);
    expect(opened.troubles).toEqual([]);
    expect(opened.requests).toEqual([]);
    await opened.close();
  },
  PATIENCE,
);
