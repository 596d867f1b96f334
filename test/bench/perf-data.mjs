/**
 * Reading of large perf.data files, as whole processes: speed as ratios to `perf script` where it
 * is installed, memory beside the columns' bytes, growth of time, and 1 GB in a 2 GB heap, which
 * also has a ratio: what a process costs before it reads weighs less there.
 *
 *   node test/bench/perf-data.mjs                    a fixture, repeated
 *   node test/bench/perf-data.mjs FILE [EVENTS]      an uncompressed perf.data of yours, repeated
 */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import {
  best,
  bestInTurns,
  isInstalled,
  ROOT,
  readAll,
  runNode,
  runProgram,
  TIDEMARK,
} from './measure.mjs';
import { repeatPerf } from './repeat-perf.mjs';

const FIXTURE = join(ROOT, 'fixtures/perf-data/6.18-ext4/slow-writer.perf.data.gz');
const RUNS = 5;
const ALL = 'all columns, library';
const GIGABYTE = 2 ** 30;
const MIB = 2 ** 20;

/** What is promised: times as fast as perf script, time for 10 times the events, memory. */
const GOALS = { speed: 20, growth: 10.5, rssPerColumns: 1.5, rssMiB: 250 };

/** Prints its results; returns them, each with whether it reaches its goal. */
export function benchPerfData({ file = FIXTURE, events = 3_000_000 } = {}) {
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
    compareSpeed(large, folder, note);
    compareGrowth(small, large, note);
    readGzip(large, note);
    rmSync(small.path);
    rmSync(large.path);
    const copies = Math.ceil((GIGABYTE / single.bytes()) * 1.2);
    readGigabyte(make('gigabyte', copies), note);
  } finally {
    rmSync(folder, { recursive: true });
  }
  return results;
}

function compareSpeed({ path, events }, folder, note) {
  const commands = {
    'tidemark inspect': ['inspect', path, '--json'],
    'tidemark tables --event': ['tables', path, '--event', 'balance_dirty_pages'],
    'tidemark replay': ['replay', path, '--json'],
    'tidemark report': ['report', path, '-o', join(folder, 'page.html'), '--quiet'],
  };
  const hasPerf = isInstalled('perf');
  if (!hasPerf) console.log('perf is not installed: no ratios');
  // In turns, so that other work on the machine disturbs all alike.
  const runs = Object.entries(commands).map(([name, args]) => [
    name,
    () => runNode([TIDEMARK, ...args]),
  ]);
  const { perf, ...fastest } = bestInTurns({
    ...(hasPerf ? { perf: () => runProgram('perf', ['script', '-i', path]) } : {}),
    [ALL]: () => readAll(path),
    ...Object.fromEntries(runs),
  });
  if (hasPerf) console.log(`      perf script ${rate(events, perf.seconds)}`);
  for (const [name, run] of Object.entries(fastest)) noteSpeed(name, events, run, perf, note);
  checkMemory(fastest[ALL], note);
}

/** `perf` undefined where it is not installed. */
function noteSpeed(name, events, { seconds, rss }, perf, note) {
  const ratio = perf === undefined ? undefined : perf.seconds / seconds;
  const factor = ratio === undefined ? '' : `, ${ratio.toFixed(1)} x perf script`;
  const isReached = ratio === undefined || ratio >= GOALS.speed;
  note(name, ratio, isReached, `${rate(events, seconds)}${factor}, ${rss ?? '?'} MiB`);
}

function compareGrowth(small, large, note) {
  const run = (path) => () => runNode([TIDEMARK, 'inspect', path, '--json']);
  const { one, ten } = bestInTurns({ one: run(small.path), ten: run(large.path) }, RUNS);
  const growth = ten.seconds / one.seconds;
  const text = `${one.seconds.toFixed(3)} → ${ten.seconds.toFixed(3)} s, ${growth.toFixed(1)} x`;
  note('10 times the events', growth, growth <= GOALS.growth, text);
}

function checkMemory({ rss, columns }, note) {
  if (rss === undefined) return;
  const limit = GOALS.rssPerColumns * columns + GOALS.rssMiB;
  const text = `${rss} MiB for ${columns} MiB of columns`;
  note('memory, everything kept', rss / limit, rss <= limit, text);
}

/** As files travel: no speed is promised, but the same memory. */
function readGzip({ path, events }, note) {
  writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 1 }));
  const run = best(() => readAll(`${path}.gz`));
  note(`${ALL}, gzip`, run.seconds, true, rate(events, run.seconds));
  checkMemory(run, note);
  rmSync(`${path}.gz`);
}

function readGigabyte({ path, events, bytes }, note) {
  console.log(`\n${events} events, ${(bytes() / MIB).toFixed(0)} MiB, heap of 2 GB`);
  const heap = ['--max-old-space-size=2048'];
  for (const command of ['inspect', 'replay']) {
    const { seconds, rss } = runNode([...heap, TIDEMARK, command, path, '--json']);
    note(`1 GB: ${command}`, seconds, true, `${rate(events, seconds)}, ${rss ?? '?'} MiB`);
  }
  const perf = isInstalled('perf') ? runProgram('perf', ['script', '-i', path]) : undefined;
  if (perf !== undefined) console.log(`      perf script ${rate(events, perf.seconds)}`);
  const all = best(() => readAll(path, heap));
  noteSpeed(`1 GB: ${ALL}`, events, all, perf, note);
  checkMemory(all, note);
}

function rate(events, seconds) {
  return `${seconds.toFixed(3)} s, ${(events / seconds / 1e6).toFixed(2)} M events/s`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [file = FIXTURE, events = '3000000'] = process.argv.slice(2);
  benchPerfData({ file, events: Number(events) });
}
