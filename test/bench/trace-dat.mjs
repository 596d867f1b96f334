/**
 * Reading of trace.dat as whole processes: speed as ratios to trace-cmd where it is installed,
 * memory beside the columns' bytes, growth of time, and 1 GB in a 2 GB heap.
 */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import {
  best,
  bestInTurns,
  check,
  isInstalled,
  print,
  ROOT,
  readAll,
  runNode,
  runProgram,
  TIDEMARK,
} from './measure.mjs';
import { repeatTrace } from './repeat-trace.mjs';

const FIXTURE = join(ROOT, 'fixtures/trace-dat/6.18-ext4/slow-writer.dat.gz');
const MIB = 2 ** 20;

/** What is promised: times as fast as trace-cmd, time for 10 times the events, memory. */
const GOALS = {
  speed: 25,
  growth: 10.5,
  rssPerColumns: 1.5,
  rssMiB: 250,
  largeBytes: 2 ** 30,
};

export function benchTraceDat(folder, file = FIXTURE, wanted = 3_000_000) {
  const single = join(folder, 'single.dat');
  const bytes = repeatTrace(file, single, 1);
  const { events } = readAll(single);
  compare(folder, 'the capture itself', single, events);
  const repeat = (name, times) => {
    const path = join(folder, name);
    repeatTrace(file, path, times);
    return path;
  };
  const times = Math.max(1, Math.round(wanted / events));
  const repeated = repeat('repeated.dat', times);
  const measured = compare(folder, `repeated ${times} times`, repeated, events * times);
  const { all } = measured;
  checkSpeed(measured);
  checkMemory('peak memory', all);
  packed(folder, repeated, events * times, measured.reference);
  growth(repeat('tenth.dat', Math.max(1, Math.round(times / 10))), all, events * times);
  large(repeat('large.dat', Math.ceil(GOALS.largeBytes / bytes)));
}

/** Returns what it took to read all columns, and trace-cmd to print them. */
function compare(folder, title, path, events) {
  const page = join(folder, 'page.html');
  console.log(`\ntrace.dat, ${title}: ${events} events, ${mib(statSync(path).size)} MiB`);
  const hasReference = isInstalled('trace-cmd');
  if (!hasReference) console.log('trace-cmd is not installed: no ratios');
  const { reference, ...runs } = bestInTurns({
    ...(hasReference ? { reference: () => runProgram('trace-cmd', ['report', path]) } : {}),
    'all columns, library': () => readAll(path),
    'tidemark inspect': () => runNode([TIDEMARK, 'inspect', path, '--json']),
    'tidemark replay': () => runNode([TIDEMARK, 'replay', path, '--json']),
    'tidemark report': () => runNode([TIDEMARK, 'report', path, '-o', page, '--quiet']),
  });
  if (reference !== undefined) print('trace-cmd report', reference, events, reference, 'trace-cmd');
  for (const [name, run] of Object.entries(runs)) print(name, run, events, reference, 'trace-cmd');
  console.log(`page    ${mib(statSync(page).size)} MiB`);
  return { all: runs['all columns, library'], reference };
}

/** The same with pages packed by zstd, as trace-cmd writes them, and in gzip, as files travel. */
function packed(folder, path, events, reference) {
  if (reference === undefined) return;
  const zstd = join(folder, 'packed.dat');
  const how = ['convert', '--file-version', '7', '--compression', 'zstd'];
  try {
    runProgram('trace-cmd', [...how, '-i', path, '-o', zstd]);
  } catch (error) {
    console.log(`trace-cmd does not pack pages: ${error.message}`);
    return;
  }
  const gzip = `${path}.gz`;
  writeFileSync(gzip, gzipSync(readFileSync(path)));
  console.log(
    `\ntrace.dat, packed: ${mib(statSync(zstd).size)} and ${mib(statSync(gzip).size)} MiB`,
  );
  const runs = bestInTurns({
    reference: () => runProgram('trace-cmd', ['report', zstd]),
    pages: () => readAll(zstd),
    gzip: () => readAll(gzip),
  });
  print('trace-cmd report', runs.reference, events, runs.reference, 'trace-cmd');
  print('version 7, zstd', runs.pages, events, runs.reference, 'trace-cmd');
  print('in gzip', runs.gzip, events, reference, 'trace-cmd');
  const ratio = runs.reference.seconds / runs.pages.seconds;
  const goal = `${GOALS.speed} x trace-cmd, all columns of packed pages`;
  check(goal, ratio.toFixed(1), ratio >= GOALS.speed);
  checkMemory('peak memory', runs.pages);
}

function checkSpeed({ all, reference }) {
  if (reference === undefined) return;
  const ratio = reference.seconds / all.seconds;
  check(`${GOALS.speed} x trace-cmd, all columns`, ratio.toFixed(1), ratio >= GOALS.speed);
}

function checkMemory(what, { rss, columns }) {
  if (rss === undefined) return;
  const limit = GOALS.rssPerColumns * columns + GOALS.rssMiB;
  check(`${what} <= ${limit} MiB for ${columns} MiB of columns`, `${rss} MiB`, rss <= limit);
}

function growth(tenth, all, events) {
  const small = best(() => readAll(tenth));
  const ratio = ((all.seconds / small.seconds) * 10 * small.events) / events;
  check(
    `10 x the events take <= ${GOALS.growth} x the time`,
    ratio.toFixed(2),
    ratio <= GOALS.growth,
  );
}

function large(path) {
  console.log(`\ntrace.dat of ${mib(statSync(path).size)} MiB with --max-old-space-size=2048`);
  // The first run may still meet the writing of the file.
  const all = best(() => readAll(path, ['--max-old-space-size=2048']));
  const reference = isInstalled('trace-cmd')
    ? runProgram('trace-cmd', ['report', path])
    : undefined;
  if (reference !== undefined) {
    print('trace-cmd report', reference, all.events, reference, 'trace-cmd');
  }
  print('all columns, library', all, all.events, reference, 'trace-cmd');
  checkSpeed({ all, reference });
  checkMemory('peak memory', all);
}

function mib(bytes) {
  return (bytes / MIB).toFixed(1);
}
