/** Two captures on one page, from the command line to a real browser. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { chartsOf, parseReport, type Report } from '../../reports/index.ts';
import { accessibilityViolations, launchBrowser, openFile } from '../helpers/browser.ts';
import { pageAssets } from '../helpers/page-assets.ts';
import { runCli } from '../helpers/run-cli.ts';

const PATIENCE = 60_000;
const CALM = 'fixtures/trace-dat/6.18-ext4/calm.dat.gz';
const SLOW = 'fixtures/trace-dat/6.18-ext4/slow-writer.dat.gz';
const XFS = 'fixtures/trace-dat/6.18-xfs/two-writers.dat.gz';
const LOSSY = 'fixtures/trace-dat/6.18-ext4/lossy.dat.gz';

let browser: Browser;
let folder = '';
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-pair-'));
  await pageAssets();
  browser = await launchBrowser();
}, PATIENCE);
afterAll(async () => {
  await browser.close();
  rmSync(folder, { recursive: true });
}, PATIENCE);

const path = (name: string) => join(folder, name);

async function pair(...args: string[]) {
  const files = ['-o', path('pair.html'), '--json', path('pair.json')];
  const run = await runCli('report', ...args, ...files);
  return { ...run, document: () => parseReport(readFileSync(path('pair.json'), 'utf8')) };
}

function comparisonOf({ comparison }: Report) {
  if (comparison === undefined) throw new Error('the report compares nothing');
  return comparison;
}

test(
  'BEFORE AFTER and AFTER --against BEFORE are the same document',
  async () => {
    const named = await pair(SLOW, CALM, '--quiet');
    const text = readFileSync(path('pair.json'), 'utf8');
    const page = readFileSync(path('pair.html'), 'utf8');
    const report = named.document();
    await pair(CALM, '--against', SLOW, '--quiet');
    expect(readFileSync(path('pair.json'), 'utf8')).toBe(text);
    expect(readFileSync(path('pair.html'), 'utf8')).toBe(page);
    expect(report.input.name).toBe('calm.dat.gz');
    const comparison = comparisonOf(report);
    expect(comparison.before.input.name).toBe('slow-writer.dat.gz');
    expect(comparison.before.diagnosis.verdict.root_cause).toBe('device-slower-than-writers');
    expect(report.diagnosis.verdict.root_cause).toBe('none');
    const limit = comparison.numbers.find(({ name }) => name === 'Dirty limit');
    expect(limit).toMatchObject({ before: 64 * 2 ** 20, after: 256 * 2 ** 20, judged: 'changed' });
    expect(chartsOf(report)[0]).toMatchObject({ id: 'against-levels', zero: 'the work began' });
  },
  PATIENCE,
);

test(
  'a capture against itself is called the same',
  async () => {
    const { out, document } = await pair(SLOW, SLOW);
    expect(out).toMatch(/^The same capture\n\nThese are the same: both captures hold the same/);
    expect(comparisonOf(document()).answer).toBe('same-capture');
    expect(readFileSync(path('pair.html'), 'utf8')).toContain('The same capture');
  },
  PATIENCE,
);

test(
  'text and Markdown say the answer, what was not the same, and both verdicts',
  async () => {
    const { out } = await pair(LOSSY, SLOW, '--markdown', path('pair.md'));
    expect(out).toMatch(/^Cannot be told\n\nWhether it helped cannot be told: .* were lost/);
    expect(out).toMatch(/Not the same in both\n/);
    expect(out).toMatch(/\nBefore: .* \(confidence 0\.\d+\)\nAfter: /);
    const markdown = readFileSync(path('pair.md'), 'utf8');
    expect(markdown).toMatch(/^# Cannot be told: after against before\n/);
    expect(markdown).toMatch(/\n### Not the same in both\n\n\| {2}\| Before \| After \|/);
    expect(markdown).toMatch(/\n# Before: lossy\.dat\.gz\n\n## /);
    expect(markdown).toMatch(/\n# After: slow-writer\.dat\.gz\n\n## /);
  },
  PATIENCE,
);

test(
  'the same name is replaced by the same word in both',
  async () => {
    const { document } = await pair(SLOW, SLOW, '--redact', '--quiet');
    const report = document();
    const { before } = comparisonOf(report);
    expect(before.diagnosis.verdict.summary).toBe(report.diagnosis.verdict.summary);
    expect([report.input.name, before.input.name]).toEqual(['capture', 'capture']);
    const text = readFileSync(path('pair.json'), 'utf8');
    for (const name of ['fio', 'slow-writer', '7:0']) expect(text).not.toContain(name);
  },
  PATIENCE,
);

test.each([
  [['--align', 'yesterday'], /neither workload, start nor BEFORE_S,AFTER_S/],
  [['--align', '4000,1'], /names 4000 s of the capture before, which is/],
  [['--align', '1,4000'], /names 4000 s of the capture after, which is/],
  [['--window', '4000,4001'], /the longer capture is/],
  [['--against', XFS], /not both/],
])(
  '%s is refused',
  async (options, message) => {
    const { code, err } = await pair(SLOW, CALM, ...options);
    expect(code).toBe(2);
    expect(err).toMatch(message);
  },
  PATIENCE,
);

test('--align needs two captures', async () => {
  const { code, err } = await runCli('report', SLOW, '--align', 'start', '-o', path('no.html'));
  expect(code).toBe(2);
  expect(err).toMatch(/needs a second capture/);
});

test(
  '--align and --window move and limit the axis of all charts',
  async () => {
    const { document } = await pair(SLOW, CALM, '--align', '2,1', '--window', '0,3', '--quiet');
    const report = document();
    const { alignment, is_part } = comparisonOf(report);
    expect(alignment).toMatchObject({ by: 'given', origins_ns: { before: 2e9, after: 1e9 } });
    expect(is_part).toBe(true);
    for (const chart of chartsOf(report)) {
      if (chart.kind !== 'distribution') expect(chart.window_ns).toEqual([0, 3e9]);
    }
  },
  PATIENCE,
);

test(
  '--svg writes every chart of both',
  async () => {
    const { document } = await pair(SLOW, CALM, '--svg', path('charts'), '--quiet');
    const files = readdirSync(path('charts'));
    expect(files).toHaveLength(chartsOf(document()).length);
    const [first = ''] = files.sort();
    expect(readFileSync(join(path('charts'), first), 'utf8')).toContain('since the work began');
  },
  PATIENCE,
);

test(
  'in a browser: charts are drawn, and evidence of each side jumps to its place on the axis',
  async () => {
    await pair(SLOW, XFS, '--align', '0,1', '--quiet');
    expect(statSync(path('pair.html')).size).toBeLessThan(3e6);
    const opened = await openFile(browser, path('pair.html'), {
      viewport: { width: 1280, height: 900 },
    });
    const { page } = opened;
    await page.locator('html[data-ready]').waitFor();
    expect(await page.locator('#main-chart .mark-line path').count()).toBe(4);
    const shownBy = async (side: string) => {
      const cell = page.locator(`#causes-${side} td button.jump`).first();
      const at = Number(await cell.textContent());
      await cell.click();
      const hash = decodeURIComponent(new URL(page.url()).hash);
      const [, from = 'NaN', to = 'NaN'] = /t=(-?[\d.]+),(-?[\d.]+)/.exec(hash) ?? [];
      return { at, from: Number(from), to: Number(to) };
    };
    const before = await shownBy('before');
    expect(before.from).toBeLessThanOrEqual(before.at);
    expect(before.to).toBeGreaterThanOrEqual(before.at);
    const after = await shownBy('after');
    expect(after.from).toBeLessThanOrEqual(after.at - 1);
    expect(after.to).toBeGreaterThanOrEqual(after.at - 1);
    // Zero is where the work began: what lies before can be linked as well.
    await page.evaluate("window.location.hash = '#t=-0.5,1'");
    await expect
      .poll(() => page.locator('.zoom-bar [role=status]').textContent())
      .toBe('All charts show -0.500 to 1.000 s');
    expect(opened.troubles).toEqual([]);
    expect(opened.requests).toEqual([]);
    await opened.close();
  },
  PATIENCE,
);

test.each(['light', 'dark'] as const)(
  'axe-core finds nothing on a page of two, %s',
  async (colorScheme) => {
    // A part, since every row of every list is looked at.
    await pair(LOSSY, CALM, '--window', '0,0.3', '--quiet');
    const viewport = { width: 1280, height: 900 };
    const opened = await openFile(browser, path('pair.html'), { colorScheme, viewport });
    await opened.page.locator('html[data-ready]').waitFor();
    expect(await accessibilityViolations(opened.page)).toEqual([]);
    expect(opened.troubles).toEqual([]);
    await opened.close();
  },
  PATIENCE,
);
