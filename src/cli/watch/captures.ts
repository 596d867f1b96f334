/**
 * The captures of a folder and how far each is: looked at every few seconds, read one after the
 * other once they stand still. A capture that fails is tried again only when it changed.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import {
  type CaptureEntry,
  type CaptureList,
  type CaptureState,
  type CaptureSummary,
  type Report,
  summarizeReport,
} from '../../../reports/index.ts';
import { UsageError } from '../../trace/errors.ts';
import { type Analysis, startAnalysis } from './analysis.ts';
import { capturesIn, type Found } from './folder.ts';
import { isFresh, pageOf, readPage } from './pages.ts';

export type CapturesOptions = {
  readonly redact: boolean;
  /** Where reports go, if not beside their captures. */
  readonly output?: string | undefined;
};

export type CapturesEvents = {
  /** Something in the list is different now. */
  changed(): void;
  written(page: string): void;
  failed(capture: string, problem: string): void;
};

/** More rows than this are of no use to anybody. */
const MAX_ROWS = 1000;

type Watched = {
  found: Found;
  state: CaptureState;
  /** Changed while it was watched: a report beside it is of what it was. */
  isNew: boolean;
  problem: string | undefined;
  summary: CaptureSummary | undefined;
};

export class Captures {
  readonly #folder: string;
  readonly #options: CapturesOptions;
  readonly #events: CapturesEvents;
  readonly #watched = new Map<string, Watched>();
  #problem: string | undefined;
  #running: { readonly name: string; readonly analysis: Analysis | undefined } | undefined;
  #isStopped = false;

  constructor(folder: string, options: CapturesOptions, events: CapturesEvents) {
    this.#folder = folder;
    this.#options = options;
    this.#events = events;
  }

  /** Looks into the folder once, and lets reading begin. */
  look(): void {
    let found: Found[];
    try {
      found = capturesIn(this.#folder);
      this.#setProblem(undefined);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      // A disk that was taken out may come back.
      this.#setProblem(error.message);
      return;
    }
    const names = new Set(found.map(({ name }) => name));
    for (const name of [...this.#watched.keys()]) if (!names.has(name)) this.#forget(name);
    for (const one of found) this.#notice(one);
    void this.#read();
  }

  list(): CaptureList {
    const all = [...this.#watched.values()].sort((one, other) =>
      one.found.name < other.found.name ? -1 : 1,
    );
    const problem = this.#problem;
    return {
      folder: this.#folder,
      entries: all.slice(0, MAX_ROWS).map(toEntry),
      more: Math.max(0, all.length - MAX_ROWS),
      ...(problem === undefined ? {} : { problem }),
    };
  }

  /** The report of a capture by its id, as it lies on disk now; undefined if there is none. */
  report(id: string): Report | undefined {
    for (const { found, state } of this.#watched.values()) {
      if (idOf(found.name) !== id) continue;
      return state === 'reported' ? this.#pageOf(found) : undefined;
    }
    return undefined;
  }

  stop(): void {
    this.#isStopped = true;
    this.#running?.analysis?.stop();
  }

  #setProblem(problem: string | undefined): void {
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.#events.changed();
  }

  #forget(name: string): void {
    this.#watched.delete(name);
    if (this.#running?.name === name) this.#running.analysis?.stop();
    this.#events.changed();
  }

  #notice(found: Found): void {
    const before = this.#watched.get(found.name);
    if (before === undefined || before.found.signature !== found.signature) {
      const isNew = before !== undefined;
      const isReady = !isNew && isFresh(pageOf(found, this.#options.output), found);
      const state = isReady ? 'waiting' : 'growing';
      const watched = { found, state, isNew, problem: undefined, summary: undefined } as const;
      this.#watched.set(found.name, { ...watched });
      this.#events.changed();
      return;
    }
    // Not its age: a capture may bear a time that is still to come.
    const isGone = before.state === 'reported' && !existsSync(pageOf(found, this.#options.output));
    if (before.state === 'growing' || isGone) this.#set(before, { state: 'waiting' });
  }

  #set(watched: Watched, values: Partial<Watched>): void {
    Object.assign(watched, values);
    this.#events.changed();
  }

  /** Reads what waits, in the order of names, until nothing does. */
  async #read(): Promise<void> {
    if (this.#running !== undefined) return;
    for (;;) {
      const next = [...this.#watched.values()]
        .filter(({ state }) => state === 'waiting')
        .sort((one, other) => (one.found.name < other.found.name ? -1 : 1))[0];
      if (next === undefined || this.#isStopped) return;
      await this.#readOne(next);
      this.#running = undefined;
    }
  }

  async #readOne(watched: Watched): Promise<void> {
    const { found, isNew } = watched;
    const page = pageOf(found, this.#options.output);
    this.#set(watched, { state: 'reading', summary: undefined, problem: undefined });
    this.#running = { name: found.name, analysis: undefined };
    // Requests are answered between two pages that are read here.
    await new Promise((resolve) => setImmediate(resolve));
    let report = isNew || found.problem !== undefined ? undefined : this.#freshPage(found, page);
    let problem = found.problem;
    if (report === undefined && problem === undefined) {
      const analysis = startAnalysis(found.path, page, this.#options.redact);
      this.#running = { name: found.name, analysis };
      problem = await analysis.problem;
      report = problem === undefined ? this.#pageOf(found) : undefined;
      if (report !== undefined) this.#events.written(page);
    }
    // It changed or went away meanwhile: this is no news of what is there now.
    const isCurrent = this.#watched.get(found.name) === watched;
    if (!isCurrent || this.#isStopped) return;
    if (report === undefined) {
      const why = problem ?? `its report ${page} could not be read back`;
      this.#events.failed(found.path, why);
      // Its row says where it is.
      this.#set(watched, { state: 'failed', problem: why.replaceAll(found.path, found.name) });
    } else {
      this.#set(watched, { state: 'reported', summary: summarizeReport(report) });
    }
  }

  #freshPage(found: Found, page: string): Report | undefined {
    return isFresh(page, found) ? this.#pageOf(found) : undefined;
  }

  /** A page with names is none where they must not be shown. */
  #pageOf(found: Found): Report | undefined {
    const report = readPage(pageOf(found, this.#options.output));
    return this.#options.redact && report?.redacted !== true ? undefined : report;
  }
}

/** Ids instead of names in addresses: nothing to escape, and no path to leave the folder by. */
function idOf(name: string): string {
  return createHash('sha256').update(name).digest('hex').slice(0, 16);
}

function toEntry({ found, state, problem, summary }: Watched): CaptureEntry {
  return {
    id: idOf(found.name),
    name: found.name,
    size_bytes: found.size_bytes,
    changed_ms: Math.round(found.changed_ms),
    state,
    ...(problem === undefined ? {} : { problem }),
    ...(summary === undefined ? {} : { summary }),
  };
}
