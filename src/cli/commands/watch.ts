/** `tidemark watch`: a report beside each capture that appears in a folder. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FormatError, UsageError } from '../../trace/errors.ts';
import { parseOptions, WatchOptions } from '../config.ts';
import type { Io } from '../io.ts';
import { report } from './report.ts';

// What reports, recorders and samplers write beside a capture.
const BESIDE = /\.(?:html|json|md|csv|part|tmp|svg|log)$|^\./i;

type Seen = { readonly size: number; readonly changed_ms: number };

/**
 * Looks every few seconds. A file that did not change between two looks is taken to be complete;
 * one that is no capture is said once. Ends by itself only with `--once`.
 */
export async function watch(folder: string, raw: unknown, io: Io): Promise<void> {
  const options = parseOptions(WatchOptions, raw);
  const last = new Map<string, Seen>();
  const refused = new Map<string, Seen>();
  for (;;) {
    for (const [name, seen] of filesIn(folder)) {
      const isStill = isSame(last.get(name), seen);
      last.set(name, seen);
      if (!(isStill || options.once) || isSame(refused.get(name), seen)) continue;
      if (!(await reportOn(join(folder, name), options, io))) refused.set(name, seen);
    }
    if (options.once) return;
    await sleep(options.every * 1000);
  }
}

function isSame(before: Seen | undefined, now: Seen): boolean {
  return before?.size === now.size && before.changed_ms === now.changed_ms;
}

/** Captures without a report that is younger than they are. */
function filesIn(folder: string): [name: string, seen: Seen][] {
  let names: string[];
  try {
    names = readdirSync(folder).sort();
  } catch (error) {
    throw new UsageError(
      `cannot watch ${folder}: ${error instanceof Error ? error.message : error}`,
    );
  }
  return names.flatMap((name): [string, Seen][] => {
    if (BESIDE.test(name)) return [];
    const file = statSync(join(folder, name), { throwIfNoEntry: false });
    if (file === undefined || !file.isFile()) return [];
    const page = statSync(join(folder, `${name}.html`), { throwIfNoEntry: false });
    if (page !== undefined && page.mtimeMs >= file.mtimeMs) return [];
    return [[name, { size: file.size, changed_ms: file.mtimeMs }]];
  });
}

/** False for what is no capture; one bad file must not end the watch. */
async function reportOn(path: string, { redact }: { redact: boolean }, io: Io): Promise<boolean> {
  const output = `${path}.html`;
  try {
    await report(path, { output, redact, quiet: true }, io);
    io.out(`written to ${output}\n`);
    return true;
  } catch (error) {
    if (!(error instanceof FormatError || error instanceof UsageError)) throw error;
    io.err(`tidemark: ${path}: ${error.message}\n`);
    return false;
  }
}
