/** `tidemark diagnose`: formats, exit codes, configuration. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { renderDiagnosisMarkdown } from '../../reports/render/diagnosis-markdown.ts';
import { renderDiagnosisText } from '../../reports/render/diagnosis-text.ts';
import { parseDiagnosis } from '../../reports/schema/diagnosis.ts';
import { documentOf } from '../../src/cli/report/diagnosis-document.ts';
import { diagnose } from '../../src/findings/diagnose.ts';
import { SETTINGS } from '../../src/findings/settings.ts';
import { ROOT } from '../helpers/bytes.ts';
import { runCli } from '../helpers/run-cli.ts';
import { dirtying, fsync, sceneTrace, throttled } from '../helpers/scenes.ts';

const SLOW = `${ROOT}fixtures/trace-dat/6.18-ext4/slow-writer.dat.gz`;
const CALM = `${ROOT}fixtures/trace-dat/6.18-ext4/calm.dat.gz`;
const LOSSY = `${ROOT}fixtures/trace-dat/6.18-ext4/lossy.dat.gz`;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'diagnose-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const cli = (...args: string[]) => runCli('diagnose', ...args, '--quiet');

/** One screen: 40 lines of 100 columns, and no sentence that a template left open. */
function expectScreen(text: string): void {
  const lines = text.trimEnd().split('\n');
  expect(lines.length).toBeLessThanOrEqual(40);
  expect(lines.filter((line) => [...line].length > 100)).toEqual([]);
  expect(text).not.toMatch(/\b(?:NaN|undefined|Infinity)\b|\b1 (?:pauses|events|waits|times)\b/);
}

describe('text', () => {
  test('the answer first, its proof, what to do', async () => {
    const { code, out } = await cli(SLOW);
    expect(code).toBe(0);
    expectScreen(out);
    const [title, id, , summary] = out.split('\n');
    expect(title).not.toBe('');
    expect(id).toMatch(/^[a-z-]+; severity \w+, confidence \d\.\d\d$/);
    expect(summary).toMatch(/\(pid \d+\) lost/);
    for (const label of ['Time lost', 'Waited', 'Behind it', 'Compared', 'Evidence', 'Do']) {
      expect(out).toMatch(new RegExp(`^${label} `, 'm'));
    }
  });

  test('nothing stalled', async () => {
    const { out } = await cli(CALM);
    expectScreen(out);
    expect(out).toMatch(/^Nothing stalled\nnone; severity info/);
  });

  test('lost events: what is weak about it, and what to record next time', async () => {
    const { out } = await cli(LOSSY);
    expectScreen(out);
    expect(out).toMatch(/events? (?:\([\d.]+%\) )?(?:was|were) lost while recording/);
    expect(out).toMatch(/^Next time {4}\$ trace-cmd record/m);
  });

  const SHARED = `${ROOT}../shared/captures/`;
  const incidents = 'bdi-limit btrfs-meta fsync-bulk fuse-stuck healthy journal knob lossy memcg';
  const more = 'noisy-bdi periodic pressure slow-device small-limit sync-storm';
  const names = `${incidents} ${more}`.split(' ');
  test.skipIf(!existsSync(SHARED)).each(names)('%s', { timeout: 60_000 }, async (name) => {
    expectScreen((await cli(`${SHARED}incidents/${name}/trace.dat.gz`)).out);
  });
});

describe('other formats', () => {
  test('--json is the document that the schema describes, the same every time', async () => {
    const [first, second] = [await cli(SLOW, '--json'), await cli(SLOW, '--json')];
    expect(first.out).toBe(second.out);
    const document = parseDiagnosis(first.out);
    expect(document).toMatchObject({ schema: 'tidemark-diagnosis', version: 1 });
    expect(document.findings.map(({ id }) => id)).toContain(document.verdict.root_cause);
    expect(document.findings.every(({ status }) => status !== 'error')).toBe(true);
  });

  test('--markdown has the sections of a postmortem', async () => {
    const { out } = await cli(SLOW, '--markdown');
    for (const section of ['Who waited', 'What is behind it', 'Evidence', 'What to do', 'Data']) {
      expect(out).toContain(`### ${section}\n`);
    }
  });

  test('--json and --markdown exclude each other', async () => {
    const { code, err } = await cli(SLOW, '--json', '--markdown');
    expect(code).toBe(2);
    expect(err).toContain('--json and --markdown exclude each other');
  });
});

describe('hostile names', () => {
  const NAME = 'a|b`c`\n# <b>x</b>\u202e[y](z)';
  const trace = sceneTrace([
    ...throttled({ comm: NAME }),
    ...dirtying({ mib: 20, comm: NAME, until_s: 9 }),
    ...fsync({ from_s: 1, for_s: 0.1, comm: NAME }),
  ]);
  const document = documentOf(`dir/${NAME}.dat`, diagnose(trace));

  test('in Markdown they stay text, and tables stay tables', () => {
    // In fenced code everything is text but the end of the fence.
    const text = renderDiagnosisMarkdown(document).replace(/^```[\s\S]*?^```$/gm, '');
    expect(text).not.toContain('```');
    expect(text).not.toContain('\u202e');
    expect(text).not.toMatch(/[^\\]<b>/);
    expect(text).not.toMatch(/^# /m);
    expect(text).not.toMatch(/[^\\]\[y\]\(z\)/);
    const rows = text.split('\n').filter((line) => line.startsWith('| '));
    for (const table of ['Task', 'Number', 'Cause']) {
      const head = rows.findIndex((line) => line.startsWith(`| ${table} |`));
      const cells = (line = '') => line.replaceAll('\\|', '').split('|').length;
      expect(cells(rows[head + 2])).toBe(cells(rows[head]));
    }
  });

  test.each(['# x', '- x', '1. x', '=== x'])('a name %s begins no block', (name) => {
    const named = documentOf('x.dat', diagnose(sceneTrace(throttled({ comm: name }))));
    const lines = renderDiagnosisMarkdown(named).split('\n');
    expect(lines.filter((line) => line.startsWith(name))).toEqual([]);
  });

  test('in a terminal they cannot end a line or turn its direction', () => {
    const text = renderDiagnosisText(document);
    expectScreen(text);
    expect(text).not.toContain('\u202e');
    expect(text).not.toMatch(/^# /m);
  });
});

describe('--fail-on', () => {
  test('exit code 1 from that severity on, 0 below', async () => {
    const { severity } = parseDiagnosis((await cli(SLOW, '--json')).out).verdict;
    expect(severity).toBe('critical');
    expect((await cli(SLOW, '--fail-on', 'critical')).code).toBe(1);
    expect((await cli(SLOW, '--fail-on', 'notice')).code).toBe(1);
    expect((await cli(CALM, '--fail-on', 'info')).code).toBe(0);
    expect((await cli(CALM, '--fail-on', 'warning')).code).toBe(0);
  });

  test('a severity that does not exist', async () => {
    const { code, err } = await cli(SLOW, '--fail-on', 'loud');
    expect(code).toBe(2);
    expect(err).toContain('info, notice, warning, critical');
  });
});

describe('--config', () => {
  const config = (content: unknown): string => {
    const path = join(folder, 'rules.json');
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
    return path;
  };

  test('a cause that is off is not asked, and another one is named', async () => {
    const before = parseDiagnosis((await cli(SLOW, '--json')).out).verdict.root_cause;
    const path = config({ rules: { [before]: 'off' } });
    const { verdict, findings } = parseDiagnosis((await cli(SLOW, '--json', '--config', path)).out);
    expect(verdict.root_cause).not.toBe(before);
    expect(findings.find(({ id }) => id === before)).toMatchObject({ status: 'off' });
  });

  test('thresholds: what is notable is a matter of taste', async () => {
    const strict = { 'critical.share': 1000, 'warning.share': 999 };
    const path = config({ thresholds: strict });
    const { verdict } = parseDiagnosis((await cli(SLOW, '--json', '--config', path)).out);
    expect(verdict.severity).toBe('notice');
  });

  test('tidemark.config.json of the current folder is used by itself', async () => {
    const before = process.cwd();
    const path = join(folder, 'tidemark.config.json');
    writeFileSync(path, JSON.stringify({ rules: { 'sync-storm': 'off' } }));
    process.chdir(folder);
    try {
      const { findings } = parseDiagnosis((await cli(SLOW, '--json')).out);
      expect(findings.find(({ id }) => id === 'sync-storm')?.status).toBe('off');
    } finally {
      process.chdir(before);
      rmSync(path);
    }
  });

  test.each([
    [{ rules: { 'slow-disk': 'off' } }, /rules has no "slow-disk"; there are .*slow-bdi-shares/],
    [{ thresholds: { drain: 1 } }, new RegExp(`no "drain"; there are ${Object.keys(SETTINGS)[0]}`)],
    [{ rules: { 'sync-storm': 'maybe' } }, /rules\.sync-storm is neither on nor off/],
    [{ thresholds: { 'notice.share': -1 } }, /thresholds\.notice\.share is below 0/],
    [{ rule: {} }, /has no "rule"; there are rules, thresholds/],
    ['{', /is not JSON: /],
    [[], /expected object/],
  ])('%j is refused in one sentence', async (content, message) => {
    const { code, out, err } = await cli(SLOW, '--config', config(content));
    expect(code).toBe(2);
    expect(out).toBe('');
    expect(err).toMatch(message);
    expect(err.trimEnd().split('\n')).toHaveLength(1);
  });

  test('a file that is not there', async () => {
    const { code, err } = await cli(SLOW, '--config', join(folder, 'none.json'));
    expect(code).toBe(2);
    expect(err).toContain('cannot read');
  });
});

test('one event tells of no length of time', async () => {
  const path = join(folder, 'one.txt');
  writeFileSync(
    path,
    '  fio-812 [000] .....  100.000000: balance_dirty_pages: bdi 7:0: limit=2048 setpoint=1792 ' +
      'dirty=1609 bdi_setpoint=1719 bdi_dirty=1600 dirty_ratelimit=15092 task_ratelimit=20556 ' +
      'dirtied=64 dirtied_pause=16 paused=0 pause=20 period=12 think=-8 cgroup_ino=1\n',
  );
  const { verdict } = JSON.parse((await cli(path, '--json')).out);
  expect(verdict).toMatchObject({ root_cause: 'inconclusive', confidence: 0 });
  expect(verdict.summary).toMatch(/of one moment/);
});

test('a clock that counts no time tells of no length of time', async () => {
  const path = join(folder, 'counter.txt');
  const line = (at: number) =>
    `  fio-812 [000] ..... ${at}: balance_dirty_pages: bdi 7:0: limit=2048 setpoint=1792 ` +
    'dirty=1609 bdi_setpoint=1719 bdi_dirty=1600 dirty_ratelimit=15092 task_ratelimit=20556 ' +
    'dirtied=64 dirtied_pause=16 paused=0 pause=200 period=212 think=-8 cgroup_ino=1\n';
  writeFileSync(path, [1201, 1377, 1502, 1760].map(line).join(''));
  const { verdict } = JSON.parse((await cli(path, '--json')).out);
  expect(verdict).toMatchObject({ root_cause: 'inconclusive', confidence: 0 });
  expect(verdict.summary).toMatch(/does not count nanoseconds/);
});

test('input that is no capture', async () => {
  const path = join(folder, 'text.txt');
  writeFileSync(path, 'nothing of the kind\n');
  const { code, out, err } = await cli(path);
  expect(code).toBe(2);
  expect(out).toBe('');
  expect(err).toMatch(/^tidemark: /);
});
