/**
 * Speed and memory of texts of events, on fixtures that are repeated with later times:
 *
 *   node test/bench/text.mjs [MEGABYTES]     (after npm run build; 400 if not said)
 *
 * Prints megabytes and events a second with one thread and with two, their ratio, the peak of
 * resident memory beside the bytes of the tables, and how time grows from a tenth to the whole;
 * each beside what is promised. The ratio comes for three times the bytes, too: threads start once
 * in it. Each measurement is a process of its own; the fastest counts.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { check } from './measure.mjs';
import { repeatText } from './repeat-text.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DOOR = process.env.TIDEMARK_DIST ?? join(ROOT, 'dist');
const RUNS = 5;
const RUNS_OF_LONG = 3;
const MIB = 2 ** 20;
/** What is promised: of one thread, of two over one, time for 10 times the bytes, memory. */
const GOALS = { megabytes: 500, speedup: 1.4, growth: 10.5, rssPerColumns: 1.5, rssMiB: 250 };
const FIXTURES = {
  'ftrace text': 'fixtures/ftrace-text/6.18-ext4/slow-writer.txt.gz',
  'perf script text': 'fixtures/perf-script/6.18-ext4/slow-writer.txt.gz',
};

const READ = `
const [door, path, threads] = process.argv.slice(1);
const { existsSync, readFileSync } = await import('node:fs');
const { openTrace } = await import(door + '/parsers/index.js');
const before = performance.now();
const trace = await openTrace(path, { threads: Number(threads) });
const seconds = (performance.now() - before) / 1000;
let kept = 0;
for (const { columns } of trace.tables.values()) {
  for (const column of Object.values(columns)) kept += (column.codes ?? column.values).byteLength;
}
const events = trace.meta.events.reduce((sum, { count }) => sum + count, 0);
// What the system counts otherwise begins with the memory of the process that started this one.
const own = '/proc/self/status';
const status = existsSync(own) ? readFileSync(own, 'utf8') : '';
const peak = /VmHWM:\\s+(\\d+)/.exec(status)?.[1] ?? process.resourceUsage().maxRSS;
const rss = Number(peak) * 1024;
console.log(JSON.stringify({ seconds, events, kept, rss }));
`;

/** One line for each text; `print` gets them. */
export function benchTexts({ megabytes = 400, print = console.log } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-text-'));
  try {
    for (const [title, fixture] of Object.entries(FIXTURES)) {
      const large = join(folder, 'large.txt');
      const small = join(folder, 'small.txt');
      repeatText(join(ROOT, fixture), large, megabytes * 1e6);
      repeatText(join(ROOT, fixture), small, megabytes * 1e5);
      print(`\n${title}: ${(statSync(large).size / 1e6).toFixed(0)} MB`);
      const measured = fastest([
        [large, 1],
        [large, 2],
        [small, 1],
      ]);
      report(measured, statSync(large).size, statSync(small).size, print);
      repeatText(join(ROOT, fixture), large, 3 * megabytes * 1e6);
      reportLong(large, print);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function report([one, two, tenth], size, smallSize, print) {
  for (const [threads, { seconds, events, rss, kept }] of [
    [1, one],
    [2, two],
  ]) {
    const speed = `${(size / seconds / 1e6).toFixed(0)} MB/s`.padStart(9);
    const rate = `${(events / seconds / 1e6).toFixed(2)} M events/s`;
    print(`${threads} thread(s) ${speed}  ${rate}`);
    const limit = GOALS.rssPerColumns * kept + GOALS.rssMiB * MIB;
    const promise = `peak memory <= ${mebibytes(limit)} for ${mebibytes(kept)} of tables`;
    check(promise, mebibytes(rss), rss <= limit);
  }
  const speed = size / one.seconds / 1e6;
  const speedup = one.seconds / two.seconds;
  const growth = ((one.seconds / tenth.seconds) * 10 * smallSize) / size;
  check(`${GOALS.megabytes} MB/s with one thread`, speed.toFixed(0), speed >= GOALS.megabytes);
  const isFaster = speedup >= GOALS.speedup;
  check(`two threads >= ${GOALS.speedup} x one`, speedup.toFixed(2), isFaster);
  const promise = `10 x the bytes take <= ${GOALS.growth} x the time`;
  check(promise, growth.toFixed(2), growth <= GOALS.growth);
}

function reportLong(path, print) {
  const cases = [
    [path, 1],
    [path, 2],
  ];
  const [one, two] = fastest(cases, RUNS_OF_LONG);
  const bytes = `${(statSync(path).size / 1e6).toFixed(0)} MB`;
  const speeds = [one, two].map(({ seconds }) => (statSync(path).size / seconds / 1e6).toFixed(0));
  print(`${bytes}: ${speeds[0]} MB/s with one thread, ${speeds[1]} with two`);
  const speedup = one.seconds / two.seconds;
  const isFaster = speedup >= GOALS.speedup;
  check(`two threads >= ${GOALS.speedup} x one, ${bytes}`, speedup.toFixed(2), isFaster);
}

function mebibytes(bytes) {
  return `${(bytes / MIB).toFixed(0)} MiB`;
}

/** In turns, so that other work on the machine meets all of them. */
function fastest(cases, runs = RUNS) {
  const best = cases.map(() => undefined);
  for (let run = 0; run < runs; run++) {
    for (const [nth, [path, threads]] of cases.entries()) {
      const result = measure(path, threads);
      if (best[nth] === undefined || result.seconds < best[nth].seconds) best[nth] = result;
    }
  }
  return best;
}

function measure(path, threads) {
  const args = ['--input-type=module', '-e', READ, DOOR, path, String(threads)];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const megabytes = Number(process.argv[2] ?? 400);
  benchTexts({ megabytes });
}
