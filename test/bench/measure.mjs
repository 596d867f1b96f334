/** Whole processes measured: time, peak memory, ratios. Shared by the sections of the benchmark. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const TIDEMARK = join(ROOT, 'dist/src/cli/main.js');
const RUNS = 5;

/**
 * Where it is set, node reads these certificates at each start, before any program: 45 ms of 70,
 * which are not what is measured here. Nothing measured speaks to a network.
 */
const { NODE_EXTRA_CA_CERTS: _, ...ENVIRONMENT } = process.env;
const MIB = 2 ** 20;

/** Reads a capture to tables with all of their columns and prints what it has. */
const READ_ALL = join(ROOT, 'test/bench/read-all.mjs');

/** The fastest of some runs: the one that other work on the machine disturbed least. */
export function best(measure, runs = RUNS) {
  return Array.from({ length: runs }, measure).sort((a, b) => a.seconds - b.seconds)[0];
}

/** The same of several measurements, in turns: other work on the machine meets all of them. */
export function bestInTurns(measurements, runs = RUNS) {
  const found = {};
  for (let turn = 0; turn < runs; turn++) {
    for (const [name, measure] of Object.entries(measurements)) {
      const run = measure();
      if (!(found[name]?.seconds <= run.seconds)) found[name] = run;
    }
  }
  return found;
}

/** Output goes to /dev/null; peak memory comes from GNU time where it is installed. */
export function runProgram(program, args, stdout = 'ignore') {
  const hasTime = spawnSync('/usr/bin/time', ['true']).status === 0;
  const [command, ...rest] = hasTime
    ? ['/usr/bin/time', '-f', '%M', program, ...args]
    : [program, ...args];
  const before = process.hrtime.bigint();
  const result = spawnSync(command, rest, {
    stdio: ['ignore', stdout, 'pipe'],
    encoding: 'utf8',
    env: ENVIRONMENT,
    maxBuffer: 1 << 28,
  });
  const seconds = Number(process.hrtime.bigint() - before) / 1e9;
  if (result.status !== 0) throw new Error(`${program} ${args.join(' ')}: ${result.stderr}`);
  const kib = hasTime ? Number(result.stderr.trim().split('\n').at(-1)) : Number.NaN;
  const rss = Number.isFinite(kib) ? Math.round(kib / 1024) : undefined;
  return { seconds, rss, stdout: result.stdout };
}

export function runNode(args, stdout) {
  return runProgram(process.execPath, args, stdout);
}

/** All columns of all tables, in one process; `columns` is their size in MiB. */
export function readAll(path, nodeOptions = []) {
  const run = runNode([...nodeOptions, READ_ALL, path], 'pipe');
  const { events, bytes } = JSON.parse(run.stdout);
  return { ...run, events, columns: Math.round(bytes / MIB) };
}

export function isInstalled(program) {
  return spawnSync(program, ['--version']).error === undefined;
}

/** One line: time, events a second, ratio to the reference, peak memory. */
export function print(name, { seconds, rss }, events, reference, referenceName) {
  const rate = `${(events / seconds / 1e6).toFixed(2)} M events/s`;
  const factor = reference === undefined ? undefined : reference.seconds / seconds;
  const ratio = factor === undefined ? '' : `${factor.toFixed(1)} x ${referenceName}`;
  const memory = rss === undefined ? '' : `${rss} MiB`;
  const time = `${seconds.toFixed(3)} s`;
  const cells = [name.padEnd(20), time, rate.padStart(18), ratio.padStart(18), memory.padStart(10)];
  console.log(cells.join('  '));
}

/** `ok` or `FAILED` beside a promise and what was measured. */
export function check(promise, measured, holds) {
  console.log(`${holds ? 'ok    ' : 'FAILED'}  ${promise}: ${measured}`);
}
