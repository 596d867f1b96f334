/** What the process does when its output cannot be had, and how it fits a terminal. */
import { spawnSync } from 'node:child_process';
import { existsSync, openSync } from 'node:fs';
import { expect, test } from 'vitest';
import { run } from '../../src/cli/program.ts';
import { ROOT } from '../helpers/bytes.ts';
import { runCli, runOnTerminal } from '../helpers/run-cli.ts';

const SLOW = 'fixtures/trace-dat/6.18-ext4/slow-writer.dat.gz';

test.runIf(existsSync('/dev/full'))('a full disk is said in one sentence, with exit code 2', () => {
  const full = openSync('/dev/full', 'w');
  for (const args of [
    ['diagnose', SLOW],
    ['tables', SLOW, '--event', 'balance_dirty_pages'],
  ]) {
    const { status, stderr } = spawnSync(
      process.execPath,
      ['dist/src/cli/main.js', ...args, '--quiet'],
      { cwd: ROOT, stdio: ['ignore', full, 'pipe'], encoding: 'utf8' },
    );
    expect(stderr).toBe('tidemark: cannot write the output: no space left on the device\n');
    expect(status).toBe(2);
  }
});

test('a reader that goes away ends the program quietly', () => {
  const command = `"${process.execPath}" dist/src/cli/main.js tables ${SLOW} \
--event writeback_dirty_folio | head -n 1`;
  const { status, stdout, stderr } = spawnSync('sh', ['-c', command], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/^ts_ns,/);
});

test('a fault of the program is not what --fail-on names', async () => {
  let err = '';
  const io = {
    out(): boolean {
      throw new Error('the disk is a teapot');
    },
    err(text: string) {
      err += text;
    },
    errIsTerminal: false,
  };
  expect(await run(['inspect', SLOW], io)).toBe(3);
  expect(err).toMatch(/^tidemark: internal error, please report it: Error: the disk is a teapot\n/);
});

test.each([40, 60, 80])('a diagnosis fits a terminal of %i columns', async (columns) => {
  const { code, out } = await runOnTerminal(columns, 'diagnose', SLOW);
  expect(code).toBe(0);
  const isWhole = (line: string) => line.length <= columns || !line.trim().includes(' ');
  // A word of a command may be longer than the screen: it must be pasted as it is.
  const isCommand = (line: string) => / \\$|=\d+$|^ {15}/.test(line);
  expect(out.split('\n').filter((line) => !isWhole(line) && !isCommand(line))).toEqual([]);
  const wide = (await runOnTerminal(98, 'diagnose', SLOW)).out;
  // The same words, whatever the lines: nothing gives way to the width but the list of others.
  const advice = (text: string) => /\nDo +([\s\S]*?)\n(?=\S)/.exec(text)?.[1]?.split(/[\s\\]+/);
  expect(advice(out)).toEqual(advice(wide));
});

test.each<{ columns: number; command: readonly string[] }>([
  { columns: 60, command: ['stalls', SLOW] },
  { columns: 80, command: ['stalls', SLOW] },
  { columns: 80, command: ['replay', SLOW] },
  { columns: 80, command: ['compare', SLOW, '--system', 'ext4', '--system', 'block-none'] },
])('on $columns columns, tables of $command.0 go on below', async ({ columns, command }) => {
  const { code, out } = await runOnTerminal(columns, ...command);
  expect(code).toBe(0);
  expect(out.split('\n').filter((line) => line.length > columns)).toEqual([]);
  // Everything that a screen without an end shows.
  const wide = await runOnTerminal(200, ...command);
  const words = (text: string) => [...new Set(text.split(/\s+/))].sort();
  expect(words(out)).toEqual(words(wide.out));
});

test('without a terminal, tables are whole, so that rows can be searched for', async () => {
  const { out } = await runCli('replay', SLOW);
  expect(out).toMatch(/^ {2}nr_dirty +trace .*in flight .*%/m);
});

test('without a terminal, text is as wide as on a wide one', async () => {
  const wide = await runOnTerminal(300, 'diagnose', SLOW);
  const piped = await runCli('diagnose', SLOW);
  expect(wide.out).toBe(piped.out);
});

test('help fits the terminal, and errors begin with the name of the program', async () => {
  const { out } = await runOnTerminal(80, 'diagnose', '--help');
  expect(out.split('\n').filter((line) => line.length > 80)).toEqual([]);
  const { code, err } = await runOnTerminal(80, 'diagnose');
  expect(code).toBe(2);
  expect(err).toBe(
    "tidemark: missing required argument 'file'\n(tidemark diagnose --help lists its options)\n",
  );
});
