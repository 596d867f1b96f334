import { expect, test } from 'vitest';
import { buildReport } from '../../reports/build/report.ts';
import { DEFAULT_OPTIONS, SIDES } from '../../reports/charts/theme.ts';
import { timelineSpec } from '../../reports/charts/timeline.ts';
import { causeRows, differenceText, rowTexts } from '../../reports/compared.ts';
import { comparisonVerdict } from '../../reports/render/comparison-html.ts';
import { renderReportMarkdown, renderReportText } from '../../reports/render/comparison-text.ts';
import type { ReportComparedNumber } from '../../reports/schema/comparison.ts';
import { parseReport, type Report, type ReportTimeline } from '../../reports/schema/report.ts';
import type { Comparison } from '../../src/findings/against/comparison.ts';
import { lossyInput } from '../helpers/sample-report.ts';

const HOSTILE = '</script><img src=x onerror=alert(1)> \u202e|`x`';

const number = (given: Partial<ReportComparedNumber>): ReportComparedNumber => ({
  group: 'Waiting',
  name: 'Waited',
  unit: 'ns',
  before: 0,
  after: 0,
  judged: 'same',
  basis: '',
  is_key: true,
  ...given,
});

test.each([
  [{ before: 8.2e9, after: 0.2e9 }, '−8 s (−98%)'],
  [{ before: 1e9, after: 4.2e9 }, '+3.20 s (4.2 times)'],
  [{ before: 0, after: 5e6 }, '+5 ms'],
  [{ before: 5, after: 5 }, ''],
  [{ before: null, after: 5 }, ''],
  [{ before: 2 ** 20, after: 3 * 2 ** 19, unit: 'bytes' as const }, '+512 KiB (+50%)'],
])('the difference of %o is %s', (given, text) => {
  expect(differenceText(number(given)).replaceAll('\u00a0', ' ')).toBe(text);
});

const comparison = (name = 'Waited'): Comparison => ({
  answer: 'better',
  sentence: `It became better: ${name}.`,
  detail: '',
  reasons: [name],
  setup: [{ kind: 'work', name, before: name, after: 'b' }],
  numbers: [
    {
      group: 'Waiting',
      name,
      unit: 'ns',
      before: 2e9,
      after: 1e9,
      judged: 'better',
      basis: name,
      isKey: true,
    },
  ],
  causes: [
    {
      id: 'none',
      title: name,
      before: 'found',
      after: 'clear',
      before_s: 1,
      after_s: 0,
      judged: 'better',
    },
  ],
  alignment: {
    by: 'start',
    zero: name,
    sentence: name,
    origins_ns: { before: 0, after: 1e9 },
    window_ns: [-1e9, 1e10],
  },
  isPart: false,
  sections: [],
});

function pairReport(name?: string): Report {
  const input = lossyInput();
  return buildReport({ ...input, comparison: { result: comparison(name), before: input } });
}

test('the document is read back as it was built', () => {
  const report = pairReport();
  expect(parseReport(JSON.stringify(report))).toEqual(report);
});

test('hostile names stay text in the page, in Markdown and in a terminal', () => {
  const report = pairReport(HOSTILE);
  expect(comparisonVerdict(report)).not.toMatch(/<img|<\/script>|\u202e/);
  expect(renderReportText(report)).not.toContain('\u202e');
  expect(renderReportMarkdown(report)).not.toMatch(/(?<!\\)<img/);
});

test('a cause that cost nothing is said by its answer', () => {
  const { comparison: compared } = pairReport();
  const rows = compared === undefined ? [] : causeRows(compared);
  expect(rows.map(rowTexts)).toEqual([['1 s', 'clear']]);
});

const chart = (extent?: [number, number]): ReportTimeline => ({
  kind: 'timeline',
  id: 'levels',
  title: 'Levels',
  subtitle: '',
  unit: 'count',
  caption: '',
  zero: 'the work began',
  window_ns: [-1e9, 5e9],
  series: (['before', 'after'] as const).map((side) => ({
    id: side,
    label: side,
    side,
    role: 'recorded',
    shape: 'step',
    points: 2,
    bin_ns: 0,
    t_ns: [0, 1e9],
    values: [1, 2],
  })),
  bands: [],
  lost: [],
  ...(extent === undefined ? {} : { extent }),
});

test('each side has its hue, the axis says what zero is, and an extent widens the scale', () => {
  const text = (extent?: [number, number]) =>
    JSON.stringify(timelineSpec(chart(extent), DEFAULT_OPTIONS));
  for (const { curve } of Object.values(SIDES)) {
    expect(text()).toContain(curve.light);
    expect(text()).toContain(curve.dark);
  }
  expect(text()).toContain('seconds since the work began');
  expect(text()).not.toContain('400');
  expect(text([0, 400])).toContain('400');
});
