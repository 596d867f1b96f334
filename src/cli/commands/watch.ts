/** `tidemark watch`: a report beside each capture that appears in a folder, and a page of them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { visible } from '../../../reports/index.ts';
import { FormatError, UsageError } from '../../trace/errors.ts';
import { parseOptions, WatchOptions } from '../config.ts';
import { makeFolder } from '../files.ts';
import type { Io } from '../io.ts';
import { Captures, type CapturesOptions } from '../watch/captures.ts';
import { capturesIn } from '../watch/folder.ts';
import { isFresh, pageOf, readPage } from '../watch/pages.ts';
import { report } from './report.ts';

/**
 * With `--once`, reports on what lacks its report and returns. Otherwise looks every few seconds,
 * serves the page and returns at SIGINT or SIGTERM. Throws UsageError for a folder that cannot be
 * read and for a port that cannot be had.
 */
export async function watch(folder: string, raw: unknown, io: Io): Promise<void> {
  const options = parseOptions(WatchOptions, raw);
  if (options.output !== undefined) makeFolder(options.output);
  if (options.once) await reportOnce(folder, options, io);
  else await serve(folder, options, io);
}

type OnceOptions = CapturesOptions & { readonly quiet: boolean };

async function reportOnce(folder: string, options: OnceOptions, io: Io): Promise<void> {
  const captures = capturesIn(folder);
  let left = captures.length;
  for (const found of captures) {
    const page = pageOf(found, options.output);
    const showsNames = options.redact && readPage(page)?.redacted === false;
    if (isFresh(page, found) && !showsNames) {
      left--;
      continue;
    }
    try {
      if (found.problem !== undefined) throw new UsageError(found.problem);
      await report(found.path, { output: page, redact: options.redact, quiet: true }, io);
      sayWritten(page, io);
    } catch (error) {
      // One bad file must not end the watch.
      if (!(error instanceof FormatError || error instanceof UsageError)) throw error;
      sayFailed(found.path, error.message, io);
    }
  }
  if (left > 0 || options.quiet) return;
  const what = captures.length === 0 ? 'holds no capture' : 'holds no capture without its report';
  io.err(`${visible(folder)} ${what}\n`);
}

function sayWritten(page: string, io: Io): void {
  io.out(`written to ${visible(page)}\n`);
}

function sayFailed(capture: string, problem: string, io: Io): void {
  // Most sentences name the file themselves.
  const said = problem.includes(capture) ? problem : `${capture}: ${problem}`;
  io.err(`tidemark: ${visible(said)}\n`);
}

type ServeOptions = CapturesOptions & { readonly every: number; readonly port: number };

async function serve(folder: string, options: ServeOptions, io: Io): Promise<void> {
  const { PageServer } = await import('../watch/server.ts');
  const { watchAssets } = await import('../watch/assets.ts');
  const captures = new Captures(folder, options, {
    changed: () => server.tell(),
    written: (page) => sayWritten(page, io),
    failed: (capture, problem) => sayFailed(capture, problem, io),
  });
  const server = new PageServer(captures, watchAssets());
  // A folder that is not there is said before a port is taken.
  capturesIn(folder);
  const address = await server.listen(options.port);
  const ended = new AbortController();
  const end = () => ended.abort();
  process.once('SIGINT', end).once('SIGTERM', end);
  try {
    io.out(`watching ${visible(folder)} at ${address} (Ctrl+C ends it)\n`);
    while (!ended.signal.aborted) {
      captures.look();
      await sleep(options.every * 1000, undefined, { signal: ended.signal }).catch(() => undefined);
    }
  } finally {
    process.removeListener('SIGINT', end).removeListener('SIGTERM', end);
    captures.stop();
    await server.close();
  }
}
