/**
 * What threads that read chunks of one text agree on. Where the rows of a chunk go is known once
 * the lines of all chunks before it are scanned: so threads scan side by side, take turns for the
 * moment in which rows are handed out, and read payloads side by side, each to its place.
 *
 * Whoever meets what no line before had, which tables depend on, stops all: chunks from there on
 * are read again when every thread has learned it.
 */

/** Can be sent to threads, which then share it. */
export type TextTurns = {
  /** The places of STATE. */
  readonly state: Int32Array;
  /** By thread: has it begun, or is it told not to? */
  readonly entered: Int32Array;
  /** By table: rows of the chunks so far. */
  readonly rows: Uint32Array;
  /** Events of the chunks so far. */
  readonly events: Uint32Array;
  readonly chunks: number;
};

const STATE = { next: 0, turn: 1, stop: 2 } as const;
const CLOSED = 2;
/** A turn that no chunk has. */
const ENDED = -1;
/** No chunk takes so long to be scanned: whoever has the turn is gone. */
const PATIENCE_MS = 5_000;

/** Thrown by waitForTurn: another thread has stopped before this chunk. */
export class TurnsEnded extends Error {}

export function makeTurns(
  chunks: number,
  threads: number,
  rows: readonly number[],
  events: number,
): TextTurns {
  const turns = {
    state: new Int32Array(new SharedArrayBuffer(12)),
    entered: new Int32Array(new SharedArrayBuffer(4 * threads)),
    rows: new Uint32Array(new SharedArrayBuffer(4 * rows.length)),
    events: new Uint32Array(new SharedArrayBuffer(4)),
    chunks,
  };
  turns.rows.set(rows);
  turns.events[0] = events;
  turns.state[STATE.stop] = chunks;
  return turns;
}

/** False where there is nothing left to do for the thread. */
export function enter({ entered }: TextTurns, thread: number): boolean {
  return Atomics.compareExchange(entered, thread, 0, 1) === 0;
}

/** True when the thread has entered; if not so far, it never will. */
export function hasEntered({ entered }: TextTurns, thread: number): boolean {
  return Atomics.compareExchange(entered, thread, 0, CLOSED) !== 0;
}

/** The next chunk; undefined when there is none. */
export function takeChunk({ state }: TextTurns): number | undefined {
  const chunk = Atomics.add(state, STATE.next, 1);
  return chunk < Atomics.load(state, STATE.stop) ? chunk : undefined;
}

/** Returns when all chunks before this one have their rows; throws if they never will. */
export function waitForTurn({ state }: TextTurns, chunk: number): void {
  for (;;) {
    const turn = Atomics.load(state, STATE.turn);
    if (turn === chunk) return;
    if (turn === ENDED) throw new TurnsEnded();
    if (Atomics.wait(state, STATE.turn, turn, PATIENCE_MS) === 'timed-out') {
      throw new Error(`the lines of chunk ${turn} were never scanned`);
    }
  }
}

export function passTurn({ state }: TextTurns): void {
  Atomics.add(state, STATE.turn, 1);
  Atomics.notify(state, STATE.turn);
}

/** This chunk and those behind it are not read. */
export function stopAt({ state }: TextTurns, chunk: number): void {
  let stop = Atomics.load(state, STATE.stop);
  while (chunk < stop) stop = Atomics.compareExchange(state, STATE.stop, stop, chunk);
}

/** No thread waits any longer: whoever calls it has the turn, or gives up. */
export function endTurns({ state }: TextTurns): void {
  Atomics.store(state, STATE.turn, ENDED);
  Atomics.notify(state, STATE.turn);
}

/** Nothing that was read since these turns began counts. */
export function failTurns(turns: TextTurns): void {
  stopAt(turns, -1);
  endTurns(turns);
}

/** How many chunks are read, from the first on. */
export function chunksRead({ state }: TextTurns): number {
  return Math.max(0, Atomics.load(state, STATE.stop));
}
