/** The door: sniffing, what lies beside a trace, and captures cut off while packed. */
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTrace } from '../../parsers/index.ts';
import { FormatError, UsageError } from '../../src/trace/errors.ts';
import { FIXTURES, fixtureBytes, fixturesOf } from '../helpers/bytes.ts';
import { buildTraceDat, type TraceDatSpec } from '../helpers/trace-dat-builder.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-open-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

let made = 0;
/** A folder of its own with these files; returns the path of the first. */
function capture(files: Readonly<Record<string, Uint8Array | string>>): string {
  const place = mkdtempSync(join(folder, `c${made++}-`));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(place, name), content);
  return join(place, Object.keys(files)[0] ?? '');
}

const SPEC: TraceDatSpec = {
  events: [{ id: 300, name: 'tick', system: 'test', fields: { n: 'u32' } }],
  cpus: [
    [
      {
        time: 5_000_000_000n,
        items: [
          { event: 'tick', after: 0 },
          { event: 'tick', after: 100_000_000 },
        ],
      },
    ],
  ],
  uname: 'Linux host 6.6.0 x86_64',
  clock: 'mono',
};
const dat = buildTraceDat(SPEC).bytes;
const codes = (trace: Awaited<ReturnType<typeof openTrace>>) =>
  trace.diagnostics.map(({ code }) => code);

describe('what lies beside', () => {
  test.each([
    ['trace.dat', 'trace.meta.json', 'trace.vmstat.csv'],
    ['x.v6.dat', 'x.v6.meta.json', 'x.vmstat.csv'],
    ['x.v6.dat.gz', 'x.meta.json', 'x.v6.dat.vmstat.csv'],
    ['trace.dat', 'meta.json', 'vmstat.csv'],
    ['noextension', 'meta.json', 'vmstat.csv'],
  ])('%s finds %s and %s', async (name, meta, vmstat) => {
    const trace = await openTrace(
      capture({
        [name]: dat,
        [meta]: '{"hz":250,"kernel":"6.6.0"}',
        [vmstat]: 'mono_s,nr_dirty\n5.05,1\n',
      }),
    );
    expect(trace.host.hz).toBe(250);
    expect(trace.samples?.columns.ts_ns).toMatchObject({ values: Float64Array.of(50_000_000) });
    expect(trace.diagnostics).toEqual([]);
  });

  test('the nearest name wins over the plain one', async () => {
    const trace = await openTrace(
      capture({ 'a.dat': dat, 'a.meta.json': '{"hz":100}', 'meta.json': '{"hz":300}' }),
    );
    expect(trace.host.hz).toBe(100);
  });

  test('a trace that is named without a folder, or with none beside, opens alone', async () => {
    const trace = await openTrace(capture({ 'a.dat': dat }));
    expect([trace.host, trace.samples, trace.diagnostics]).toEqual([{}, undefined, []]);
  });

  test('facts of another kernel are left out, and refused where they were asked for', async () => {
    const path = capture({ 'a.dat': dat, 'meta.json': '{"hz":250,"kernel":"5.4.0"}' });
    const trace = await openTrace(path);
    expect(trace.host).toEqual({});
    expect(trace.diagnostics).toMatchObject([{ code: 'kernels_differ' }]);
    expect(trace.diagnostics[0]?.message).toContain('5.4.0');
    await expect(openTrace(path, { meta: join(path, '../meta.json') })).rejects.toThrow(UsageError);
  });

  test.each<[string, Record<string, string>, string]>([
    ['meta that is no JSON', { 'meta.json': '{' }, 'sidecar_ignored'],
    ['samples that are no table', { 'vmstat.csv': 'hello' }, 'sidecar_ignored'],
    ['samples of another clock', { 'vmstat.csv': 'boot_s,a\n5.05,1\n' }, 'clock_mismatch'],
    ['samples of another time', { 'vmstat.csv': 'mono_s,a\n500,1\n' }, 'clock_mismatch'],
  ])('%s is a notice where found, an error where given', async (_, files, code) => {
    const path = capture({ 'a.dat': dat, ...files });
    const trace = await openTrace(path);
    expect(codes(trace)).toEqual([code]);
    expect(trace.samples).toBeUndefined();
    const [name] = Object.keys(files);
    const given = join(path, '..', name ?? '');
    if (code === 'sidecar_ignored') {
      const options = name === 'meta.json' ? { meta: given } : { vmstat: given };
      await expect(openTrace(path, options)).rejects.toThrow(/meta\.json|vmstat\.csv/);
    }
  });

  test('samples without a named clock are taken by their times', async () => {
    const trace = await openTrace(capture({ 'a.dat': dat, 'vmstat.csv': 'time_s,a\n5.05,1\n' }));
    expect(trace.samples?.rows).toBe(1);
  });

  test('every capture of the project finds its own', async () => {
    for (const name of fixturesOf('trace-dat', '.dat.gz')) {
      const trace = await openTrace(`${FIXTURES}trace-dat/${name}`);
      expect(codes(trace).filter((code) => code !== 'events_lost')).toEqual([]);
      expect([trace.host.hz, trace.host.kernel, trace.meta.machine]).toEqual([
        250,
        trace.meta.kernel,
        'x86_64',
      ]);
      expect(trace.samples?.rows).toBeGreaterThan(50);
    }
  });
});

describe('what is no trace', () => {
  test.each<[string, string | Uint8Array, RegExp]>([
    [
      'words',
      'Dear all, the system is slow',
      /is not a trace that Tidemark knows .*begins with "Dear all, the system is /,
    ],
    ['bytes', Uint8Array.of(0, 1, 2, 200), /begins with "\.\.\.\."/],
    ['half a magic number', dat.subarray(0, 6), /is not a trace that Tidemark knows/],
    ['a magic number alone', dat.subarray(0, 10), /ends inside its version number.*\(at byte 10\)/],
    [
      'a web page',
      '<!doctype html><script>alert(1)</script>',
      /is not a trace that Tidemark knows/,
    ],
    ['JSON', '{"traceEvents":[]}', /is not a trace that Tidemark knows/],
  ])('%s', async (_, content, message) => {
    const error = await openTrace(capture({ 'in.dat': content })).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(FormatError);
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).not.toContain('\n');
  });

  test('progress rises from 0 to 1', async () => {
    const shares: number[] = [];
    await openTrace(`${FIXTURES}trace-dat/6.18-ext4/calm.dat.gz`, {
      progress: (share) => shares.push(share),
    });
    expect(shares.at(-1)).toBe(1);
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
  });
});

const POSITIONS = 20;

describe.each(fixturesOf('trace-dat', '.dat.gz'))('%s cut off while packed', (name) => {
  test(`at ${POSITIONS} positions: tables and a diagnostic, or a refusal and where`, async () => {
    const packed = fixtureBytes(`trace-dat/${name}`);
    const place = mkdtempSync(join(folder, 'cut-'));
    const meta = name.replace('.dat.gz', '.meta.json');
    copyFileSync(`${FIXTURES}trace-dat/${meta}`, join(place, 'meta.json'));
    const path = join(place, 'trace.dat.gz');
    let opened = 0;
    for (let part = 1; part <= POSITIONS; part++) {
      writeFileSync(path, packed.subarray(0, Math.floor((packed.length * part) / (POSITIONS + 1))));
      try {
        const trace = await openTrace(path);
        const truncated = trace.diagnostics.find(({ code }) => code === 'input_truncated');
        expect(truncated?.places[0]?.offset).toBeGreaterThan(0);
        expect(truncated?.message).toMatch(/unpacking: unexpected end of file/);
        opened++;
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        expect(error.offset).toBeTypeOf('number');
      }
    }
    expect(opened).toBeGreaterThan(POSITIONS / 4);
  });
});
