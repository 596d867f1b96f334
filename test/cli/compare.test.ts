/** `tidemark compare` and `tidemark systems`: documents, the screen, the page, wrong requests. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { CompareDocument, SystemsDocument } from '../../src/cli/compare/schema.ts';
import { SWITCH_NAMES } from '../../src/model/switches.ts';
import { SYSTEMS } from '../../src/model/systems.ts';
import { CAPTURES, ROOT } from '../helpers/bytes.ts';
import { runCli } from '../helpers/run-cli.ts';

const SLOW = 'fixtures/trace-dat/6.18-ext4/slow-writer.dat.gz';
const FLOOD = `${CAPTURES}/incidents/btrfs-meta`;
const folder = mkdtempSync(join(tmpdir(), 'tidemark-compare-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const compare = (file: string, a: string, b: string, ...more: string[]) =>
  runCli('compare', file, '--system', a, '--system', b, '--quiet', ...more);

async function documentOf(...args: Parameters<typeof compare>): Promise<CompareDocument> {
  const { code, out, err } = await compare(...args, '--json');
  expect([code, err]).toEqual([0, '']);
  return CompareDocument.parse(JSON.parse(out));
}

describe('systems', () => {
  test('each has one line that fits, with what it is and its source', async () => {
    const { code, out } = await runCli('systems');
    expect(code).toBe(0);
    const lines = out.split('\n');
    for (const [at, { id, title, from }] of SYSTEMS.entries()) {
      expect(lines[at]).toMatch(new RegExp(`^${id.replaceAll('.', '\\.')} +\\S`));
      expect(lines[at]).toContain(title);
      expect(lines[at]?.trimEnd().length).toBeLessThanOrEqual(100);
      expect(from.length).toBeLessThanOrEqual(24);
    }
    expect(lines[SYSTEMS.length]).toBe('');
  });

  test.each(SYSTEMS.map(({ id }) => id))('%s in full', async (id) => {
    const { code, out } = await runCli('systems', id);
    expect(code).toBe(0);
    const system = SYSTEMS.find((one) => one.id === id);
    const words = out.replace(/\s+/g, ' ');
    expect(words).toContain(`${id}: ${system?.title} models ${system?.modelled}`);
    expect(words).toContain(`not ${system?.notModelled} source ${system?.sources.join('; ')}`);
    for (const name of system?.listens ?? []) expect(words).toContain(` ${name}: `);
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
  });

  test('one that is not there: what is', async () => {
    const { code, err } = await runCli('systems', 'zfs');
    expect(code).toBe(2);
    expect(err).toContain('there is no "zfs"; there are btrfs, btrfs-gate');
  });

  test('--json follows its schema', async () => {
    const { out } = await runCli('systems', '--json');
    const { systems, switches } = SystemsDocument.parse(JSON.parse(out));
    expect(systems.map(({ id }) => id)).toEqual(SYSTEMS.map(({ id }) => id));
    expect(switches.map(({ name }) => name)).toEqual(SWITCH_NAMES);
  });
});

describe('a capture without tree nodes', () => {
  test('is the same under systems that count the same', async () => {
    const document = await documentOf(SLOW, 'ext4', 'ext4', '--set', '2:block.callouts=folio');
    expect(document.fits.find(({ of }) => of === 'nr_dirtied')?.n).toBeGreaterThan(0);
    const differing = document.differences.filter(({ largest }) => largest !== 0);
    expect(differing).toEqual([]);
    const [first] = document.systems;
    expect(first.status).toBe('replayed');
    const { out } = await compare(SLOW, 'ext4', 'ext4');
    expect(out).toContain('no counter differs at any time');
    expect(out).not.toContain('tree nodes');
  }, 30_000);

  test('says when dirtiers were above freerun', async () => {
    const [first] = (await documentOf(SLOW, 'ext4', 'ext4')).systems;
    if (first.status !== 'replayed') throw new Error('not replayed');
    expect(first.throttling.first_ns).toBeGreaterThan(0);
    expect(first.throttling.total_ns).toBeGreaterThan(0);
    expect(first.tasks[0]?.throttled).toBeGreaterThan(0);
    // Looks above freerun are predicted from what the task dirtied; the record counts them.
    const { throttled, recorded } = first.tasks[0] ?? { throttled: 0, recorded: null };
    expect(recorded).toBeGreaterThan(0);
    expect(Math.abs(throttled / (recorded ?? 1) - 1)).toBeLessThan(0.1);
  });

  test('cannot feed systems that are about them, and says what to record', async () => {
    const { code, out } = await compare(SLOW, 'btrfs', 'fuse-in-place');
    expect(code).toBe(0);
    expect(out).toContain('btrfs: not-applicable: needs what this capture lacks\n');
    expect(out).toContain('writeback_dirty_folio: dirty tree nodes (inode 1');
    expect(out.replace(/\s+/g, ' ')).toContain('btrfs); recorded, and there is none');
    expect(out).toContain(
      'record next time: trace-cmd record -e fuse_request_send -e fuse_request_end\n',
    );
    expect(out).not.toContain('-e writeback_dirty_folio');
    const document = await documentOf(SLOW, 'ext4', 'btrfs-gate');
    expect(document.systems[1]).toMatchObject({ status: 'not-applicable' });
    expect(document.differences).toEqual([]);
  });
});

test.each([
  [
    ['--system', 'xfs', '--system', 'ext4', '--set', '3:block.size=4096'],
    '--set 3:block.size: "3" is neither 1 or 2 nor one of xfs, ext4',
  ],
  [['--system', 'btrfs'], '--system needs two of them'],
  [[], '--system needs two of them'],
  [['--system', 'btrfs', '--system', 'zfs'], 'there is no "zfs"; there are btrfs, '],
  [['--system', 'btrfs', '--system', 'btrfs', '--set', 'x=1'], 'there is no "x"; there are '],
  [['--system', 'btrfs', '--system', 'btrfs', '--set', 'btrfs.gate'], 'is not NAME=VALUE'],
  [
    ['--system', 'btrfs', '--system', 'btrfs', '--set', 'btrfs.gate=lots'],
    '--set btrfs.gate: "lots" is not bytes from 0',
  ],
  [
    ['--system', 'btrfs', '--system', 'btrfs', '--set', 'metadata.node-size=5000'],
    '"5000" is not a power of two, bytes from 1024 to 65536',
  ],
  [
    ['--system', 'btrfs', '--system', 'btrfs', '--set', 'metadata.charge=byte'],
    '"byte" is not node, pages',
  ],
  [
    ['--system', 'btrfs-metadata-bytes', '--system', 'btrfs', '--set', '2:metadata.charge=node'],
    'no such switch of the systems it is for; btrfs-metadata-bytes has metadata.node-size',
  ],
  [
    ['--system', 'btrfs', '--system', 'btrfs', '-o', 'no/such/folder/page.html'],
    'cannot write no/such/folder/page.html',
  ],
])('%j exits 2', async (args, message) => {
  const { code, out, err } = await runCli('compare', SLOW, ...args);
  expect([code, out]).toEqual([2, '']);
  expect(err).toContain(message);
});

describe.skipIf(!existsSync(FLOOD))('the flood of metadata', () => {
  test('fits one screen', async () => {
    for (const other of ['btrfs-metadata-bytes', 'btrfs-gate', 'btrfs-metadata-pages']) {
      const { code, out } = await compare(FLOOD, 'btrfs', other);
      expect(code).toBe(0);
      const lines = out.trimEnd().split('\n');
      expect(lines.length).toBeLessThanOrEqual(40);
      expect(lines.filter((line) => [...line].length > 100)).toEqual([]);
      expect(out).toContain('100% ±72');
    }
  }, 60_000);

  test('--json: one value for each time, each difference with its fit', async () => {
    const document = await documentOf(FLOOD, 'btrfs', 'btrfs-metadata-bytes');
    for (const system of document.systems) {
      if (system.status !== 'replayed') throw new Error(`${system.id} is not replayed`);
      for (const { values } of system.series) expect(values.length).toBe(document.t_ns.length);
    }
    expect(document.differences.length).toBeGreaterThan(10);
    for (const { fit } of document.differences) expect(fit?.n).toBeGreaterThan(500);
  }, 60_000);

  test('a gate of 0 is no gate', async () => {
    const open = await documentOf(FLOOD, 'btrfs-gate', 'btrfs-no-gate', '--set', '1:btrfs.gate=0');
    expect(open.differences.filter(({ largest }) => largest !== 0)).toEqual([]);
    const shut = await documentOf(FLOOD, 'btrfs-gate', 'btrfs-no-gate', '--set', 'btrfs.gate=32M');
    expect(shut.systems.map(({ switches }) => switches['btrfs.gate'])).toEqual([
      32 * 2 ** 20,
      32 * 2 ** 20,
    ]);
  }, 60_000);
});

const script = `${ROOT}dist/reports/page.js`;

test.skipIf(!existsSync(script))(
  '-o writes a page with both systems on one axis',
  async () => {
    const page = join(folder, 'page.html');
    const { code, out } = await runCli(
      ...['compare', SLOW, '--system', 'xfs', '--system', 'ext4', '-o', page],
    );
    expect(code).toBe(0);
    expect(out).toContain(`written to ${page}`);
    const html = readFileSync(page, 'utf8');
    expect(html).toContain('compare-throttle_dirty');
    expect(html).toContain('xfs against ext4');
    expect(html).toContain('dirty + writeback is the same');
    const absent = await runCli(
      ...['compare', SLOW, '--system', 'xfs', '--system', 'fuse', '--quiet', '-o', page],
    );
    expect([absent.code, absent.err]).toEqual([0, '']);
    expect(readFileSync(page, 'utf8')).toContain('fuse cannot be replayed on this capture');
  },
  60_000,
);
