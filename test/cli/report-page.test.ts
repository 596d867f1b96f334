/** The page of a real capture, from the command line to a real browser. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { chartsOf, parseReport } from '../../reports/index.ts';
import { accessibilityViolations, launchBrowser, openFile } from '../helpers/browser.ts';
import { pageAssets } from '../helpers/page-assets.ts';
import { runCli } from '../helpers/run-cli.ts';

const PATIENCE = 60_000;
/** Captures, the cause that leads the page, what it must say, and the chart that proves it. */
const CAPTURES: readonly {
  readonly path: string;
  readonly cause: string;
  readonly sentence: RegExp;
  readonly proof: string;
}[] = [
  {
    path: 'fixtures/trace-dat/6.18-ext4/slow-writer.dat.gz',
    cause: 'device-slower-than-writers',
    sentence: /fio \(pid \d+\) lost/,
    proof: 'dirty-levels',
  },
  {
    path: 'fixtures/trace-dat/6.18-xfs/two-writers.dat.gz',
    cause: 'device-slower-than-writers',
    sentence: /lost/,
    proof: 'dirty-levels',
  },
  {
    path: 'fixtures/trace-dat/6.18-ext4/lossy.dat.gz',
    cause: 'device-slower-than-writers',
    sentence: /lost/,
    proof: 'dirty-levels',
  },
  {
    path: 'fixtures/trace-dat/6.18-ext4/calm.dat.gz',
    cause: 'none',
    sentence: /^(Nothing|Little) stalled/,
    proof: 'dirty-levels',
  },
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
  '$path',
  async ({ path: capture, cause, sentence, proof }) => {
    const path = join(folder, 'report.html');
    const json = join(folder, 'report.json');
    await runCli('report', capture, '-o', path, '--json', json, '--quiet');
    const report = parseReport(readFileSync(json, 'utf8'));
    expect(report.diagnosis.verdict.root_cause).toBe(cause);
    expect(report.headline.sentence).toMatch(sentence);
    expect(report.headline.chart_id).toBe(proof);
    expect(statSync(path).size).toBeLessThan(3 << 20);
    const opened = await openFile(browser, path, { viewport: { width: 1280, height: 900 } });
    const { page } = opened;
    await page.locator('html[data-ready]').waitFor();
    const charts = page.locator('.chart');
    for (let nth = 0; nth < (await charts.count()); nth++) {
      await charts.nth(nth).scrollIntoViewIfNeeded();
      await charts.nth(nth).locator('svg').waitFor();
    }
    expect(await page.locator('.chart svg').count()).toBe(chartsOf(report).length);
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

const SLOW_WRITER = 'fixtures/trace-dat/6.18-ext4/slow-writer.dat.gz';

test(
  'the same capture gives the same bytes, and a window shows its part only',
  async () => {
    const bytes = async (...more: string[]) => {
      const path = join(folder, 'same.html');
      const { code } = await runCli('report', SLOW_WRITER, '-o', path, '--quiet', ...more);
      expect(code).toBe(0);
      return readFileSync(path, 'utf8');
    };
    const first = await bytes();
    expect(await bytes()).toBe(first);
    const json = join(folder, 'part.json');
    const markdown = join(folder, 'part.md');
    await bytes('--window', '2,4.5', '--json', json, '--markdown', markdown, '--title', 'Friday');
    const part = parseReport(readFileSync(json, 'utf8'));
    expect(part).toMatchObject({ window_ns: [2e9, 4.5e9], title: 'Friday', redacted: false });
    for (const chart of chartsOf(part)) {
      if (chart.kind !== 'distribution') expect(chart.window_ns).toEqual([2e9, 4.5e9]);
    }
    const text = readFileSync(markdown, 'utf8');
    expect(text).toMatch(/^## The device is slower/);
    const links = [...text.matchAll(/^!\[.+\]\((.+)\)$/gm)].map(([, href = '']) => href);
    expect(links[0]).toMatch(/^part\.charts\/01-.*\.svg$/);
    expect(links).toHaveLength(chartsOf(part).length);
    for (const href of links) expect(existsSync(join(folder, href)), href).toBe(true);
  },
  PATIENCE,
);

test.each([
  ['9,4', /ends before it begins/],
  ['4-9', /FROM,TO in seconds/],
  ['4000,4001', /begins at 4000 s, but the capture is/],
])('--window %s is refused', async (window, message) => {
  const path = join(folder, 'none.html');
  const { code, err } = await runCli('report', SLOW_WRITER, '-o', path, '--window', window);
  expect(code).toBe(2);
  expect(err).toMatch(message);
  expect(existsSync(path)).toBe(false);
});

test(
  'redaction leaves no name of a task, a device or an inode',
  async () => {
    const path = join(folder, 'redacted.html');
    const json = join(folder, 'redacted.json');
    const markdown = join(folder, 'redacted.md');
    const files = ['-o', path, '--json', json, '--markdown', markdown];
    await runCli('report', SLOW_WRITER, ...files, '--redact', '--quiet');
    const report = parseReport(readFileSync(json, 'utf8'));
    expect(report.redacted).toBe(true);
    expect(report.headline.sentence).toMatch(/^task-\d+ \(pid \d+\) lost .* on bdi disk-\d/);
    const page = /id="report">(.*?)<\/script>/.exec(readFileSync(path, 'utf8'))?.[1] ?? '';
    for (const text of [page, readFileSync(json, 'utf8'), readFileSync(markdown, 'utf8')]) {
      expect(text).not.toMatch(/(?<![\w])(?:fio|python3|slow-writer)(?![\w])|loop\d-8/);
      expect(text).not.toMatch(/(?<![\w.:])\d{1,3}:\d{1,3}(?![\w:.])|ino[ =]\d\d|inode \d/);
    }
  },
  PATIENCE,
);

test(
  'every chart is written as SVG and PNG files of its own',
  async () => {
    const path = join(folder, 'svg.html');
    const json = join(folder, 'svg.json');
    const svg = join(folder, 'charts');
    const png = join(folder, 'pictures');
    const folders = ['--svg', svg, '--png', png];
    await runCli('report', SLOW_WRITER, '-o', path, '--json', json, ...folders, '--quiet');
    const charts = chartsOf(parseReport(readFileSync(json, 'utf8')));
    const names = readdirSync(svg).sort();
    expect(names).toEqual(
      charts.map(({ id }, at) => `${String(at + 1).padStart(2, '0')}-${id}.svg`),
    );
    for (const name of names) {
      const text = readFileSync(join(svg, name), 'utf8');
      expect(text).toMatch(/^<svg .*<\/svg>$/s);
      expect(text).not.toMatch(/NaN|undefined|<script/);
    }
    expect(readdirSync(png).sort()).toEqual(names.map((name) => name.replace('.svg', '.png')));
    for (const name of readdirSync(png)) {
      expect(readFileSync(join(png, name)).toString('latin1', 1, 4)).toBe('PNG');
    }
  },
  PATIENCE,
);
