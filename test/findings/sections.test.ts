/** The sections of a report: what they count, what they say when something is missing. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { openTrace } from '../../parsers/index.ts';
import { redactTrace } from '../../src/cli/report/redact-trace.ts';
import { Context } from '../../src/findings/context.ts';
import type { Detail, Heatmap, Lanes, Timeline } from '../../src/findings/detail.ts';
import { diagnose } from '../../src/findings/diagnose.ts';
import { SECTIONS } from '../../src/findings/index.ts';
import { kernelText } from '../../src/findings/kernel-text.ts';
import { proofCharts } from '../../src/findings/proof.ts';
import { runFindings } from '../../src/findings/run.ts';
import { numberColumn } from '../../src/trace/column.ts';
import { makeTable } from '../../src/trace/table.ts';
import type { Trace } from '../../src/trace/trace.ts';
import { type EventRow, makeTrace, type TraceFacts } from '../helpers/trace-builder.ts';

const MS = 1e6;
const DEV = 7 * 2 ** 20;

function sectionsOf(trace: Trace, window?: readonly [number, number]) {
  return runFindings(SECTIONS, new Context(diagnose(trace), window));
}

function chart<T extends Detail>(trace: Trace, id: string, window?: readonly [number, number]): T {
  const details = sectionsOf(trace, window).flatMap((section) => section.details);
  const found = details.find((detail) => detail.id === id);
  if (found === undefined) throw new Error(`no chart ${id} among ${details.map((d) => d.id)}`);
  return found as T;
}

function traceOf(rows: readonly EventRow[], facts: TraceFacts = {}): Trace {
  return makeTrace([...rows, { event: 'print', ts_ns: 1000 * MS, text: 'end' }], facts);
}

test('without any event every section says why it is empty, and most what to record', () => {
  const sections = sectionsOf(makeTrace([]));
  for (const { id, status, summary, details } of sections) {
    expect(details, id).toEqual([]);
    expect(status, id).toMatch(/^(unknown|clear)$/);
    expect(summary, id).not.toBe('');
  }
  const told = sections.filter(({ summary }) => /Record it next time|Sample/.test(summary));
  expect(told.length).toBeGreaterThanOrEqual(12);
});

test('requests in flight are counted from sends and ends, those without answer apart', () => {
  const request = (event: string, ms: number, unique: number, opcode = 'FUSE_WRITE'): EventRow => ({
    event: `fuse_request_${event}`,
    ts_ns: ms * MS,
    connection: 39,
    unique,
    opcode,
  });
  const trace = traceOf([
    request('send', 100, 2),
    request('send', 200, 4),
    request('send', 250, 6, 'FUSE_FORGET'),
    request('end', 300, 2),
    // Sent before the capture began.
    request('end', 350, 99),
    request('end', 400, 4),
  ]);
  const { series, title } = chart<Timeline>(trace, 'fuse-in-flight');
  expect(title).toMatch(/^Up to 2\u00a0requests waited/);
  expect([...(series[0]?.values ?? [])]).toEqual([0, 1, 2, 1, 0]);
  expect(series[0]?.role).toBe('inferred');
});

test('latencies of a device fall into cells of time and length', () => {
  const step = (event: string, ms: number, sector: number, nr_sectors = 8): EventRow => ({
    event: `block_rq_${event}`,
    ts_ns: ms * MS,
    dev: DEV,
    sector,
    nr_sectors,
  });
  const trace = traceOf([
    step('issue', 100, 0),
    step('complete', 100.4, 0),
    step('issue', 100, 64, 16),
    // In two parts: the request is complete with the second.
    step('complete', 150, 64, 8),
    step('complete', 160, 72, 8),
    step('issue', 500, 128),
  ]);
  const { rows, cells, bin_ns, title } = chart<Heatmap>(trace, 'block-latency-0');
  expect(title).toMatch(/^7:0: 2\u00a0requests/);
  expect(bin_ns).toBe(10 * MS);
  expect(cells.map(({ column, row, count }) => [column, rows[row], count])).toEqual([
    [10, '≤ 500\u00a0µs', 1],
    [10, '≤ 100\u00a0ms', 1],
  ]);
});

test('what reclaim scanned is summed up per bin; bins without events in a loss are gaps', () => {
  const shrink = (ms: number, scanned: number, dirty: number): EventRow => ({
    event: 'mm_vmscan_lru_shrink_inactive',
    ts_ns: ms * MS,
    nr_scanned_pages: scanned,
    nr_reclaimed_pages: scanned - dirty,
    nr_dirty_pages: dirty,
    nr_writeback_pages: 0,
  });
  const losses = [{ cpu: 0, from_ns: 400 * MS, ts_ns: 500 * MS, count: 7 }];
  const trace = traceOf([shrink(100, 32, 8), shrink(102, 32, 0), shrink(700, 16, 0)], { losses });
  const { series, sumsOf_ns, unit } = chart<Timeline>(trace, 'reclaim');
  expect(unit).toBe('bytes_per_s');
  expect(sumsOf_ns).toBe(5 * MS);
  const scanned = series.find(({ id }) => id === 'scanned');
  const at = (ms: number) => scanned?.values[ms / 5];
  expect(at(100)).toBe((64 * 4096) / 0.005);
  expect(at(105)).toBe(0);
  expect(at(450)).toBeNaN();
  expect(at(700)).toBe((16 * 4096) / 0.005);
});

test('a window leaves out what lies outside of it', () => {
  const added = (ms: number, order: number): EventRow => ({
    event: 'mm_filemap_add_to_page_cache',
    ts_ns: ms * MS,
    dev: DEV,
    ino: 12,
    pfn: 1,
    index: 0,
    order,
  });
  const trace = traceOf([added(100, 0), added(600, 4)]);
  const whole = chart<Timeline>(trace, 'page-cache');
  expect(whole.title).toMatch(/^68\u00a0KiB came/);
  const part = chart<Timeline>(trace, 'page-cache', [500 * MS, 700 * MS]);
  expect(part.window_ns).toEqual([500 * MS, 700 * MS]);
  expect(part.series[0]?.values.filter((value) => value > 0)).toHaveLength(1);
});

test('the flusher’s works stand in lanes by bdi, coloured by reason', () => {
  const work = (event: string, ms: number, nr_pages: number): EventRow => ({
    event,
    ts_ns: ms * MS,
    pid: 90,
    comm: 'kworker/u8:1',
    bdi: '7:0',
    sb_dev: 0,
    nr_pages,
    sync_mode: 0,
    for_kupdate: 0,
    range_cyclic: 1,
    for_background: 1,
    reason: 'background',
  });
  const trace = traceOf([
    work('writeback_start', 100, 4096),
    work('writeback_written', 300, 1024),
    { event: 'writeback_pages_written', ts_ns: 301 * MS, pid: 90, written_pages: 3072 },
  ]);
  const { lanes, kinds, bars } = chart<Lanes>(trace, 'flusher-works');
  expect(lanes).toEqual(['flusher of 7:0']);
  expect(kinds).toEqual(['background']);
  expect(bars).toEqual([
    {
      from_ns: 100 * MS,
      to_ns: 300 * MS,
      lane: 0,
      kind: 0,
      text: 'background: wrote 12\u00a0MiB in 200\u00a0ms',
    },
  ]);
});

test('pressure is the share of time, from totals', () => {
  const psi = makeTable('psi_io', {
    ts_ns: numberColumn(Float64Array.of(0, 500 * MS, 1000 * MS), 'ns'),
    some_total: numberColumn(Float64Array.of(1000, 251_000, 251_000), 'us'),
  });
  const trace = { ...traceOf([]), sampleTables: new Map([['psi_io', psi]]) };
  const { series, unit } = chart<Timeline>(trace, 'psi-io');
  expect(unit).toBe('percent');
  expect([...(series[0]?.values ?? [])]).toEqual([Number.NaN, 50, 0]);
});

const SCRIPT = 'fixtures/perf-script/6.18-ext4/slow-writer.txt.gz';

test.each(['balance_dirty_pages', 'global_dirty_state', 'bdi_dirty_ratelimit'])(
  '%s is printed as the kernel prints it',
  async (event) => {
    const { tables } = await openTrace(SCRIPT);
    const printed = gunzipSync(readFileSync(SCRIPT)).toString('utf8').split('\n');
    const said = printed.flatMap((line) => {
      const [, fields] = line.split(`writeback:${event}: `);
      return fields === undefined ? [] : [fields.trim()];
    });
    const table = tables.get(event);
    expect(table?.rows).toBe(said.length);
    for (const [row, fields] of said.entries()) {
      const text = table === undefined ? '' : kernelText(table, row);
      expect(text.split(`: ${event}: `)[1]).toBe(fields);
    }
  },
);

test('every cause has a chart that proves it, and the charts exist', async () => {
  const trace = await openTrace('fixtures/trace-dat/6.18-ext4/slow-writer.dat.gz');
  const ids = sectionsOf(trace).flatMap(({ details }) => details.map(({ id }) => id));
  expect(proofCharts('device-slower-than-writers').find((id) => ids.includes(id))).toBe(
    'dirty-levels',
  );
  expect(proofCharts('fuse-server-stuck')[0]).toBe('fuse-in-flight');
  expect(proofCharts('nothing-that-is-known')[0]).toBe('dirty-levels');
});

test('redaction renames tasks and cgroups, and leaves what threads of the kernel are', () => {
  const dirty = (comm: string, cgroup: string): EventRow => ({
    event: 'writeback_write_inode',
    ts_ns: MS,
    comm,
    bdi: '7:0',
    cgroup,
  });
  const trace = traceOf([
    dirty('mysqld', '/prod/db'),
    dirty('jbd2/sda1-8', '/'),
    dirty('kworker/u8:2', '/prod/db'),
    dirty('loop3', '/prod/web'),
    dirty('mysqld', '/prod/web'),
  ]);
  const texts = (name: string) => {
    const column = redactTrace(trace).tables.get('writeback_write_inode')?.columns[name];
    return column?.kind === 'text'
      ? Array.from(column.codes, (code) => column.dictionary[code])
      : [];
  };
  const [task, journal, worker, loop, again] = texts('comm');
  expect(task).toMatch(/^task-\d+$/);
  expect(again).toBe(task);
  expect(journal).toMatch(/^jbd2\/disk-\d+-8$/);
  expect(worker).toBe('kworker/u8:2');
  expect(loop).toBe('loop1');
  expect(texts('cgroup')).toEqual(['/cgroup-1', '/', '/cgroup-1', '/cgroup-2', '/cgroup-2']);
});
