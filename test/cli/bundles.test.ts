/** What `npm run build` puts together: that each bundle finds what it loads late. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Script } from 'node:vm';
import { expect, test } from 'vitest';
import { ROOT } from '../helpers/bytes.ts';

const DIST = join(ROOT, 'dist');
const MAIN = join(DIST, 'src/cli/main.js');
const ENTRIES = [MAIN, join(DIST, 'src/index.js'), join(DIST, 'parsers/index.js')];
const FOLDERS = ['bundled/cli', 'bundled/library'].map((folder) => join(DIST, folder));
/** As the bundler writes them. */
const NAMED =
  /(?:\bfrom ?|\bimport ?|import\(|late\(|new URL\(|require\()"(\.{1,2}\/[\w./-]+\.c?js)"/g;
const isBuilt = FOLDERS.every((folder) => existsSync(folder));

test.skipIf(!isBuilt)('files that a bundle names are there, threads among them', () => {
  const shared = FOLDERS.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => /\.c?js$/.test(name))
      .map((name) => join(folder, name)),
  );
  let workers = 0;
  for (const path of [...ENTRIES, ...shared]) {
    const names = readFileSync(path, 'utf8').matchAll(NAMED);
    for (const [, name = ''] of names) {
      expect(existsSync(join(dirname(path), name)), `${path}: ${name}`).toBe(true);
      if (name.endsWith('/worker.cjs')) workers++;
    }
  }
  expect(workers).toBeGreaterThanOrEqual(FOLDERS.length);
});

test.skipIf(!isBuilt)('code that was compiled ahead is what this V8 takes', () => {
  const scripts = FOLDERS.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.code.cjs'))
      .map((name) => join(folder, name)),
  );
  expect(scripts.length).toBeGreaterThanOrEqual(2 * FOLDERS.length);
  for (const path of scripts) {
    const cachedData = readFileSync(path.replace(/cjs$/, 'cache'));
    const script = new Script(readFileSync(path, 'utf8'), { filename: path, cachedData });
    expect(script.cachedDataRejected, path).toBe(false);
  }
});

test.skipIf(!isBuilt)(
  'the built program knows its version, and its packages their licences',
  () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const { stdout } = spawnSync(process.execPath, [MAIN, '--version'], { encoding: 'utf8' });
    expect(stdout.trim()).toBe(version);
    const notices = readFileSync(join(DIST, 'bundled/cli/NOTICES.txt'), 'utf8');
    for (const name of ['commander', 'zod', 'arquero']) expect(notices).toContain(`${name} `);
  },
);
