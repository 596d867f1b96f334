/** A folder, tar or zip with a trace, its samples and its meta data: found by content, then by name. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTrace } from '../../parsers/index.ts';
import { FormatError, UsageError } from '../../src/trace/errors.ts';
import { makeTar } from '../helpers/tar.ts';
import { makeZip } from '../helpers/zip.ts';

const LIMITS = 'bg_thresh=10 thresh=20 limit=20';
const TRACE = `# tracer: nop
#
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
${[
  `[000] .....   100.000000: global_dirty_state: dirty=1 writeback=0 ${LIMITS} dirtied=1000`,
  `[001] .....   102.000000: global_dirty_state: dirty=2 writeback=0 ${LIMITS} dirtied=1100`,
]
  .map((rest) => `          writer-100     ${rest} written=900\n`)
  .join('')}`;
const VMSTAT = 'mono_s,nr_dirty,nr_dirtied\n100.5,1,1000\n101.5,2,1000\n';
const META = JSON.stringify({ kernel: '6.6.0', hz: 250, trace_clock: 'mono', page_size: 4096 });
const MEMINFO = 'mono_s,MemTotal,Dirty\n100.5,16384,4\n101.5,16384,8\n';

let root = '';
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'tidemark-bundle-'));
});
afterAll(() => rmSync(root, { recursive: true }));

type Files = Readonly<Record<string, string | Uint8Array>>;

let made = 0;
function folderOf(files: Files): string {
  const folder = join(root, `f${made++}`);
  mkdirSync(folder);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return folder;
}

function tarOf(files: Files, pack = (bytes: Buffer): Uint8Array => bytes): string {
  const path = join(root, `t${made++}.tar`);
  writeFileSync(
    path,
    pack(makeTar(Object.entries(files).map(([name, content]) => ({ path: name, content })))),
  );
  return path;
}

function zipOf(files: Files, comment = '', isStored = false): string {
  const all = Object.entries(files).map(([path, content]) => ({ path, content, isStored }));
  return fileOf(makeZip(all, { comment }));
}

function fileOf(bytes: Uint8Array): string {
  const path = join(root, `z${made++}.zip`);
  writeFileSync(path, bytes);
  return path;
}

const kinds: readonly (readonly [string, (files: Files) => string])[] = [
  ['a folder', folderOf],
  ['a tar', tarOf],
  ['a tar.gz', (files) => tarOf(files, gzipSync)],
  ['a zip', zipOf],
  ['a zip with a comment', (files) => zipOf(files, 'PK\x05\x06 as the day before')],
  ['a zip that packs nothing', (files) => zipOf(files, '', true)],
];
const refusal = (path: string) =>
  openTrace(path).then(
    () => 'opened',
    (error: unknown) => {
      if (error instanceof UsageError) return error.message;
      throw error;
    },
  );

describe.each(kinds)('%s', (_, make) => {
  test.each<[string, Files]>([
    [
      'with the usual names',
      {
        'trace.txt': TRACE,
        'vmstat.csv': VMSTAT,
        'meta.json': META,
        'truth.json': '{"root_cause":"none"}',
      },
    ],
    [
      'in a folder of its own',
      { 'cap/trace.txt': TRACE, 'cap/vmstat.csv': VMSTAT, 'cap/meta.json': META },
    ],
    [
      'packed one by one',
      { 'trace.gz': gzipSync(TRACE), 'vmstat.csv.gz': gzipSync(VMSTAT), 'meta.json': META },
    ],
    [
      'with other names',
      { a: TRACE, 'b/counters': VMSTAT, 'c.json': META, 'README.md': '# a capture, with commas\n' },
    ],
    [
      'among others',
      {
        'proc/meminfo': 'MemTotal: 1 kB\n',
        'sos/x.json': '{"a":1}',
        'log.html': '<!doctype html>',
        'x.trace': TRACE,
        'x.vmstat.csv': VMSTAT,
        'x.meta.json': META,
        'bin/sh': Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 0, 0),
        'bad.gz': Uint8Array.of(0x1f, 0x8b, 1, 2),
      },
    ],
  ])('%s', async (_name, files) => {
    const trace = await openTrace(make(files));
    expect(trace.tables.get('global_dirty_state')?.rows).toBe(2);
    expect(trace.samples?.rows).toBe(2);
    expect(trace.host).toMatchObject({ hz: 250, kernel: '6.6.0' });
    expect(trace.diagnostics).toEqual([]);
  });

  test('files of /proc without a time say what the machine is, or are named', async () => {
    const meminfo = 'MemTotal:       24684096 kB\nMemFree:  1 kB\n';
    const zoneinfo = 'Node 0, zone   Normal\n  pages free     5\n';
    const trace = await openTrace(
      make({
        t: TRACE,
        'proc/meminfo': meminfo,
        'proc/zoneinfo': zoneinfo,
        'proc/vmstat': 'nr_free_pages 1\nnr_dirty 2\n',
        'proc/pressure/io': 'some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n',
      }),
    );
    expect(trace.host).toMatchObject({ meminfo, zoneinfo });
    expect(trace.samples).toBeUndefined();
    expect(trace.diagnostics.map(({ code, count }) => [code, count])).toEqual([
      ['sidecar_ignored', 2],
    ]);
    expect(trace.diagnostics[0]?.message).toMatch(
      /proc\/(vmstat|pressure\/io), .*counters of one moment, at a time that nothing tells/,
    );
  });

  test('a loop around date and cat is samples', async () => {
    const dates = [100, 101].map((s) => `Thu Jan  1 00:01:${s - 60} UTC 1970\nnr_dirty 1\n`);
    const trace = await openTrace(
      make({
        t: TRACE,
        'vmstat.log': `${dates.join('')}sampler ends\n`,
        'psi/io': '100.5\nsome avg10=0.25 avg60=0.00 avg300=0.00 total=1\n',
      }),
    );
    expect(trace.samples?.rows).toBe(2);
    expect(trace.sampleTables?.get('psi_io')?.rows).toBe(1);
    expect(trace.diagnostics.map(({ code, message }) => `${code} ${message}`)).toEqual([
      expect.stringMatching(/^line_unreadable 1 unreadable line \(of .*vmstat.log\)/),
    ]);
  });

  test('several kinds of samples are several tables', async () => {
    const trace = await openTrace(
      make({
        t: TRACE,
        'vmstat.csv': VMSTAT,
        'mem.csv': MEMINFO,
        'psi-io.csv': 'mono_s,some_avg10,some_total\n101,0.5,77\n',
      }),
    );
    expect([...(trace.sampleTables?.keys() ?? [])].sort()).toEqual(['meminfo', 'psi_io', 'vmstat']);
    expect(trace.samples?.name).toBe('vmstat');
    expect(trace.sampleTables?.get('meminfo')?.columns.Dirty).toMatchObject({
      unit: 'bytes',
      values: Float64Array.of(4096, 8192),
    });
  });

  test('samples of one kind twice: the nearest keeps the name', async () => {
    const far = VMSTAT.replace('100.5,1,', '100.5,9,');
    const trace = await openTrace(
      make({ 'a/x.txt': TRACE, 'a/x.vmstat.csv': VMSTAT, 'b/vmstat.csv': far }),
    );
    expect(trace.samples?.columns.nr_dirty).toMatchObject({ values: Float64Array.of(1, 2) });
    expect(trace.sampleTables?.get('vmstat_2')?.columns.nr_dirty).toMatchObject({
      values: Float64Array.of(9, 2),
    });
  });

  test('several traces: one sentence that names them, and each can be chosen', async () => {
    const path = make({
      'a.txt': TRACE,
      'a.vmstat.csv': VMSTAT,
      'b.txt': TRACE,
      'b.meta.json': META,
    });
    const join = _ === 'a folder' ? '/' : '!';
    expect(await refusal(path)).toBe(
      `${path} holds 2 traces; name one of them: ${path}${join}a.txt or ${path}${join}b.txt`,
    );
    const [a, b] = [await openTrace(`${path}${join}a.txt`), await openTrace(`${path}${join}b.txt`)];
    expect([a.samples?.rows, a.host.hz, b.samples, b.host.hz]).toEqual([
      2,
      undefined,
      undefined,
      250,
    ]);
  });

  test('none: one sentence', async () => {
    if (_ === 'a folder') expect(await refusal(make({}))).toMatch(/holds no files, so no trace$/);
    const one = await refusal(make({ 'x.csv': 'a,b\n' }));
    expect(one).toMatch(/holds no trace: its only file is none that Tidemark knows \(/);
    expect(await refusal(make({ 'x.csv': 'a,b\n', y: '', z: '1' }))).toMatch(
      /holds no trace: none of its 2 files is one that Tidemark knows \(/,
    );
  });
});

describe('what else', () => {
  test('names in an archive cannot steer a terminal', async () => {
    const path = tarOf({ '\u001b[2Ja\nb': TRACE, c: TRACE });
    expect(await refusal(path)).toBe(
      `${path} holds 2 traces; name one of them: ${path}!?[2Ja?b or ${path}!c`,
    );
  });

  test('a part that is not there, an archive that is none', async () => {
    expect(await refusal(`${tarOf({ a: TRACE })}!b`)).toMatch(/holds no b, but a$/);
    expect(await refusal(`${join(folderOf({ a: TRACE }), 'a')}!b`)).toMatch(
      /a is no archive to take b from$/,
    );
    expect(await refusal(join(root, 'nowhere!x'))).toMatch(/cannot open .*nowhere!x: no such file/);
  });

  test('a file whose name has an exclamation mark is itself', async () => {
    expect((await openTrace(join(folderOf({ 'wow!': TRACE }), 'wow!'))).tables.size).toBe(1);
  });

  test('a cut archive gives what is there and says so', async () => {
    const tar = makeTar([
      { path: 'a', content: TRACE },
      { path: 'vmstat.csv', content: VMSTAT },
    ]);
    const path = join(root, 'cut.tar.gz');
    writeFileSync(path, gzipSync(tar.subarray(0, 512 + 512 + 100)));
    const trace = await openTrace(path);
    expect(trace.samples).toBeUndefined();
    expect(trace.diagnostics.map(({ message }) => message).join()).toMatch(
      /the archive is damaged: unexpected end/,
    );
  });

  test.each<[string, () => Uint8Array, RegExp]>([
    [
      'cut',
      () => makeZip([{ path: 'a', content: TRACE }]).subarray(0, -30),
      /zip is a zip archive that was cut: its directory is missing$/,
    ],
    [
      'cut at its beginning',
      () =>
        Buffer.concat([
          Buffer.from('PK\x03\x04'),
          makeZip([{ path: 'a', content: TRACE }]).subarray(200),
        ]),
      /zip is a zip archive that lacks a part; unpack it, or use tar/,
    ],
    [
      'with a password',
      () => makeZip([{ path: 'a', content: TRACE, isEncrypted: true }]),
      /zip is a zip archive with a password; unpack it, or use tar/,
    ],
    [
      'of more than 4 GiB',
      () => {
        const bytes = makeZip([{ path: 'a', content: TRACE }]);
        return bytes.fill(255, bytes.length - 6, bytes.length - 2);
      },
      /zip is a zip archive of more than 4 GiB; unpack it, or use tar/,
    ],
    [
      'with a file elsewhere',
      () => makeZip([{ path: 'a', content: TRACE }]).fill(0, 0, 4),
      /zip is not a trace/,
    ],
  ])('a zip %s is refused in one sentence', async (_, bytes, told) => {
    await expect(openTrace(fileOf(bytes()))).rejects.toThrow(FormatError);
    await expect(openTrace(fileOf(bytes()))).rejects.toThrow(told);
  });

  test('links: files are read, circles are not walked', async () => {
    const folder = folderOf({ 'sub/trace': TRACE });
    symlinkSync(folder, join(folder, 'sub', 'up'));
    symlinkSync('/nonexistent', join(folder, 'dangling'));
    symlinkSync('/dev/zero', join(folder, 'zero.csv'));
    expect((await openTrace(folder)).tables.size).toBe(1);
  });

  test('from standard input', async () => {
    const bytes = gzipSync(
      makeTar([
        { path: 'a', content: TRACE },
        { path: 'vmstat.csv', content: VMSTAT },
      ]),
    );
    const stdin = (async function* () {
      yield bytes;
    })();
    expect((await openTrace('-', { stdin })).samples?.rows).toBe(2);
    const two = (async function* () {
      yield makeTar([
        { path: 'a', content: TRACE },
        { path: 'b', content: TRACE },
      ]);
    })();
    await expect(openTrace('-', { stdin: two })).rejects.toThrow(
      'standard input holds 2 traces; save it as a file to name one, as FILE!PATH: a or b',
    );
  });

  test('given samples may lie in an archive', async () => {
    const archive = tarOf({ 'x/s.csv': VMSTAT });
    const trace = await openTrace(join(folderOf({ t: TRACE }), 't'), {
      vmstat: `${archive}!x/s.csv`,
    });
    expect(trace.samples?.rows).toBe(2);
    await expect(
      openTrace(join(folderOf({ t: TRACE }), 't'), { vmstat: `${archive}!y` }),
    ).rejects.toThrow(/holds no y/);
  });
});
