/**
 * What each thread does with a text that several read: takes chunks of whole lines, one after the
 * other, and reads their rows to where they belong (text-turns.ts). What only follows from the
 * chunks before is noted down for the thread that puts all together (text-part.ts).
 */
import type { DiagnosticCode, DiagnosticPlace } from '../../src/trace/diagnostics.ts';
import { type ByteSource, sliceSource } from '../bytes/source.ts';
import { NO_CPU } from './perf-event-name.ts';
import { type BelowZero, NewShape, type SinkNotes } from './text-exchange.ts';
import { PLACE, READ_BYTES } from './text-places.ts';
import {
  type Dialect,
  type RowsPlace,
  readStretch,
  restartReading,
  type TextReading,
} from './text-reading.ts';
import { forgetCounts, linesOf, type TableBuilder, type TableSet } from './text-tables.ts';
import {
  endTurns,
  failTurns,
  passTurn,
  stopAt,
  type TextTurns,
  TurnsEnded,
  takeChunk,
  waitForTurn,
} from './text-turns.ts';

/** What happened between the events, in order. */
export type ChunkStep =
  /** A line that is no event; `last` is the time of its CPU's last event, NaN if there is none. */
  | {
      readonly kind: 'line';
      readonly line: number;
      readonly text: Uint8Array;
      readonly cpu: number;
      readonly last: number;
      readonly firstTs: number;
    }
  /** The first event of a CPU, in the chunk or after a line that is no event. */
  | { readonly kind: 'resumed'; readonly cpu: number; readonly ts: number }
  | {
      readonly kind: 'note';
      readonly code: DiagnosticCode;
      readonly count: number | undefined;
      readonly place: DiagnosticPlace & { readonly line: number };
    };

/** Rows of a table, by its id, that were not understood. */
export type GoneRows = { readonly table: number; readonly from: number; readonly to: number };

export type TextChunk = {
  readonly chunk: number;
  readonly facts: ChunkFacts;
  readonly lastOfCpu: readonly (readonly [cpu: number, ts: number])[];
  readonly steps: readonly ChunkStep[];
  /** Commands that the thread met here first. */
  readonly comms: readonly string[];
  /** Lines that the thread has read so far, by event name, in the order of names. */
  readonly lines: Int32Array;
  /** Of each table, its id and the rows from one place to another, three numbers each. */
  readonly rows: Int32Array;
  readonly gone: readonly GoneRows[];
  readonly belowZero: readonly (readonly [table: number, column: string, found: BelowZero])[];
};

export type ChunkFacts = Pick<
  TextReading,
  | 'line'
  | 'events'
  | 'startTs'
  | 'firstTs'
  | 'lastTs'
  | 'maxDigits'
  | 'maxCpu'
  | 'callers'
  | 'backwards'
  | 'disordered'
  | 'previousTs'
  | 'disorder'
>;

/** All that a thread has read. */
export type TextPart = {
  readonly chunks: readonly TextChunk[];
  readonly comms: readonly string[];
  readonly names: number;
  /** By table; of tables whose columns are not kept, empty. */
  readonly notes: readonly (readonly SinkNotes[])[];
};

/** The stretch that is shared out. */
export type ChunkPlan = {
  readonly from: number;
  readonly to: number;
  readonly chunkBytes: number;
  readonly turns: TextTurns;
};

export type ChunkOptions = {
  /** For tests: no more chunks than this. */
  readonly most?: number | undefined;
  readonly progress?: (share: number) => void;
};

/** More steps than this are a text that is no trace for the most part. */
const MAX_STEPS = 50_000;

/**
 * Reads chunks until there are no more. The reading is left as after some chunk; it must have been
 * told where its tables are. Throws when the text is better left to one thread.
 */
export function readChunks(
  source: ByteSource,
  reading: TextReading,
  dialect: Dialect,
  plan: ChunkPlan,
  { most = Number.POSITIVE_INFINITY, progress = () => {} }: ChunkOptions = {},
): TextPart {
  const { turns } = plan;
  const { set } = reading;
  const chunks: TextChunk[] = [];
  let steps = 0;
  forgetCounts(set);
  set.memory.isFrozen = true;
  // The loops go on behind them, which is all that differs.
  set.memory.set(PLACE.NOTES_FIRSTS, 1);
  try {
    while (chunks.length < most) {
      const chunk = takeChunk(turns);
      const read =
        chunk === undefined ? undefined : readChunk(source, reading, dialect, plan, chunk);
      if (read === undefined) break;
      chunks.push(read);
      steps += read.steps.length;
      if (steps > MAX_STEPS) throw new Error('too many lines are no events');
      progress(Math.min(1, (plan.from + (read.chunk + 1) * plan.chunkBytes) / source.size));
    }
  } catch (error) {
    failTurns(turns);
    throw error;
  } finally {
    set.memory.isFrozen = false;
    set.memory.dropRows();
    reading.notes.length = 0;
    set.memory.set(PLACE.NOTES_FIRSTS, 0);
    set.firstSeq = 0;
  }
  const notes = set.tables.map(({ detail, payloads }) =>
    detail === 'columns' ? payloads.notes() : [],
  );
  return { chunks, comms: set.comms.dictionary, names: set.byName.size, notes };
}

/** Undefined where the reading of chunks ends before this one is read. */
function readChunk(
  source: ByteSource,
  reading: TextReading,
  dialect: Dialect,
  plan: ChunkPlan,
  chunk: number,
): TextChunk | undefined {
  const { set } = reading;
  const [from, to] = boundsOf(source, plan, chunk);
  restartReading(reading);
  for (const { payloads } of set.tables) payloads.belowZero.clear();
  const comms = set.comms.dictionary.length;
  const steps: ChunkStep[] = [];
  reading.onNotes = (notes) => {
    for (const { code, count, place } of notes) steps.push({ kind: 'note', code, count, place });
  };
  const rows = new ChunkRows(reading, plan.turns, chunk);
  const stretch = {
    ...{ source: sliceSource(source, source.name, from, to - from), base: from },
    ...{ before: from, whole: source.size },
  };
  try {
    readStretch(stretch, reading, recorder(reading, dialect, steps), {
      rows,
      chunkBytes: READ_BYTES,
    });
    rows.finish();
  } catch (error) {
    if (error instanceof NewShape) rows.stop();
    else if (!(error instanceof TurnsEnded)) throw error;
    return undefined;
  }
  return {
    chunk,
    facts: factsOf(reading),
    lastOfCpu: lastOfCpu(reading),
    steps,
    comms: set.comms.dictionary.slice(comms),
    lines: Int32Array.from(set.byName.values(), (event) => linesOf(set, event)),
    rows: Int32Array.from(rows.all),
    gone: rows.gone,
    belowZero: takeBelowZero(set),
  };
}

/** Where in the source the chunk begins and ends. */
export function boundsOf(
  source: ByteSource,
  { from, to, chunkBytes, turns }: ChunkPlan,
  chunk: number,
): [from: number, to: number] {
  const first = chunk === 0 ? from : lineEndAfter(source, from + chunk * chunkBytes);
  const isLast = chunk === turns.chunks - 1;
  return [first, isLast ? to : lineEndAfter(source, from + (chunk + 1) * chunkBytes)];
}

const LF = 0x0a;
const PROBE_BYTES = 1 << 10;

/** The end of the first line that ends behind `offset`; that of the input when there is none. */
export function lineEndAfter(source: ByteSource, offset: number): number {
  const probe = new Uint8Array(PROBE_BYTES);
  for (let at = offset; at < source.size; ) {
    const got = source.readInto(probe, at);
    const newline = probe.subarray(0, got).indexOf(LF);
    if (newline >= 0) return at + newline + 1;
    if (got === 0) break;
    at += got;
  }
  return source.size;
}

/** Lines that are no events are read when those of the chunks before are. */
function recorder(reading: TextReading, dialect: Dialect, steps: ChunkStep[]): Dialect {
  const { memory } = reading.set;
  return {
    ...dialect,
    onOther: (bytes, from, to) => {
      const cpu = dialect.cpuOf(bytes, from, to);
      if (cpu < 0) return;
      const last = memory.lastOfCpu[cpu] ?? Number.NaN;
      const text = bytes.slice(from, to + 1);
      const { line, firstTs } = reading;
      steps.push({ kind: 'line', line, text, cpu, last, firstTs });
      memory.isWaiting[cpu] = 1;
    },
    onFirst: (cpu, ts) => steps.push({ kind: 'resumed', cpu, ts }),
    onResumed: (cpu, ts) => steps.push({ kind: 'resumed', cpu, ts }),
  };
}

/** Gives the rows of a chunk their places when it is its turn. */
class ChunkRows implements RowsPlace {
  readonly all: number[] = [];
  readonly gone: GoneRows[] = [];
  readonly #reading: TextReading;
  readonly #turns: TextTurns;
  readonly #chunk: number;
  #state: 'waiting' | 'turn' | 'passed' = 'waiting';
  #now: { readonly builder: TableBuilder; readonly to: number }[] = [];

  constructor(reading: TextReading, turns: TextTurns, chunk: number) {
    this.#reading = reading;
    this.#turns = turns;
    this.#chunk = chunk;
  }

  before(isLast: boolean): void {
    const { set } = this.#reading;
    this.#take();
    const { rows } = this.#turns;
    const first = PLACE.TOUCHED >> 2;
    const touched = set.memory.i32.subarray(first, first + set.memory.get(PLACE.TOUCHED_COUNT));
    this.#now = [];
    for (const id of touched) {
      const builder = set.tables[id] as TableBuilder;
      if (builder.detail === 'count') continue;
      const from = rows[id] as number;
      const to = from + set.memory.get(PLACE.TABLE_ROWS + 4 * id);
      // There is no more memory for them.
      if (to > builder.ts.length) throw new NewShape();
      rows[id] = to;
      builder.rows = from;
      this.#now.push({ builder, to });
      this.all.push(id, from, to);
    }
    if (isLast) this.#pass();
  }

  after(): void {
    for (let nth = 0; nth < this.#now.length; nth++) {
      const { builder, to } = this.#now[nth] as { builder: TableBuilder; to: number };
      if (builder.rows < to) this.gone.push({ table: builder.id, from: builder.rows, to });
    }
  }

  /** All lines are read. */
  finish(): void {
    this.#take();
    this.#pass();
  }

  /** The chunk, and all behind it, must be read again. */
  stop(): void {
    try {
      this.#take();
    } catch (error) {
      if (error instanceof TurnsEnded) return;
      throw error;
    }
    stopAt(this.#turns, this.#chunk);
    if (this.#state === 'turn') endTurns(this.#turns);
  }

  #take(): void {
    if (this.#state !== 'waiting') return;
    waitForTurn(this.#turns, this.#chunk);
    this.#state = 'turn';
    this.#reading.set.firstSeq = this.#turns.events[0] as number;
  }

  #pass(): void {
    if (this.#state !== 'turn') return;
    (this.#turns.events[0] as number) += this.#reading.events;
    this.#state = 'passed';
    passTurn(this.#turns);
  }
}

export function factsOf(reading: TextReading): ChunkFacts {
  const { line, events, startTs, firstTs, lastTs, maxDigits, maxCpu } = reading;
  const { callers, backwards, disordered, previousTs, disorder } = reading;
  return {
    ...{ line, events, startTs, firstTs, lastTs, maxDigits, maxCpu },
    ...{ callers, backwards, disordered, previousTs, disorder },
  };
}

function lastOfCpu({ set, maxCpu }: TextReading): [cpu: number, ts: number][] {
  const found: [number, number][] = [];
  for (let cpu = 0; cpu <= maxCpu + 1; cpu++) {
    const own = cpu > maxCpu ? NO_CPU : cpu;
    const ts = set.memory.lastOfCpu[own] as number;
    if (!Number.isNaN(ts)) found.push([own, ts]);
  }
  return found;
}

function takeBelowZero({ tables }: TableSet): [table: number, column: string, found: BelowZero][] {
  return tables.flatMap(({ id, payloads: { belowZero } }) => {
    const found = [...belowZero].map(
      ([column, own]) => [id, column, own] as [number, string, BelowZero],
    );
    belowZero.clear();
    return found;
  });
}
