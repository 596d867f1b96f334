/** The reports that lie beside captures: whether one is there, and what it says. */
import { readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Report, readHtml } from '../../../reports/index.ts';
import { type Found, placedAt } from './folder.ts';

/** Nothing that Tidemark writes is so large. */
const MAX_PAGE_BYTES = 16 << 20;

/** Beside the capture, or in a folder of its own. */
export function pageOf({ path, name }: Found, output: string | undefined): string {
  return `${output === undefined ? path : join(output, basename(name))}.html`;
}

/** True if there is a page that is younger than the capture. */
export function isFresh(page: string, { placed_ms }: Found): boolean {
  const file = statSync(page, { throwIfNoEntry: false });
  return file?.isFile() === true && placedAt(file) >= placed_ms;
}

/** Undefined for what is no page of this version, whoever wrote it. */
export function readPage(page: string): Report | undefined {
  try {
    if (statSync(page).size > MAX_PAGE_BYTES) return undefined;
    return readHtml(readFileSync(page, 'utf8'));
  } catch {
    // It went away, or may not be read.
    return undefined;
  }
}
