/** Captures that appear in a folder get their report; what is none does no harm. */
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { pageAssets } from '../helpers/page-assets.ts';
import { runCli } from '../helpers/run-cli.ts';

const CALM = 'fixtures/trace-dat/6.18-ext4/calm.dat.gz';

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
  expect(first.err).toMatch(/notes\.txt: /);
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

test.each([
  [['watch', 'fixtures/none'], /cannot watch fixtures\/none/],
  [['watch', '.', '--once', '--every', '0.01'], /less than a tenth/],
])('%j is refused', async (args, message) => {
  const { code, err } = await runCli(...args);
  expect(code).toBe(2);
  expect(err).toMatch(message);
});
