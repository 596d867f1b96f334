/** What programs import: the package by its own name, and the model without any trace. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { FIXTURES, ROOT } from '../helpers/bytes.ts';

const SLOW = `${FIXTURES}trace-dat/6.18-ext4/slow-writer.dat.gz`;
// The built package, as a program sees it.
const library = async (): Promise<typeof import('../../src/index.ts')> => import('tidemark');

test('a trace is opened, replayed and diagnosed', async () => {
  const { openTrace, replay, lawsOf, diagnose } = await library();
  const trace = await openTrace(SLOW);
  const result = replay(trace);
  expect(result.history?.fits.nr_dirtied.n).toBeGreaterThan(0);
  const limit = lawsOf(result).find(({ name }) => name === 'limit');
  expect(limit?.result.exact).toBe(limit?.result.n);
  expect(diagnose(trace).verdict.root_cause).toBe('device-slower-than-writers');
});

test('the example of the README runs as it stands', async () => {
  const blocks = readFileSync(`${ROOT}README.md`, 'utf8').matchAll(/```js\n([\s\S]*?)```/g);
  const [example] = [...blocks].map(([, code = '']) => code);
  expect(example).toContain("from 'tidemark'");
  const body = example?.replace(/^import (\{.*\}) from 'tidemark';$/m, 'const $1 = library;');
  const lines: unknown[][] = [];
  const log = (...values: unknown[]) => lines.push(values);
  const run = Object.getPrototypeOf(async () => undefined).constructor;
  await new run('library', 'console', body)(await library(), { log });
  expect(lines[0]?.[0]).toMatch(/device/);
  const limit = lines.find(([name]) => name === 'limit');
  expect(limit?.[1]).toBe(limit?.[3]);
  expect(lines.find(([name]) => name === 'nr_dirty')?.[3]).toBeGreaterThan(0);
  expect(lines.some(([name]) => name === 'cgroup')).toBe(true);
  expect(lines.at(-1)).toEqual([8]);
});

test('the schema of `diagnose --json` is part of the package', async () => {
  const { DIAGNOSIS_VERSION, parseDiagnosis } = await library();
  expect(DIAGNOSIS_VERSION).toBe(1);
  expect(() => parseDiagnosis('{}')).toThrow(/schema/);
});

test('errors are of the exported kinds', async () => {
  const { openTrace, FormatError, UsageError } = await library();
  await expect(openTrace(`${ROOT}package.json`)).rejects.toBeInstanceOf(FormatError);
  await expect(openTrace('no/such/file')).rejects.toBeInstanceOf(UsageError);
});

test('the model needs no trace', async () => {
  const { model, units } = await library();
  // Half way between setpoint and limit the polynomial gives 1 − (1/2)³ of the rate.
  expect(model.positionPolynomial(1000, 1500, 2000)).toBe(1024 - 128);
  expect(model.freerunCeiling(units.asPages(2000), units.asPages(1000))).toBe(1500);
});

test.each([
  ['nodenext', 'nodenext'],
  ['preserve', 'bundler'],
])('a program compiles with module %s, types of packages checked', (module, resolution) => {
  const options = ['--noEmit', '--strict', '--skipLibCheck', 'false', '--target', 'es2023'];
  const { stdout, status } = spawnSync(
    `${ROOT}node_modules/.bin/tsc`,
    [
      ...['--ignoreConfig', ...options, '--types', 'node'],
      ...['--module', module, '--moduleResolution', resolution, 'test/library/program.ts'],
    ],
    { cwd: ROOT, encoding: 'utf8' },
  );
  expect([stdout, status]).toEqual(['', 0]);
});
