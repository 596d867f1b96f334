/** The built program: threads read a large perf.data into the tables that one thread makes. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { FIXTURES, ROOT } from '../helpers/bytes.ts';

const folder = mkdtempSync(`${tmpdir()}/tidemark-perf-`);
afterAll(() => rmSync(folder, { recursive: true }));

/** Prints a checksum of all memory, dictionaries and exact values of each column. */
const PROGRAM = `
  import { createHash } from 'node:crypto';
  const [, , index, file, threads, mode] = process.argv;
  let hasThreads = false;
  process.on('worker', () => { hasThreads = true; });
  const { openTrace } = await import(index);
  const details = ['columns', 'base', 'count'];
  const keep = mode === 'some' ? (name) => details[name.length % 3] : undefined;
  const trace = await openTrace(file, { threads: Number(threads), keep });
  const plain = (key, value) => (typeof value === 'bigint' ? String(value) : value);
  const { meta, losses, diagnostics } = trace;
  console.log(JSON.stringify({ meta, losses, diagnostics }, plain));
  for (const [name, { system, known, rows, columns }] of trace.tables) {
    const hash = createHash('sha256').update(JSON.stringify([name, system, known, rows]));
    for (const [id, column] of Object.entries(columns)) {
      const { buffer, byteOffset, byteLength } = column.codes ?? column.values;
      hash.update(id + column.kind + column.unit);
      hash.update(Buffer.from(buffer, byteOffset, byteLength));
      hash.update(JSON.stringify([column.dictionary, ...(column.exact ?? [])], plain));
    }
    console.log(name, hash.digest('hex'));
  }
  // On a busy machine this thread may have read all before that is told.
  await new Promise((resolve) => setImmediate(resolve));
  process.stderr.write(hasThreads ? 'threads' : 'alone');
`;

const INDEX = `${ROOT}dist/parsers/index.js`;

test.skipIf(!existsSync(INDEX))(
  'threads',
  async () => {
    const { repeatPerf } = (await import(
      pathToFileURL(`${ROOT}test/bench/repeat-perf.mjs`).href
    )) as { repeatPerf: (from: string, to: string, times: number) => number };
    const file = `${folder}/large.perf.data`;
    // Some 18 MB: smaller files are read by one thread anyway.
    repeatPerf(`${FIXTURES}perf-data/6.18-ext4/slow-writer.perf.data.gz`, file, 160);
    const program = `${folder}/program.mjs`;
    writeFileSync(program, PROGRAM);
    const read = (threads: number, mode: string) => {
      const args = [program, INDEX, file, String(threads), mode];
      const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
      return { tables: stdout, who: stderr };
    };
    for (const mode of ['all', 'some']) {
      const alone = read(1, mode);
      expect(alone.tables).toContain('balance_dirty_pages');
      expect(alone.who).toBe('alone');
      for (const threads of [2, 4]) {
        expect(read(threads, mode)).toEqual({ tables: alone.tables, who: 'threads' });
      }
    }
  },
  120_000,
);
