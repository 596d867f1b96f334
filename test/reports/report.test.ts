import { expect, test } from 'vitest';
import { detailCsv } from '../../reports/csv.ts';
import {
  buildReport,
  parseReport,
  redactReport,
  renderHtml,
  renderJson,
} from '../../reports/index.ts';
import { toDiagnosis } from '../../reports/parts.ts';
import { renderDiagnosisText } from '../../reports/render/diagnosis-text.ts';
import { hostileReport } from '../helpers/hostile-report.ts';
import { lossyInput, random, sampleInput, sampleReport } from '../helpers/sample-report.ts';

const ASSETS = {
  template:
    '<head><!-- slot: policy --><!-- slot: title --></head><!-- slot: banner -->' +
    '<!-- slot: verdict --><!-- slot: trust -->' +
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
  expect(() => parseReport('{"schema":"tidemark-report","version":1}')).toThrow(/version/);
});

test('the same input gives the same bytes', () => {
  const outputs = () => {
    const report = buildReport(sampleInput());
    return [renderJson(report), renderHtml(report, ASSETS)];
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
    const lines = renderDiagnosisText(toDiagnosis(report)).split('\n');
    expect(lines.length).toBeLessThanOrEqual(41);
    for (const line of lines) {
      expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
    }
  }
});

test('short bars that touch become one, long ones stay', () => {
  const lanes = sampleReport()
    .sections.flatMap(({ details }) => details)
    .find((detail) => detail.kind === 'lanes');
  expect(lanes?.bars.map(({ lane, count }) => [lane, count])).toEqual([
    [1, 1],
    [0, 1],
    [0, 4000],
  ]);
  expect(lanes?.bars[2]?.text).toBe('4,000 × sync call in 2.00 s');
  expect(lanes?.caption).toMatch(/^Short bars nearer than 11.4 ms to each other/);
});

test('the first screen says who lost time, what to change, and how sure that is', () => {
  const html = renderHtml({ ...sampleReport(), note: 'seen on db-3', title: 'Friday' }, ASSETS);
  const text = html.replace(/<script[\s\S]*?<\/script>/g, '').replace(/<[^>]*>/g, ' ');
  expect(text).toMatch(/Friday[\s\S]*Critical[\s\S]*High confidence \(0\.90\)/);
  expect(text).toMatch(/High confidence \(0\.90\)[\s\S]*fio-2210 was paused/);
  expect(text).toMatch(/seen on db-3[\s\S]*Time lost: 14\.8 s in a capture of 18\.2 s/);
  expect(text).toMatch(/fio 2210 on 7:0 [\s\S]*14\.8 s [\s\S]*121 waits/);
  expect(text).toMatch(/sysctl -w vm\.dirty_bytes=536870912[\s\S]*simulated, level c/);
  const guess = sampleReport();
  guess.diagnosis.verdict.root_cause = 'inconclusive';
  guess.diagnosis.verdict.most_likely = 'device-slower-than-writers';
  expect(renderHtml(guess, ASSETS)).toMatch(/Record again before you change anything/);
});

test('a page of very many restless curves stays below three megabytes', () => {
  const input = sampleInput();
  const [timeline] = input.findings.flatMap(({ details }) => details);
  if (timeline?.kind !== 'timeline') throw new Error('the first detail is a timeline');
  const noise = random(1);
  const t_ns = Float64Array.from({ length: 20_000 }, (_, i) => i * 900_001);
  const series = Array.from({ length: 16 }, (_, i) => ({
    ...timeline.series[0],
    id: `s${i}`,
    label: `curve ${i}`,
    role: 'recorded' as const,
    t_ns,
    values: t_ns.map(() => Math.round(noise() * 1e9)),
  }));
  const finding = { ...input.findings[0], details: Array(24).fill({ ...timeline, series }) };
  const html = renderHtml(buildReport({ ...input, findings: [finding] }), ASSETS);
  expect(html.length).toBeLessThan((3 << 20) - 800_000);
});

test('a part of the capture is said to be one', () => {
  const part = buildReport({ ...sampleInput(), window_ns: [4e9, 9e9] });
  expect(part.window_ns).toEqual([4e9, 9e9]);
  expect(renderHtml(part, ASSETS)).toMatch(/show 4\.00 to 9\.00 s of the 18\.18 s/);
});

test('devices, inodes and cgroups are replaced by the same word everywhere', () => {
  const report = buildReport(sampleInput());
  const texts = JSON.stringify(redactReport(report, ['btrfs-6']));
  expect(texts).not.toMatch(/7:0|inode 12|"ino":"12"|ino=12/);
  expect(texts).toMatch(/disk-1/);
  expect(texts).toMatch(/inode-1/);
  const redacted = redactReport({ ...report, title: 'on 7:0', note: 'btrfs-6' }, ['btrfs-6']);
  expect(redacted).toMatchObject({ redacted: true, title: 'on 7:0', note: 'btrfs-6' });
  expect(redacted.input.name).toBe('capture');
  expect(parseReport(JSON.stringify(redacted))).toEqual(redacted);
});

test.each([
  ['inode 12 on btrfs-6: cgroup_ino=4711', 'inode inode-1 on disk-1: cgroup_ino=cgroup-1'],
  ['dev 7,0 ino 12 parent=2', 'dev disk-1 ino inode-1 parent=inode-2'],
  ['bdi 7:0 from 0.61 s to 17.62 s at 12:30:15', 'bdi disk-1 from 0.61 s to 17.62 s at 12:30:15'],
  ['cgroup_ino=1 cgroup 1', 'cgroup_ino=1 cgroup 1'],
  [
    'connection 39 req 2; echo 1 > /sys/fs/fuse/connections/39/abort',
    'connection connection-1 req 2; echo 1 > /sys/fs/fuse/connections/connection-1/abort',
  ],
])('%s is redacted', (text, expected) => {
  const input = sampleInput();
  const headline = { ...input.headline, sentence: text };
  const report = buildReport({ ...input, headline });
  expect(redactReport(report, ['btrfs-6']).headline.sentence).toBe(expected);
});

test('CSV holds every drawn value, and no formula', () => {
  const details = sampleReport().sections.flatMap((section) => section.details);
  const lines = (id: string) => {
    const detail = details.find((one) => one.id === id);
    return detail === undefined ? [] : detailCsv(detail).trimEnd().split('\n');
  };
  expect(lines('pauses')[0]).toBe('curve,kind,t_ns,value,unit,error_bound');
  expect(lines('sync-lanes')).toContain(
    'fio 2210: fsync,sync call,4000000000,9000000000,1,fsync took 5 s',
  );
  expect(lines('block-latency-0')).toHaveLength(61);
  const note = detailCsv({ kind: 'note', id: 'n', text: '=HYPERLINK("x")' });
  expect(note).toBe('note\n"\'=HYPERLINK(""x"")"\n');
});

test('hostile names are escaped, and cannot fill the slots of the page', () => {
  const html = renderHtml(hostileReport(), ASSETS);
  expect(html.match(/<script/g)).toHaveLength(2);
  expect(html.match(/<\/script/g)).toHaveLength(2);
  // The bars beside the victims are ours.
  expect(html).not.toMatch(
    /<img|<svg (?!viewBox="0 0 100 10")|onload="|\u2028|\u2029|\u202e|\u0000/,
  );
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
