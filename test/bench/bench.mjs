/**
 * Speed and memory of whole processes, as ratios measured in one run against trace-cmd where it is
 * installed:
 *
 *   npm run bench                         on a fixture, repeated to 3 million events
 *   npm run bench -- FILE [EVENTS]        on a trace.dat (version 6) of yours
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { repeatTrace } from './repeat-trace.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TIDEMARK = join(ROOT, 'dist/src/cli/main.js');
const FIXTURE = join(ROOT, 'fixtures/trace-dat/6.18-ext4/slow-writer.dat.gz');
const RUNS = 3;

const [file = FIXTURE, wanted = '3000000'] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'tidemark-bench-'));

try {
  const single = join(folder, 'single.dat');
  repeatTrace(file, single, 1);
  const events = eventsIn(single);
  const times = Math.max(1, Math.round(Number(wanted) / events));
  const repeated = join(folder, 'repeated.dat');
  repeatTrace(file, repeated, times);
  compare('the capture itself', single, events);
  compare(`repeated ${times} times`, repeated, events * times);
  console.log(`--help  ${best(() => run([TIDEMARK, '--help'])).seconds.toFixed(3)} s`);
} finally {
  rmSync(folder, { recursive: true });
}

function eventsIn(path) {
  const args = [TIDEMARK, 'inspect', path, '--json'];
  const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
  return JSON.parse(stdout).total_events;
}

function compare(title, path, events) {
  const page = join(folder, 'page.html');
  console.log(`\n${title}: ${events} events, ${(statSync(path).size / 2 ** 20).toFixed(1)} MiB`);
  const commands = {
    'tidemark inspect': [TIDEMARK, 'inspect', path, '--json'],
    'tidemark replay': [TIDEMARK, 'replay', path, '--json'],
    'tidemark report': [TIDEMARK, 'report', path, '-o', page, '--quiet'],
  };
  const hasTraceCmd = spawnSync('trace-cmd', ['--version']).error === undefined;
  const reference = hasTraceCmd ? best(() => runProgram('trace-cmd', ['report', path])) : undefined;
  if (reference === undefined) console.log('trace-cmd is not installed: no ratios');
  else print('trace-cmd report', reference, events, reference);
  for (const [name, args] of Object.entries(commands)) {
    print(
      name,
      best(() => run(args)),
      events,
      reference,
    );
  }
  console.log(`page    ${(statSync(page).size / 2 ** 20).toFixed(2)} MiB`);
}

function print(name, { seconds, rss }, events, reference) {
  const rate = `${(events / seconds / 1e6).toFixed(2)} M events/s`;
  const factor = reference === undefined ? undefined : reference.seconds / seconds;
  const ratio = factor === undefined ? '' : `${factor.toFixed(1)} x trace-cmd`;
  const memory = rss === undefined ? '' : `${rss} MiB`;
  const time = `${seconds.toFixed(3)} s`;
  const cells = [name.padEnd(18), time, rate.padStart(18), ratio.padStart(18), memory.padStart(10)];
  console.log(cells.join('  '));
}

/** The fastest of some runs: the one that other work on the machine disturbed least. */
function best(measure) {
  return Array.from({ length: RUNS }, measure).sort((a, b) => a.seconds - b.seconds)[0];
}

function run(args) {
  return runProgram(process.execPath, args);
}

/** Output goes to /dev/null; peak memory comes from GNU time where it is installed. */
function runProgram(program, args) {
  const hasTime = spawnSync('/usr/bin/time', ['true']).status === 0;
  const [command, ...rest] = hasTime
    ? ['/usr/bin/time', '-f', '%M', program, ...args]
    : [program, ...args];
  const before = process.hrtime.bigint();
  const result = spawnSync(command, rest, {
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  const seconds = Number(process.hrtime.bigint() - before) / 1e9;
  if (result.status !== 0) throw new Error(`${program} ${args.join(' ')}: ${result.stderr}`);
  const kib = hasTime ? Number(result.stderr.trim().split('\n').at(-1)) : Number.NaN;
  return { seconds, rss: Number.isFinite(kib) ? Math.round(kib / 1024) : undefined };
}
