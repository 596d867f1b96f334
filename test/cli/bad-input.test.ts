/** Wrong input: one sentence, exit code 2, no stack trace, no output file. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCli } from '../helpers/run-cli.ts';

const SLOW = 'fixtures/trace-dat/6.18-ext4/slow-writer.dat.gz';
let folder = '';
let whole: Buffer;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-bad-'));
  whole = gunzipSync(readFileSync(SLOW));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

function emptyFolder(): string {
  const path = join(folder, 'empty');
  mkdirSync(path, { recursive: true });
  return path;
}

function plainFolder(): string {
  const path = join(folder, 'plain');
  mkdirSync(join(path, 'proc'), { recursive: true });
  writeFileSync(join(path, 'proc', 'vmstat'), 'nr_free_pages 5586987\nnr_dirty 5\n');
  writeFileSync(join(path, 'messages'), 'Nov 21 07:00:00 host kernel: all is well\n');
  return path;
}

function expectRefusal(result: { code: number; out: string; err: string }, message: RegExp): void {
  expect(result.code).toBe(2);
  expect(result.out).toBe('');
  expect(result.err).toMatch(message);
  expect(result.err.trimEnd().split('\n')).toHaveLength(1);
  expect(result.err).not.toMatch(/\n\s+at /);
}

describe.each(['inspect', 'replay', 'report', 'tables'])('%s', (command) => {
  const args = (path: string): string[] =>
    command === 'report' ? [command, path, '-o', join(folder, 'out.html')] : [command, path];

  test.each([
    ['a missing file', () => join(folder, 'missing.dat'), /no such file/],
    ['an empty file', () => file('empty.dat', ''), /is empty \(0 bytes\)/],
    ['a directory without a file', () => emptyFolder(), /holds no files, so no trace/],
    [
      'a directory without a trace',
      () => plainFolder(),
      /holds no trace: none of its 2 files is one that/,
    ],
    ['JSON', () => file('x.json', '{"a": 1}'), /not a trace that Tidemark knows/],
    ['HTML', () => file('x.html', '<!doctype html><p>balance_dirty_pages'), /not a trace/],
    [
      'noise',
      () =>
        file(
          'noise',
          Uint8Array.from({ length: 5000 }, (_, i) => (i * 7919) % 251),
        ),
      /not a trace/,
    ],
    ['an empty archive', () => file('e.gz', gzipSync('')), /nothing of the gzip data/],
    ['another version', () => file('v9.dat', '\x17\x08\x44tracing9\0\0\0'), /version 9/],
    [
      'a cut header',
      () => file('cut.dat', whole.subarray(0, 5000)),
      /ends inside its .*at byte \d+/,
    ],
  ])('refuses %s', async (_, path, message) => {
    expectRefusal(await runCli(...args(path())), message);
    expect(existsSync(join(folder, 'out.html'))).toBe(false);
  });
});

describe('sidecar files that were asked for', () => {
  test.each([
    ['--meta', 'not json', /is not JSON/],
    ['--meta', '{"hz": "fast"}', /hz: /],
    ['--meta', '{"page_size": 5000}', /page_size: not a power of two/],
    ['--max-unpacked', '', /--max-unpacked is not a size such as 512M or 16G/],
    ['--clock-offset', '', /--clock-offset is not a number of seconds/],
    ['--vmstat', 'a,b\n1,2\n', /a time column is needed/],
    ['--vmstat', 'mono_s,nr_dirty\n1.0,x\n', /line 2, nr_dirty: "x" is not a number/],
    ['--vmstat', 'mono_s,nr_dirty\nsoon,1\n', /line 2: "soon" is not a time/],
  ])('%s with %j is refused', async (flag, content, message) => {
    const path = file('sidecar', content);
    expectRefusal(await runCli('inspect', SLOW, flag, path), message);
  });

  test('meta data of another kernel does not explain this trace', async () => {
    const path = file('other.json', '{"kernel": "4.4.0"}');
    expectRefusal(await runCli('inspect', SLOW, '--meta', path), /does not belong to the trace/);
  });
});

describe('the limit on what packed input becomes', () => {
  test('is an option of every command', async () => {
    for (const command of ['inspect', 'replay', 'report', 'tables']) {
      expectRefusal(
        await runCli(command, SLOW, '--max-unpacked', '10k'),
        /unpacks to more than the limit of 10240 bytes/,
      );
    }
    expect((await runCli('inspect', SLOW, '--max-unpacked', '1G')).code).toBe(0);
  });
});

describe('sidecar files that were only found', () => {
  test('damage in them is a diagnostic, not the end', async () => {
    const place = join(folder, 'pair');
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, 'x.dat'), whole);
    writeFileSync(join(place, 'x.meta.json'), '{');
    writeFileSync(join(place, 'vmstat.csv'), 'mono_s,nr_dirty\n1.5,7\n');
    const { code, out } = await runCli('inspect', join(place, 'x.dat'), '--json');
    expect(code).toBe(0);
    const codes = JSON.parse(out).diagnostics.map(
      (diagnostic: { code: string }) => diagnostic.code,
    );
    expect(codes.sort()).toEqual(['clock_mismatch', 'sidecar_ignored']);
  });
});

describe('a trace that is cut off in its events', () => {
  test.each([0.5, 0.8, 0.99])('at %f yields what can be read and says so', async (share) => {
    const path = file('tail.dat', whole.subarray(0, Math.floor(whole.length * share)));
    const { code, out } = await runCli('inspect', path, '--json');
    expect(code).toBe(0);
    const json = JSON.parse(out);
    expect(json.total_events).toBeLessThan(7625);
    expect(json.diagnostics[0].code).toBe('input_truncated');
    expect(json.diagnostics[0].message).toMatch(/at byte \d+/);
  });
});
