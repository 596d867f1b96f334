/**
 * Reading of large perf.data files, as whole processes: speed as ratios to `perf script` where it
 * is installed, memory beside the columns' bytes, growth of time, and 1 GB in a 2 GB heap.
 *
 *   node test/bench/perf-data.mjs                    a fixture, repeated
 *   node test/bench/perf-data.mjs FILE [EVENTS]      an uncompressed perf.data of yours, repeated
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { repeatPerf } from './repeat-perf.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TIDEMARK = join(ROOT, 'dist/src/cli/main.js');
const FIXTURE = join(ROOT, 'fixtures/perf-data/6.18-ext4/slow-writer.perf.data.gz');
const RUNS = 5;
const GIGABYTE = 2 ** 30;
const MIB = 2 ** 20;

/** What is promised: times as fast as perf script, time for 10 times the events, memory. */
const GOALS = { speed: 20, growth: 10.5, rssPerColumns: 1.5, rssMiB: 250 };

/** Reads everything in one process and says what it took. */
const READ_ALL = `
  const { openTrace } = await import(process.argv[2]);
  const { tables } = await openTrace(process.argv[3]);
  let bytes = 0;
  for (const { columns } of tables.values())
    for (const one of Object.values(columns)) bytes += (one.codes ?? one.values).byteLength;
  console.log(JSON.stringify({ bytes, rss: process.resourceUsage().maxRSS * 1024 }));
`;

/** Prints its results; returns them, each with whether it reaches its goal. */
export function benchPerfData({ file = FIXTURE, events = 3_000_000, dist = TIDEMARK } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-perf-bench-'));
  const results = [];
  const note = (name, value, isReached, text) => {
    results.push({ name, value, isReached });
    console.log(`${isReached ? 'ok  ' : 'MISS'}  ${name.padEnd(30)} ${text}`);
  };
  try {
    const make = (name, times) => {
      const path = join(folder, name);
      return { path, events: repeatPerf(file, path, times), bytes: () => statSync(path).size };
    };
    const single = make('single', 1);
    const times = Math.ceil(events / single.events);
    const small = make('small', Math.ceil(times / 10));
    const large = make('large', Math.ceil(times / 10) * 10);
    console.log(`\n${large.events} events, ${(large.bytes() / MIB).toFixed(0)} MiB`);
    compareSpeed(large, folder, dist, note);
    compareGrowth(small, large, dist, note);
    readAll(large, folder, dist, note);
    rmSync(small.path);
    rmSync(large.path);
    const copies = Math.ceil((GIGABYTE / single.bytes()) * 1.2);
    readGigabyte(make('gigabyte', copies), dist, note);
  } finally {
    rmSync(folder, { recursive: true });
  }
  return results;
}

function compareSpeed({ path, events }, folder, dist, note) {
  const commands = {
    'tidemark inspect': ['inspect', path, '--json'],
    'tidemark tables --event': ['tables', path, '--event', 'balance_dirty_pages'],
    'tidemark replay': ['replay', path, '--json'],
    'tidemark report': ['report', path, '-o', join(folder, 'page.html'), '--quiet'],
  };
  const hasPerf = spawnSync('perf', ['--version']).status === 0;
  if (!hasPerf) console.log('perf is not installed: no ratios');
  const best = { perf: Number.POSITIVE_INFINITY };
  // In turns, so that other work on the machine disturbs all alike.
  for (let turn = 0; turn < RUNS; turn++) {
    const seconds = hasPerf && turn < 2 ? timed('perf', ['script', '-i', path]).seconds : undefined;
    best.perf = Math.min(best.perf, seconds ?? best.perf);
    for (const [name, args] of Object.entries(commands)) {
      const run = timed(process.execPath, [dist, ...args]);
      if (!(best[name]?.seconds <= run.seconds)) best[name] = run;
    }
  }
  if (hasPerf) console.log(`      perf script ${rate(events, best.perf)}`);
  for (const name of Object.keys(commands)) {
    const { seconds, rss } = best[name];
    const ratio = hasPerf ? best.perf / seconds : undefined;
    const factor = ratio === undefined ? '' : `, ${ratio.toFixed(1)} x perf script`;
    const isReached = ratio === undefined || ratio >= GOALS.speed;
    note(name, ratio, isReached, `${rate(events, seconds)}${factor}, ${rss ?? '?'} MiB`);
  }
}

function compareGrowth(small, large, dist, note) {
  const seconds = [small, large].map(({ path }) =>
    fastest(() => timed(process.execPath, [dist, 'inspect', path, '--json'])),
  );
  const growth = seconds[1] / seconds[0];
  const text = `${seconds[0].toFixed(3)} → ${seconds[1].toFixed(3)} s, ${growth.toFixed(1)} x`;
  note('10 times the events', growth, growth <= GOALS.growth, text);
}

function readAll({ path }, folder, dist, note) {
  const program = join(folder, 'read-all.mjs');
  writeFileSync(program, READ_ALL);
  const index = join(dist, '../../../parsers/index.js');
  const { stdout, stderr, status } = spawnSync(process.execPath, [program, index, path], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  const { bytes, rss } = JSON.parse(stdout);
  const limit = GOALS.rssPerColumns * bytes + GOALS.rssMiB * MIB;
  const text = `${(rss / MIB).toFixed(0)} MiB for ${(bytes / MIB).toFixed(0)} MiB of columns`;
  note('memory, everything kept', rss / limit, rss <= limit, text);
}

function readGigabyte({ path, events, bytes }, dist, note) {
  console.log(`\n${events} events, ${(bytes() / MIB).toFixed(0)} MiB, heap of 2 GB`);
  for (const command of ['inspect', 'replay']) {
    const args = ['--max-old-space-size=2048', dist, command, path, '--json'];
    const { seconds, rss } = timed(process.execPath, args);
    note(`1 GB: ${command}`, seconds, true, `${rate(events, seconds)}, ${rss ?? '?'} MiB`);
  }
}

function rate(events, seconds) {
  return `${seconds.toFixed(3)} s, ${(events / seconds / 1e6).toFixed(2)} M events/s`;
}

function fastest(run) {
  return Math.min(...Array.from({ length: RUNS }, () => run().seconds));
}

/** Output goes to /dev/null; peak memory comes from GNU time where it is installed. */
function timed(program, args) {
  const hasTime = spawnSync('/usr/bin/time', ['true']).status === 0;
  const all = hasTime ? ['/usr/bin/time', '-f', '%M', program, ...args] : [program, ...args];
  const before = process.hrtime.bigint();
  const { status, stderr } = spawnSync(all[0], all.slice(1), {
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  const seconds = Number(process.hrtime.bigint() - before) / 1e9;
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
  const kib = hasTime ? Number(stderr.trim().split('\n').at(-1)) : Number.NaN;
  return { seconds, rss: Number.isFinite(kib) ? Math.round(kib / 1024) : undefined };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [file = FIXTURE, events = '3000000'] = process.argv.slice(2);
  benchPerfData({ file, events: Number(events) });
}
