/**
 * As many events of each kind as trace-cmd and perf count in the same file: fixtures, and the
 * captures beside the checkout. PEERS=all also takes the large ones, for which trace-cmd needs a
 * minute.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { openTrace } from '../../parsers/index.ts';
import { CAPTURES, FIXTURES, filesBelow } from '../helpers/bytes.ts';

const MAX_BYTES = process.env.PEERS === 'all' ? Number.POSITIVE_INFINITY : 300_000;
const MAX_OUTPUT = 1 << 30;

const below = (root: string) =>
  existsSync(root) ? filesBelow(root).map((path) => `${root}/${path}`) : [];
const files = [FIXTURES, CAPTURES]
  .flatMap((root) => below(resolve(root)))
  .filter((path) => statSync(path).size <= MAX_BYTES);
const named = (pattern: RegExp) =>
  files
    .filter((path) => pattern.test(path))
    .map((path): [string, string] => [path.split('/').slice(-3).join('/'), path]);
const isInstalled = (tool: string) => spawnSync(tool, ['--version']).error === undefined;

/** What the tool prints of the unpacked file. */
function printed(path: string, tool: string, args: readonly string[]): string {
  const folder = mkdtempSync(`${tmpdir()}/tidemark-peers-`);
  try {
    const bytes = readFileSync(path);
    const plain = `${folder}/capture`;
    writeFileSync(plain, path.endsWith('.gz') ? gunzipSync(bytes) : bytes);
    const options = { stdio: ['ignore', 'pipe', 'ignore'] as const, maxBuffer: MAX_OUTPUT };
    return execFileSync(tool, [...args, plain], {
      ...options,
      stdio: [...options.stdio],
    }).toString();
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function counted(text: string, event: RegExp): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const line of text.split('\n')) {
    const name = event.exec(line)?.[1];
    if (name !== undefined) counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

async function own(path: string): Promise<Record<string, number>> {
  const { meta } = await openTrace(path);
  return Object.fromEntries(meta.events.map(({ name, count }) => [name, count]));
}

describe.skipIf(!isInstalled('trace-cmd'))('trace-cmd', () => {
  //   dd-77 [001]   100.500000: writeback_pages_written: 12
  const event = /\[\d+\] +(?:\S+ +)?\d+\.\d+: +(\w+)/;
  test.each(named(/trace-dat\/.*(\.dat|v6)(\.gz)?$|\.dat(\.gz)?$/))(
    '%s',
    { timeout: 60_000 },
    async (_, path) => {
      const counts = counted(printed(path, 'trace-cmd', ['report', '-N']), event);
      expect(Object.keys(counts).length).toBeGreaterThan(0);
      expect(await own(path)).toEqual(counts);
    },
  );
});

describe.skipIf(!isInstalled('perf'))('perf', () => {
  test.each(named(/\.perf\.data(\.gz)?$/))('%s', { timeout: 60_000 }, async (_, path) => {
    const text = printed(path, 'perf', ['script', '-G', '-F', 'event', '-i']);
    const counts = counted(text, /^\s*(?:\w+:)?(\S+?):?\s*$/);
    expect(Object.keys(counts).length).toBeGreaterThan(0);
    expect(await own(path)).toEqual(counts);
  });
});
