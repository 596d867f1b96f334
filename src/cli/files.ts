/** Files that commands write and the package's own files that they read. */
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assert } from '../trace/assert.ts';
import { refusalText, UsageError } from '../trace/errors.ts';

/** Throws UsageError when a file cannot be made at the path. */
export function checkWritable(path: string): void {
  const folder = dirname(path);
  if (!existsSync(folder))
    throw new UsageError(`cannot write ${path}: there is no folder ${folder}`);
  if (existsSync(path) && statSync(path).isDirectory()) {
    throw new UsageError(`cannot write ${path}: it is a directory`);
  }
  try {
    accessSync(folder, constants.W_OK);
  } catch {
    throw new UsageError(`cannot write ${path}: no permission to write in ${folder}`);
  }
}

/** Makes a folder if it is not there; throws UsageError when files cannot be made in it. */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw new UsageError(`cannot make ${path}: ${refusalText(error)}`);
  }
  checkWritable(join(path, 'chart.svg'));
}

/** The whole file or none of it: written beside its place, then moved there. */
export function writeWhole(path: string, content: string | Uint8Array): void {
  const partial = `${path}.${process.pid}.part`;
  try {
    writeFileSync(partial, content);
    renameSync(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    throw new UsageError(`cannot write ${path}: ${refusalText(error)}`);
  }
}

/** The text of a file that was named; its absence is a wrong request. */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`cannot read ${path}: ${refusalText(error)}`);
  }
}

/** The text of a file that may be there or not. */
export function readIfThere(path: string): string | undefined {
  return existsSync(path) ? readText(path) : undefined;
}

/** A file of this package, from its root. */
export function readPackageFile(path: string): string {
  return readFileSync(join(packageRoot(), path), 'utf8');
}

/** A file of a package that this one depends on, by its name in that package. */
export function readModuleFile(name: string): Uint8Array {
  return readFileSync(createRequire(import.meta.url).resolve(name));
}

/** The built program, to run in a process of its own. */
export function programPath(): string {
  return join(packageRoot(), 'dist/src/cli/main.js');
}

/** The folder of package.json, above this file both in the sources and in dist. */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    assert(folder !== dirname(folder), 'the program lies in its package');
    folder = dirname(folder);
  }
  return folder;
}
