/** Sections on other kernels: when they stand in a report, and that they say what they are. */
import { describe, expect, test } from 'vitest';
import { openTrace } from '../../parsers/index.ts';
import { renderReportMarkdown } from '../../reports/index.ts';
import { makeReport } from '../../src/cli/report/one.ts';
import { Context } from '../../src/findings/context.ts';
import type { DetailTable, Timeline } from '../../src/findings/detail.ts';
import { diagnose } from '../../src/findings/diagnose.ts';
import type { Finding } from '../../src/findings/finding.ts';
import { runFindings } from '../../src/findings/run.ts';
import { otherSystems } from '../../src/findings/sections/other-systems.ts';
import type { Trace } from '../../src/trace/trace.ts';
import { FIXTURES } from '../helpers/bytes.ts';
import { fuseRows, treeTrace } from '../helpers/system-traces.ts';
import { makeTrace } from '../helpers/trace-builder.ts';

const sections = (trace: Trace, window?: readonly [number, number]): readonly Finding[] =>
  runFindings(otherSystems, new Context(diagnose(trace), window));

function only(trace: Trace, window?: readonly [number, number]): Finding {
  const [section, ...more] = sections(trace, window);
  expect(more).toEqual([]);
  if (section === undefined) throw new Error('no section');
  return section;
}

const charts = ({ details }: Finding) =>
  details.filter((detail): detail is Timeline => detail.kind === 'timeline');
const tableOf = ({ details }: Finding) =>
  details.find((detail): detail is DetailTable => detail.kind === 'table');
const most = (chart: Timeline | undefined, series: string) =>
  Math.max(...(chart?.series.find(({ id }) => id === series)?.values ?? [Number.NaN]));

test('a capture without such state has no such section', async () => {
  expect(sections(makeTrace([]))).toEqual([]);
  expect(sections(makeTrace(fuseRows(5).filter(({ event }) => !/fuse/.test(event))))).toEqual([]);
  const report = makeReport('empty', makeTrace([]));
  expect(report.sections.filter(({ id }) => id.startsWith('other-systems'))).toEqual([]);
  expect(renderReportMarkdown(report)).not.toContain('Comparison level c');
});

test('every one is labelled: a counterfactual, with the fit of the recorded system', async () => {
  const traces = [
    treeTrace(),
    makeTrace(fuseRows(500)),
    await openTrace(`${FIXTURES}trace-dat/6.18-ext4/slow-writer.dat.gz`),
  ];
  for (const trace of traces) {
    const section = only(trace);
    expect(section).toMatchObject({ status: 'shown', level: 'c' });
    expect(section.summary).toContain('Counterfactual: the recorded events');
    // The FUSE trace has no sample that could be compared.
    const isKnown = section.id !== 'other-systems-fuse';
    expect(section.summary).toMatch(
      isKnown ? /predicted right for [\d.]+% ±\d+ pages of nr_dirty/ : /predicted is not known/,
    );
    for (const row of tableOf(section)?.rows ?? []) {
      expect(row.fit).toMatch(isKnown ? /^[\d.]+% ±\d+ pages$/ : /^unknown$/);
    }
    const roles = charts(section).flatMap(({ series }) => series.map(({ role }) => role));
    expect(roles).toContain('counterfactual');
    const recorded = tableOf(section)?.rows[0];
    expect(recorded).toMatchObject({ difference: undefined, at: undefined });
    expect(String(recorded?.system)).toContain('(recorded)');
  }
});

describe('btrfs', () => {
  test('metadata share, the level with its fit, and nodes against the gate', () => {
    const section = only(treeTrace());
    const [level, share, gate] = charts(section);
    expect(level?.subtitle).toContain('the same under btrfs-metadata-bytes and btrfs-metadata-');
    expect(level?.series.map(({ id, role }) => [id, role])).toEqual([
      ['recorded', 'recorded'],
      ['btrfs', 'predicted'],
      ['btrfs-gate', 'counterfactual'],
      ['freerun', 'limit'],
    ]);
    expect(level?.series[1]?.errorBound).toBeGreaterThan(0);
    expect([most(level, 'recorded'), most(level, 'btrfs')]).toEqual([80 * 4096, 80 * 4096]);
    expect(most(share, 'share')).toBe(100);
    expect([most(gate, 'btrfs'), most(gate, 'gate')]).toEqual([80 * 4096, 32 * 2 ** 20]);
    expect(tableOf(section)?.rows.map(({ system, difference }) => [system, difference])).toEqual([
      ['btrfs (recorded)', undefined],
      ['btrfs-metadata-bytes', 0],
      ['btrfs-metadata-pages', 0],
      ['btrfs-gate', 80 * 4096],
    ]);
    expect(section.weakenedBy.join(' ')).toContain('Node size 16 KiB');
  });

  test('a window shows its part only', () => {
    const whole = only(treeTrace());
    const part = only(treeTrace(), [0, 10e6]);
    const points = (section: Finding) => charts(section)[1]?.series[0]?.t_ns ?? [];
    expect(Math.max(...points(part))).toBeLessThanOrEqual(10e6);
    expect(points(part).length).toBeLessThan(points(whole).length);
    // Before the flusher came, all systems are alike.
    expect(part.summary).toContain('is the same at all times');
  });
});

describe('FUSE', () => {
  test('pending bytes, and who holds what is under writeback', () => {
    const section = only(makeTrace(fuseRows(500), { kernel: '7.0.0' }));
    const [pending, held] = charts(section);
    expect(most(pending, 'pending-39')).toBe(4 * 4096 + 80);
    expect(most(held, 'fuse-in-place-NR_WRITEBACK')).toBe(4 * 4096);
    expect(most(held, 'fuse-temp-pages-NR_WRITEBACK')).toBe(0);
    expect(most(held, 'fuse-temp-pages-NR_WRITEBACK_TEMP')).toBe(4 * 4096);
    expect(section.summary).toContain(
      'Under fuse-temp-pages dirty + writeback is up to 16\u00a0KiB less',
    );
  });

  test('until 6.15 the copies are what was recorded', () => {
    const [recorded] = tableOf(only(makeTrace(fuseRows(500), { kernel: '6.12.0' })))?.rows ?? [];
    expect(recorded).toMatchObject({ system: 'fuse-temp-pages (recorded)', memory: 4 * 4096 });
  });
});

test('large folios of ext4: what their state takes, and that blocks are not known', async () => {
  const trace = await openTrace(`${FIXTURES}trace-dat/6.18-ext4/slow-writer.dat.gz`);
  const section = only(trace);
  expect(section.id).toBe('other-systems-blocks');
  expect(section.summary).toContain('not recorded (iomap_iter, iomap_iter_dstmap)');
  const [state] = charts(section);
  expect(most(state, 'ext4')).toBeGreaterThan(100 * most(state, 'xfs'));
});

test('it is in the report, as JSON and as Markdown', () => {
  const report = makeReport('trees', treeTrace());
  const section = report.sections.find(({ id }) => id === 'other-systems-trees');
  expect(section?.details.filter(({ kind }) => kind === 'timeline')).toHaveLength(3);
  const markdown = renderReportMarkdown(report);
  expect(markdown).toContain('### btrfs metadata under other accounting');
  expect(markdown).toContain('_Comparison level c, simulation._');
  expect(markdown).toMatch(/^\| btrfs-gate \| 320 KiB \| [^|]+ \| [\d.]+% ±\d+ pages \|/m);
});
