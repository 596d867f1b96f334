/** Captures that appear in a folder get their report; what is none does no harm. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { readHtml } from '../../reports/index.ts';
import { pageAssets } from '../helpers/page-assets.ts';
import { runCli } from '../helpers/run-cli.ts';

const CALM = 'fixtures/trace-dat/6.18-ext4/calm.dat.gz';

// Reports take their time on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

let folder = '';
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-watch-'));
  await pageAssets();
});
afterEach(() => rmSync(folder, { recursive: true }));

const inside = (name: string) => join(folder, name);

test('each capture without a report gets one, and only once', async () => {
  copyFileSync(CALM, inside('calm.dat.gz'));
  writeFileSync(inside('notes.txt'), 'no capture at all\n');
  writeFileSync(inside('vmstat.csv'), 'mono_s,nr_dirty\n');
  const first = await runCli('watch', folder, '--once', '--quiet');
  expect(first.code).toBe(0);
  expect(first.out).toBe(`written to ${inside('calm.dat.gz.html')}\n`);
  expect(first.err).toMatch(/notes\.txt is not a trace/);
  expect(readFileSync(inside('calm.dat.gz.html'), 'utf8')).toMatch(/Nothing stalled/);
  expect(existsSync(inside('notes.txt.html'))).toBe(false);
  const second = await runCli('watch', folder, '--once', '--quiet');
  expect(second.out).toBe('');
  // Recorded again: the report is older than the capture.
  const later = new Date(Date.now() + 10_000);
  utimesSync(inside('calm.dat.gz'), later, later);
  const third = await runCli('watch', folder, '--once', '--quiet');
  expect(third.out).toMatch(/^written to /);
});

test('a report that shows names is made anew where names must not be shown', async () => {
  copyFileSync(CALM, inside('calm.dat.gz'));
  const page = () => readHtml(readFileSync(inside('calm.dat.gz.html'), 'utf8'));
  await runCli('watch', folder, '--once', '--quiet');
  expect(page()?.redacted).toBe(false);
  expect((await runCli('watch', folder, '--once', '--redact')).out).toMatch(/^written to /);
  expect(page()?.redacted).toBe(true);
  expect((await runCli('watch', folder, '--once', '--redact')).out).toBe('');
});

test('a capture that was moved here with its old time is new all the same', async () => {
  copyFileSync(CALM, inside('one.dat.gz'));
  await runCli('watch', folder, '--once', '--quiet');
  mkdirSync(inside('elsewhere'));
  copyFileSync(CALM, inside('elsewhere/other.dat.gz'));
  utimesSync(inside('elsewhere/other.dat.gz'), 1e9, 1e9);
  renameSync(inside('elsewhere/other.dat.gz'), inside('one.dat.gz'));
  expect((await runCli('watch', folder, '--once', '--quiet')).out).toMatch(/one\.dat\.gz\.html/);
  expect((await runCli('watch', folder, '--once', '--quiet')).out).toBe('');
});

test('a folder that holds a trace is one capture; others are none', async () => {
  mkdirSync(inside('bundle'));
  copyFileSync(CALM, inside('bundle/trace.dat.gz'));
  mkdirSync(inside('charts'));
  writeFileSync(inside('charts/01-levels.png'), 'a picture');
  mkdirSync(inside('pages'));
  const pages = inside('pages');
  const { out, err } = await runCli('watch', folder, '--once', '-o', pages, '--quiet');
  expect(err).toBe('');
  expect(out).toBe(`written to ${join(pages, 'bundle.html')}\n`);
  expect(readFileSync(join(pages, 'bundle.html'), 'utf8')).toMatch(/Nothing stalled/);
  expect((await runCli('watch', folder, '--once', '-o', pages)).out).toBe('');
});

test('that there is nothing to report is said', async () => {
  expect((await runCli('watch', folder, '--once')).err).toMatch(/ holds no capture\n$/);
  expect((await runCli('watch', folder, '--once', '--quiet')).err).toBe('');
});

test.each([
  [['watch', 'fixtures/none'], /cannot watch fixtures\/none/],
  [['watch', '.', '--once', '--every', '0.01'], /less than a tenth/],
  [['watch', '.', '--port', '99999'], /--port is above 65535/],
  [['watch', '.', '--port', 'http'], /--port is not the number of a port/],
])('%j is refused', async (args, message) => {
  const { code, err } = await runCli(...args);
  expect(code).toBe(2);
  expect(err).toMatch(message);
});
