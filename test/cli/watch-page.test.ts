/** The local page of captures: the built program, a real folder and a real browser. */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { accessibilityViolations, launchBrowser, openAddress } from '../helpers/browser.ts';
import { ROOT } from '../helpers/bytes.ts';

const PATIENCE = 90_000;
const SOON = { timeout: 30_000 };
const MAIN = join(ROOT, 'dist/src/cli/main.js');
const CALM = join(ROOT, 'fixtures/trace-dat/6.18-ext4/calm.dat.gz');
const SLOW = join(ROOT, 'fixtures/trace-dat/6.18-ext4/slow-writer.dat.gz');
const HOSTILE = '<img src=x onerror=alert(1)>\u202e\n"\'&.dat';

let browser: Browser;
let folder = '';
let program: Program;

type Program = {
  readonly address: string;
  readonly process: ChildProcess;
  readonly said: () => string;
  readonly ended: Promise<number | null>;
};

/** Resolves when the program has said where its page is. */
async function startWatch(...options: readonly string[]): Promise<Program> {
  const args = [MAIN, 'watch', folder, '--port', '0', '--every', '0.2', ...options];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  const address = new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (chunk) => {
      text += chunk;
      const found = /http:\/\/127\.0\.0\.1:\d+\//.exec(text);
      if (found !== null) resolve(found[0]);
    });
    child.stderr.on('data', (chunk) => {
      text += chunk;
    });
    child.once('exit', (code) => reject(new Error(`ended with ${code}: ${text}`)));
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  return { address: await address, process: child, said: () => text, ended };
}

const inside = (name: string) => join(folder, name);
const row = (page: Page, name: string) => page.locator('tbody tr', { hasText: name });

beforeAll(async () => {
  if (!existsSync(MAIN)) throw new Error('the program is not built: npm run build');
  browser = await launchBrowser();
}, PATIENCE);
afterAll(() => browser.close(), PATIENCE);
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-watch-'));
  program = await startWatch();
}, PATIENCE);
afterEach(async () => {
  program.process.kill('SIGKILL');
  await program.ended;
  rmSync(folder, { recursive: true });
}, PATIENCE);

test(
  'captures appear on an open page with their verdicts, open their reports and go again',
  async () => {
    const opened = await openAddress(browser, program.address);
    const { page } = opened;
    await page.locator('#empty:visible', { hasText: 'No captures yet' }).waitFor(SOON);
    expect(await page.locator('#empty code').first().textContent()).toBe(folder);
    expect(await accessibilityViolations(page)).toEqual([]);

    copyFileSync(SLOW, inside('slow.dat.gz'));
    mkdirSync(inside('bundle'));
    copyFileSync(CALM, inside('bundle/trace.dat.gz'));
    writeFileSync(inside('bundle/meta.json'), '{}');
    mkdirSync(inside('charts'));
    writeFileSync(inside('charts/01.svg'), '<svg/>');
    await row(page, 'slow.dat.gz').getByRole('link').waitFor(SOON);
    await row(page, 'bundle').getByRole('link').waitFor(SOON);
    expect(await page.locator('tbody tr .name').allTextContents()).toEqual([
      'bundle',
      'slow.dat.gz',
    ]);
    const slow = await row(page, 'slow.dat.gz').textContent();
    expect(slow).toMatch(
      /Critical.*slower than its writers.*fio \(pid \d+\) lost 8\.33.s.*in 9\.8/,
    );
    expect(slow).toMatch(/High confidence \(0\.9\d*\).*Complete7,625 events/);
    expect(await row(page, 'bundle').textContent()).toMatch(/No stall.*Nothing stalled/);
    expect(await page.locator('#count').textContent()).toBe('2 captures: 2 reported');
    expect(await page.locator('#news').textContent()).toMatch(/(?:slow|bundle).*(?:lost|stalled)/);
    expect(await page.title()).toMatch(/^\(2\) Captures in /);
    expect(existsSync(inside('bundle.html'))).toBe(true);

    // With the keyboard, there and back.
    await row(page, 'slow.dat.gz').getByRole('link').focus();
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/report\/[0-9a-f]{16}$/);
    await page.locator('html[data-ready]').waitFor(SOON);
    await page.locator('#main-chart svg').waitFor(SOON);
    expect(await page.locator('h1').textContent()).toMatch(/fio \(pid \d+\) lost/);
    await page.goBack();
    await row(page, 'slow.dat.gz').getByRole('link').waitFor(SOON);

    rmSync(inside('slow.dat.gz'));
    await row(page, 'slow.dat.gz').waitFor({ state: 'detached', ...SOON });
    expect(opened.troubles).toEqual([]);
    expect(opened.requests).toEqual([]);
    await opened.close();
  },
  PATIENCE,
);

test(
  'damage, half files and hostile names are shown as such and end nothing',
  async () => {
    writeFileSync(inside(HOSTILE), readFileSync(CALM).subarray(0, 9000));
    writeFileSync(inside('notes.txt'), 'no capture at all\n');
    // What is copied slowly: it grows with every look, until this test has seen that.
    const bytes = readFileSync(CALM);
    let copied = 0;
    const copying = setInterval(() => {
      copied += 10;
      writeFileSync(inside('slowly.dat.gz'), bytes.subarray(0, copied));
    }, 50);
    onTestFinished(() => clearInterval(copying));
    for (const colorScheme of ['light', 'dark'] as const) {
      const opened = await openAddress(browser, program.address, { colorScheme });
      const { page } = opened;
      await row(page, 'notes.txt').locator('.state-failed').waitFor(SOON);
      if (colorScheme === 'light') {
        await row(page, 'slowly').locator('.state-growing').waitFor(SOON);
        expect(await row(page, 'slowly').getByRole('link').count()).toBe(0);
        clearInterval(copying);
        writeFileSync(inside('slowly.dat.gz'), bytes);
      }
      await row(page, 'slowly').getByRole('link').waitFor(SOON);
      expect(await row(page, 'notes.txt').textContent()).toMatch(/notes\.txt is not a trace that/);
      const hostile = row(page, '<img src=x onerror=alert(1)>');
      expect(await hostile.count()).toBe(1);
      expect(await hostile.locator('.name').textContent()).toMatch(/⟨U\+202E⟩␊"'&\.dat$/);
      expect(await page.locator('main img, main script').count()).toBe(0);
      expect(await accessibilityViolations(page)).toEqual([]);
      expect(opened.troubles).toEqual([]);
      await opened.close();
    }
    expect(program.said()).toMatch(/tidemark: .*notes\.txt is not a trace/);
    expect(program.said()).not.toMatch(/\u202e/);
    expect(program.process.exitCode).toBe(null);
  },
  PATIENCE,
);

test(
  'what is recorded again is read again; what is there at the start needs no reading',
  async () => {
    copyFileSync(CALM, inside('one.dat.gz'));
    const { page, close } = await openAddress(browser, program.address);
    await row(page, 'one.dat.gz').getByText('No stall').waitFor(SOON);
    const past = statSync(inside('one.dat.gz.html')).mtimeMs;
    copyFileSync(SLOW, inside('one.dat.gz'));
    // Of a machine whose clock is ahead: read once, not again and again.
    const ahead = new Date(Date.now() + 3_600_000);
    utimesSync(inside('one.dat.gz'), ahead, ahead);
    await row(page, 'one.dat.gz').getByText('Critical').waitFor(SOON);
    const made = statSync(inside('one.dat.gz.html')).mtimeMs;
    expect(made).toBeGreaterThan(past);
    await page.waitForTimeout(1000);
    expect(statSync(inside('one.dat.gz.html')).mtimeMs).toBe(made);
    const now = new Date(made - 1);
    utimesSync(inside('one.dat.gz'), now, now);
    await row(page, 'one.dat.gz').locator('.state-reading, .state-growing').waitFor(SOON);
    await row(page, 'one.dat.gz').getByText('Critical').waitFor(SOON);
    program.process.kill('SIGTERM');
    expect(await program.ended).toBe(0);
    await page.locator('#connection:visible', { hasText: 'does not answer' }).waitFor(SOON);
    expect(await row(page, 'one.dat.gz').count()).toBe(1);
    await close();

    const { mtimeMs } = statSync(inside('one.dat.gz.html'));
    program = await startWatch();
    const again = await openAddress(browser, program.address);
    await row(again.page, 'one.dat.gz').getByText('Critical').waitFor(SOON);
    expect(statSync(inside('one.dat.gz.html')).mtimeMs).toBe(mtimeMs);
    await again.close();
    program.process.kill('SIGINT');
    expect(await program.ended).toBe(0);

    // A page with names is none where names must not be shown.
    const elsewhere = inside('.reports');
    program = await startWatch('--redact', '--output', elsewhere);
    const redacted = await openAddress(browser, program.address);
    await row(redacted.page, 'one.dat.gz')
      .getByText(/^task-\d+ \(pid/)
      .waitFor(SOON);
    expect(readFileSync(join(elsewhere, 'one.dat.gz.html'), 'utf8')).not.toContain('"fio"');
    await redacted.close();
  },
  PATIENCE,
);
