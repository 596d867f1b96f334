/**
 * Speed and memory of whole processes, as ratios measured in one run against trace-cmd and the like
 * where they are installed:
 *
 *   npm run bench                         on fixtures, repeated to millions of events
 *   npm run bench -- FILE [EVENTS]        on a trace.dat (version 6) of yours
 *
 * Other formats have sections of their own, which also run by themselves.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { best, runNode, TIDEMARK } from './measure.mjs';
import { benchTraceDat } from './trace-dat.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const SECTIONS = ['perf-data.mjs', 'text.mjs'];

const [file, wanted] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'tidemark-bench-'));
try {
  benchTraceDat(folder, file, wanted === undefined ? undefined : Number(wanted));
  console.log(`\n--help  ${best(() => runNode([TIDEMARK, '--help'])).seconds.toFixed(3)} s`);
} finally {
  rmSync(folder, { recursive: true });
}
// Each in a process of its own: the peak memory of a process counts for what it starts, too.
for (const section of file === undefined ? SECTIONS : []) {
  const { status } = spawnSync(process.execPath, [join(HERE, section)], { stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}
