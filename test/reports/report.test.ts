import { expect, test } from 'vitest';
import {
  buildReport,
  parseReport,
  renderHtml,
  renderJson,
  renderText,
} from '../../reports/index.ts';
import { hostileReport } from '../helpers/hostile-report.ts';
import { lossyInput, sampleInput, sampleReport } from '../helpers/sample-report.ts';

const ASSETS = {
  template:
    '<head><!-- slot: policy --><!-- slot: title --></head><!-- slot: verdict -->' +
    '<!-- slot: answers --><!-- slot: report --><!-- slot: script -->',
  css: 'p{}',
  script: 'start()',
};

test('a report survives the way through JSON', () => {
  for (const input of [sampleInput(), lossyInput()]) {
    const report = buildReport(input);
    expect(parseReport(renderJson(report))).toEqual(report);
    expect(parseReport(JSON.stringify(report))).toEqual(report);
  }
  expect(parseReport(renderJson(hostileReport()))).toEqual(hostileReport());
});

test('a document that is no report is refused with the name of the field', () => {
  expect(() => parseReport('{"schema":"tidemark-report","version":2}')).toThrow(/version/);
});

test('the same input gives the same bytes', () => {
  const outputs = () => {
    const report = buildReport(sampleInput());
    return [renderJson(report), renderText(report), renderHtml(report, ASSETS)];
  };
  expect(outputs()).toEqual(outputs());
});

test('numbers that JSON does not know become gaps', () => {
  const input = sampleInput();
  const [first, ...rest] = input.findings;
  const report = buildReport({
    ...input,
    findings: [
      {
        ...first,
        details: [
          {
            kind: 'table',
            id: 't',
            title: 't',
            columns: [{ key: 'a', label: 'a', unit: 'count' }],
            rows: [{ a: Number.NaN }, { a: Number.POSITIVE_INFINITY }, {}, { a: 3 }],
            omitted: 0,
          },
        ],
      },
      ...rest,
    ],
  });
  const [table] = report.sections[0].details;
  expect(table).toMatchObject({ rows: [[null], [null], [null], [3]] });
  expect(parseReport(renderJson(report))).toEqual(report);
});

test('the main chart is the one asked for, else the first timeline', () => {
  expect(sampleReport().headline.chart_id).toBe('dirty-against-limits');
  const { chart_id: _, ...headline } = sampleInput().headline;
  const findings = sampleInput().findings.slice(1);
  expect(buildReport({ ...sampleInput(), headline, findings }).headline.chart_id).toBe('pauses');
  expect(buildReport({ ...sampleInput(), findings: [] }).headline).not.toHaveProperty('chart_id');
});

test('text for a terminal fits a screen and holds no control bytes', () => {
  for (const report of [sampleReport(), buildReport(lossyInput()), hostileReport()]) {
    const lines = renderText(report).split('\n');
    expect(lines.length).toBeLessThanOrEqual(25);
    for (const line of lines) {
      expect([...line].length).toBeLessThanOrEqual(80);
      expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
    }
  }
  expect(renderText(sampleReport())).toMatchInlineSnapshot(`
    "fio-2210 was paused for 14.8 s of 18.2 s because it dirtied pages faster than
    device 7:0 wrote them.

      Total time paused  14.8 s
      Most paused task   fio-2210, 14.8 s
      Device             7:0, 40.1 MiB/s
      Capture            18.2 s, 42,754 events

    High confidence. No events were lost. Every recorded limit and rate was
    recomputed and equals the recorded one.

    Tasks that lost most time
      Task               Device  Pauses  Time paused  Longest pause
      fio-2210           7:0        121       13.2 s         196 ms
      jbd2/loop0-8-2199  7:0          2        24 ms          16 ms

      ● Found          Dirty pages against the limits
      ● Found          Pauses of writers
      ● Found          Write bandwidth and rate limits
      ✓ Clear          The kernel's own arithmetic
      ? Unknown        Reclaim waiting for writeback
      – Not applicable Limits of a control group
    "
  `);
});

test('hostile names are escaped, and cannot fill the slots of the page', () => {
  const html = renderHtml(hostileReport(), ASSETS);
  expect(html.match(/<script/g)).toHaveLength(2);
  expect(html.match(/<\/script/g)).toHaveLength(2);
  expect(html).not.toMatch(/<img|<svg|onload="|\u2028|\u2029|\u202e|\u0000/);
  expect(html.match(/start\(\)/g)).toHaveLength(1);
  const json = /id="report">(.*?)<\/script>/.exec(html)?.[1] ?? '';
  expect(parseReport(json)).toEqual(hostileReport());
});

test('the policy allows the script and the style of the page and nothing else', () => {
  const html = renderHtml(sampleReport(), ASSETS);
  expect(/Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1]).toMatchInlineSnapshot(
    `"default-src 'none'; script-src 'sha256-DIm7WJS6ZKDYe5qFLPy+h4JFI9Bol5QmYC57mt3Fb00='; style-src 'sha256-gG2yISYereRMiG2lMXrbiUgi0Ubw9p7QCeWcroOvy9Y='; img-src data:; base-uri 'none'; form-action 'none'"`,
  );
  expect(() => renderHtml(sampleReport(), { ...ASSETS, script: 'x="</script>"' })).toThrow(
    /cannot be inlined/,
  );
});
