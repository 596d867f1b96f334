/** The pages in Firefox: the report as it opens from disk, and the list of captures. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CaptureList, chartsOf, type Report, summarizeReport } from '../../reports/index.ts';
import { watchAssets } from '../../src/cli/watch/assets.ts';
import { PageServer } from '../../src/cli/watch/server.ts';
import { Firefox, findFirefox } from '../helpers/firefox.ts';
import { hostileReport } from '../helpers/hostile-report.ts';
import { writePage } from '../helpers/page-assets.ts';
import { sampleReport } from '../helpers/sample-report.ts';

const PATIENCE = 60_000;
const PATH = findFirefox();
if (PATH === undefined) {
  process.stderr.write('\nNOT TESTED IN FIREFOX: this machine has none (install firefox-esr)\n\n');
}

/** Draws all charts as a reader does, who comes by each. */
const SCROLL = `
  for (const chart of document.querySelectorAll('.chart')) {
    chart.scrollIntoView({ block: 'center' });
    const end = Date.now() + 10000;
    while (chart.querySelector('svg') === null && Date.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  window.scrollTo(0, 0);
  return document.querySelectorAll('.chart svg').length;`;

describe.skipIf(PATH === undefined)('in Firefox', () => {
  let firefox: Firefox;
  beforeAll(async () => {
    firefox = await Firefox.launch(PATH ?? '');
    await firefox.resize(1280, 900);
  }, PATIENCE);
  afterAll(() => firefox?.close(), PATIENCE);

  async function open(report: Report, hash = ''): Promise<void> {
    await firefox.open(`file://${await writePage(report)}${hash}`);
    await firefox.until('document.documentElement.dataset.ready');
  }

  const count = (selector: string) =>
    firefox.run('return document.querySelectorAll(arguments[0]).length;', [selector]);
  const text = (selector: string) =>
    firefox.run('return document.querySelector(arguments[0]).textContent;', [selector]);
  const hash = () => firefox.run('return location.hash;');
  const scrollThrough = () => firefox.run(`return (async () => {${SCROLL}})();`);

  /** For those who look at what is tested here: a folder for screenshots. */
  async function keepScreenshot(name: string): Promise<void> {
    const folder = process.env.SCREENSHOTS;
    if (folder !== undefined) writeFileSync(`${folder}/${name}.png`, await firefox.screenshot());
  }

  test(
    'every chart is drawn with its marks, in light and in dark, and nothing goes wrong',
    async () => {
      const report = sampleReport();
      await firefox.setDark(false);
      await open(report);
      expect(await scrollThrough()).toBe(chartsOf(report).length);
      expect(await count('#main-chart svg .mark-line path')).toBeGreaterThanOrEqual(5);
      expect(await count('#main-chart svg .mark-symbol path')).toBeGreaterThan(100);
      expect(await count('#main-chart svg .mark-rect path')).toBeGreaterThan(20);
      expect(await count('#chart-pauses .mark-symbol path')).toBeGreaterThan(50);
      expect(await text('h1')).toMatch(/paused for 14\.8 s/);
      const ink = () =>
        firefox.run(
          "return document.querySelector('#main-chart .mark-text text').getAttribute('fill');",
        );
      const light = await ink();
      await keepScreenshot('firefox-light');
      await firefox.setDark(true);
      await firefox.until(
        `document.querySelector('#main-chart .mark-text text').getAttribute('fill') !== '${light}'`,
      );
      await keepScreenshot('firefox-dark');
      await firefox.setDark(false);
      expect(await firefox.troubles()).toEqual([]);
    },
    PATIENCE,
  );

  test(
    'an address with a window opens that window; pointer and keyboard change it',
    async () => {
      await open(sampleReport(), '#t=3,7');
      expect(await text('.zoom-bar')).toMatch(/show 3\.\d+ to 7\.\d+ s/);
      const box = (await firefox.run(
        'const { x, y } = document.querySelector("#main-chart .chart").getBoundingClientRect();' +
          'return [x, y];',
      )) as [number, number];
      await firefox.drag([box[0] + 200, box[1] + 80], [box[0] + 400, box[1] + 100]);
      await firefox.until("location.hash !== '#t=3,7'");
      expect(await hash()).toMatch(/^#t=[34]\.\d+,[456]\.\d+$/);
      await firefox.run("document.querySelector('#main-chart .chart').focus();");
      await firefox.press('\ue014', '\ue014');
      await firefox.until("document.querySelector('#tooltip').hidden === false");
      await firefox.press('0');
      await firefox.until("location.hash === ''");
      await firefox.press('+');
      await firefox.until("location.hash.startsWith('#t=')");
      expect(await hash()).toMatch(/^#t=/);
      expect(await firefox.troubles()).toEqual([]);
    },
    PATIENCE,
  );

  test(
    'lists open and close, hostile names stay text, and all is drawn before it is printed',
    async () => {
      const report = hostileReport();
      await open(report);
      await firefox.run("for (const one of document.querySelectorAll('summary')) one.click();");
      expect(await count('details[open]')).toBeGreaterThan(0);
      expect(await count('img, iframe')).toBe(0);
      expect(await text('main')).toContain('<img src=x onerror=alert(1)>');
      const overflow =
        'document.documentElement.scrollWidth - document.documentElement.clientWidth';
      expect(await firefox.run(`return ${overflow};`)).toBeLessThanOrEqual(0);
      const pdf = await firefox.send('WebDriver:Print', {});
      expect(Buffer.from(String(pdf), 'base64').toString('latin1', 0, 5)).toBe('%PDF-');
      expect(await count('.chart svg')).toBe(chartsOf(report).length);
      expect(await firefox.troubles()).toEqual([]);
    },
    PATIENCE,
  );

  test(
    'the list of captures shows what its server tells, and says when it is gone',
    async () => {
      const summary = summarizeReport(sampleReport());
      const entry = { id: '0123456789abcdef', name: '<b>.dat', size_bytes: 4096, changed_ms: 1e12 };
      let list: CaptureList = { folder: '/captures', entries: [], more: 0 };
      const server = new PageServer(
        { list: () => list, report: () => sampleReport() },
        watchAssets(),
      );
      const address = await server.listen(0);
      await firefox.open(address);
      await firefox.until("document.querySelector('#empty').hidden === false");
      list = { ...list, entries: [{ ...entry, state: 'reported', summary }] };
      server.tell();
      await firefox.until("document.querySelector('tbody a')");
      expect(await text('tbody')).toMatch(/<b>\.dat4 KiB.*Critical.*paused for 14\.8 s.*Complete/);
      await keepScreenshot('firefox-list');
      await firefox.open(`${address}report/${entry.id}`);
      await firefox.until("document.querySelector('#main-chart svg')");
      await firefox.open(address);
      await firefox.until("document.querySelector('tbody a')");
      expect(await firefox.troubles()).toEqual([]);
      await server.close();
      await firefox.until("document.querySelector('#connection').hidden === false");
    },
    PATIENCE,
  );

  // Last, since what Firefox has said stays said.
  test(
    'what goes wrong is noticed',
    async () => {
      const path = join(mkdtempSync(join(tmpdir(), 'tidemark-page-')), 'wrong.html');
      const policy = "default-src 'none'; script-src 'unsafe-inline'";
      const script =
        "console.error('complained'); new Image().src = 'https://a.example/'; missing();";
      writeFileSync(
        path,
        `<!doctype html><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}"><script>${script}</script>`,
      );
      await firefox.open(`file://${path}`);
      const said = (await firefox.troubles()).join('\n');
      expect(said).toMatch(/error: complained/);
      expect(said).toMatch(/missing is not defined/);
      expect(said).toMatch(/CSP.*https:\/\/a\.example/);
    },
    PATIENCE,
  );
});
