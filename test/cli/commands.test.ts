/** The contract of the commands: names, flags, JSON keys, exit codes. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseReport } from '../../reports/index.ts';
import { VERSION } from '../../src/cli/version.ts';
import { runCli } from '../helpers/run-cli.ts';

const SLOW = 'fixtures/trace-dat/6.18-ext4/slow-writer.dat.gz';
const LOSSY = 'fixtures/trace-dat/6.18-ext4/lossy.dat.gz';
const CALM = 'fixtures/trace-dat/6.18-ext4/calm.dat.gz';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-cli-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('inspect', () => {
  test('--json has the keys that other programs read', async () => {
    const { code, out } = await runCli('inspect', SLOW, '--json');
    expect(code).toBe(0);
    const json = JSON.parse(out);
    expect(json).toMatchObject({ format: 'trace-dat', cpus: 2, lost_events: 0, clock: 'mono' });
    expect(json.events.balance_dirty_pages).toBe(704);
    expect(json.total_events).toBe(7625);
    expect(json.duration_ns).toBeGreaterThan(9e9);
    expect(typeof json.origin_ns).toBe('string');
  });

  test('lost events are counted and explained', async () => {
    const json = JSON.parse((await runCli('inspect', LOSSY, '--json')).out);
    expect(json.lost_events).toBe(809 + 288 + 293 + 176 + 118);
    expect(json.losses).toHaveLength(5);
    const [first] = json.diagnostics;
    expect(first).toMatchObject({ code: 'events_lost', severity: 'data_loss' });
  });

  test('text fits a terminal and names what is raw', async () => {
    const { out } = await runCli('inspect', SLOW);
    expect(out).toContain('trace.dat version 6, gzip');
    expect(out).toMatch(/704 +balance_dirty_pages +writeback/);
  });
});

describe('tables', () => {
  test('CSV has canonical columns and every row', async () => {
    const { code, out } = await runCli('tables', SLOW, '--event', 'balance_dirty_pages');
    const lines = out.trimEnd().split('\n');
    expect(code).toBe(0);
    expect(lines).toHaveLength(705);
    expect(lines[0]).toMatch(/^ts_ns,cpu,pid,comm,seq,bdi,limit_pages,setpoint_pages,dirty_pages,/);
  });

  test('JSON is an array of objects with exact values', async () => {
    const { out } = await runCli('tables', SLOW, '--event', 'writeback_dirty_folio', '--json');
    const rows = JSON.parse(out);
    expect(rows.length).toBeGreaterThan(100);
    expect(typeof rows[0].ino).toBe('string');
    expect(typeof rows[0].ts_ns).toBe('number');
  });

  test('an earlier name and a system prefix find the same table', async () => {
    const now = await runCli('tables', SLOW, '--event', 'writeback_dirty_folio');
    const before = await runCli('tables', SLOW, '--event', 'writeback:writeback_dirty_page');
    expect(before.out).toBe(now.out);
  });

  test('samples are a table too', async () => {
    const { out } = await runCli('tables', SLOW, '--event', 'vmstat');
    expect(out).toMatch(/^ts_ns,nr_free_pages,/);
  });

  test('an event that is not there exits 2 with a hint', async () => {
    const { code, err, out } = await runCli('tables', SLOW, '--event', 'balance_dirty');
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain('did you mean balance_dirty_pages?');
  });

  test('without --event the tables are listed', async () => {
    const { out } = await runCli('tables', SLOW);
    expect(out).toContain('global_dirty_state');
  });
});

describe('replay', () => {
  test('--json has identity and replay figures', async () => {
    const json = JSON.parse((await runCli('replay', SLOW, '--json')).out);
    for (const name of ['limit', 'setpoint', 'period', 'dirty_ratelimit']) {
      const { n, exact } = json.identity[name];
      expect(n).toBeGreaterThan(600);
      expect(exact).toBe(n);
    }
    expect(json.identity.balanced_dirty_ratelimit).toMatchObject({ n: 41, exact: 41 });
    const fit = json.replay.nr_dirtied;
    expect(Object.keys(fit)).toEqual(
      expect.arrayContaining(['n', 'within_drift', 'max_abs_pages', 'drift_bound_pages', 'wape']),
    );
    expect(fit.wape_floor).toBeGreaterThan(fit.wape);
    expect(fit.within_drift / fit.n).toBeGreaterThanOrEqual(0.99);
  });

  test('--json has the write bandwidth between its prints, and what it rests on', async () => {
    const { inferred_bandwidth } = JSON.parse((await runCli('replay', SLOW, '--json')).out);
    expect(inferred_bandwidth.length).toBeGreaterThan(40);
    for (const { bdi, low_pages_per_s, high_pages_per_s, evidence } of inferred_bandwidth) {
      expect([bdi, low_pages_per_s <= high_pages_per_s]).toEqual(['7:0', true]);
      expect(evidence).toMatch(
        /^(recorded|update-rule|hidden-update|task_ratelimit|to_write|pause)$/,
      );
    }
  });

  test('--json has the same pages by node, cgroup and class', async () => {
    const { projections } = JSON.parse((await runCli('replay', SLOW, '--json')).out);
    const sums = ['nodes', 'memcgs', 'wb_cgroups', 'classes'].map((name) =>
      projections[name].parts.reduce(
        (sum: number, part: { dirtied_pages: number }) => sum + part.dirtied_pages,
        0,
      ),
    );
    expect(new Set(sums).size).toBe(1);
    expect(sums[0]).toBeGreaterThan(10_000);
    expect(projections.classes_over_time.t_ns).toHaveLength(120);
  });

  test('text names the levels, and who has the pages', async () => {
    const { out } = await runCli('replay', CALM);
    expect(out).toContain('level a');
    expect(out).toContain('level b');
    expect(out).toMatch(/class +file-data/);
  });

  test('what contradicts itself is a diagnostic with its row, in a diagnosis as well', async () => {
    const line = (at: number, dirtied: number) =>
      `  w-7  [000] d..1  ${10 + at}.000000: global_dirty_state: dirty=5 writeback=0 ` +
      `bg_thresh=100 thresh=200 limit=200 dirtied=${dirtied} written=10\n` +
      `  w-7  [000] d..1  ${10 + at}.100000: writeback_dirty_folio: bdi 7:0: ino=9 index=${at}\n`;
    const path = join(folder, 'reset.txt');
    const dirtied = (at: number) => (at < 4 ? 90_000 + at : at);
    writeFileSync(path, [0, 1, 2, 3, 4, 5, 6].map((at) => line(at, dirtied(at))).join(''));
    const replayed = JSON.parse((await runCli('replay', path, '--json')).out);
    expect(replayed.starts).toBe(2);
    expect(replayed.diagnostics).toContainEqual(
      expect.objectContaining({
        code: 'counter_backwards',
        places: [expect.objectContaining({ table: 'global_dirty_state', row: 4 })],
      }),
    );
    const { quality } = JSON.parse((await runCli('diagnose', path, '--json')).out);
    const codes = quality.diagnostics.map(({ code }: { code: string }) => code);
    expect(codes).toContain('counter_backwards');
  });
});

describe('report', () => {
  test('writes a page and its JSON, and says so', async () => {
    const page = join(folder, 'slow.html');
    const json = join(folder, 'slow.json');
    const { code, out } = await runCli('report', SLOW, '-o', page, '--json', json);
    expect(code).toBe(0);
    expect(out).toContain(page);
    const html = readFileSync(page, 'utf8');
    expect(html).toContain('Content-Security-Policy');
    expect(html.length).toBeLessThan(3 * 2 ** 20);
    const report = parseReport(readFileSync(json, 'utf8'));
    expect(report.headline.sentence).toMatch(/^fio \(pid \d+\) lost .* on bdi 7:0/);
    expect(report.sections.map(({ status }) => status)).not.toContain('error');
  });

  test('same input, same bytes', async () => {
    const [first, second] = [join(folder, 'a.html'), join(folder, 'b.html')];
    await runCli('report', CALM, '-o', first, '--quiet');
    await runCli('report', CALM, '-o', second, '--quiet');
    expect(readFileSync(second, 'utf8')).toBe(readFileSync(first, 'utf8'));
  });

  test('a calm capture says that nothing stalled', async () => {
    const { out } = await runCli('report', CALM, '-o', join(folder, 'calm.html'));
    expect(out).toMatch(/(Nothing|Little) stalled in/);
  });

  test('loss lowers the confidence in words', async () => {
    const json = join(folder, 'lossy.json');
    const page = join(folder, 'lossy.html');
    await runCli('report', LOSSY, '-o', page, '--json', json, '--quiet');
    const { headline, quality } = parseReport(readFileSync(json, 'utf8'));
    expect(headline.confidence).not.toBe('high');
    expect(headline.confidence_reasons.join(' ')).toMatch(/lost/);
    expect(readFileSync(page, 'utf8')).toMatch(/Time lost: at least [\d.]+ s/);
    expect(quality.lost_events).toBeGreaterThan(1000);
  });

  test('nothing half-written stays behind', async () => {
    const before = readdirSync(folder);
    const { code, err } = await runCli('report', SLOW, '-o', join(folder, 'no', 'page.html'));
    expect(code).toBe(2);
    expect(err).toMatch(/there is no folder/);
    expect(readdirSync(folder)).toEqual(before);
    expect(readdirSync(folder).filter((name) => name.includes('.part'))).toEqual([]);
  });
});

describe('the program itself', () => {
  test('--version is the package version', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(VERSION).toBe(version);
    expect(await runCli('--version')).toEqual({ code: 0, out: `${version}\n`, err: '' });
  });

  test('--help names every command', async () => {
    const { code, out } = await runCli('--help');
    expect(code).toBe(0);
    for (const name of ['inspect', 'tables', 'replay', 'report']) expect(out).toContain(name);
  });

  test.each([
    [['inspekt', SLOW], /did you mean inspect/i],
    [['inspect'], /missing required argument/],
    [['inspect', SLOW, '--jsn'], /unknown option.*--json/is],
    [['tables', SLOW, '--csv', '--json'], /exclude each other/],
    [['report', SLOW, '-o', 'x.html', '--json', 'x.html'], /same file/],
  ])('%j is refused with exit code 2', async (args, message) => {
    const { code, out, err } = await runCli(...args);
    expect(code).toBe(2);
    expect(out).toBe('');
    expect(err).toMatch(message);
  });
});
