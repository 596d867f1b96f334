/**
 * What threads that read slices agree on. Where a slice's rows go is known once the records of all
 * slices before it are counted, which is when they have been listed: so threads list side by side,
 * then take turns for the moment that handing over the rows takes, and read columns side by side.
 *
 * Memory for an event's columns is taken when it first occurs, by a guess at its rows. Where that
 * was too little, further rows go to a larger place, and those before them are copied at the end.
 */
import type { SlicePlan } from './slices.ts';

/** Can be sent to threads, which then share it. */
export type SliceOrder = {
  /** TURN, HAS_FAILED and USED of STATE. */
  readonly state: Int32Array;
  /** ORIGIN and SEQ of TOTALS. */
  readonly totals: Float64Array;
  /** By event id: rows of the slices so far, where columns are, and the rows they have room for. */
  readonly rows: Uint32Array;
  readonly at: Uint32Array;
  readonly room: Uint32Array;
  readonly slices: number;
  /** Rows of the whole file by event id, where they were counted before. */
  readonly counted: Uint32Array | undefined;
  /** Bytes of the memory that columns lie in. */
  readonly memoryBytes: number;
};

const STATE = { turn: 0, hasFailed: 1, used: 2 } as const;
/** The time that all others are counted from, and the events so far. */
export const TOTALS = { origin: 0, seq: 1 } as const;

/** Memory is handed out in parts of so many bytes, a line of the processor's cache. */
const UNIT = 64;
/** No slice takes so long to be listed: whoever has the turn is gone. */
const PATIENCE_MS = 20_000;
/** Rows are guessed to be so many times more than the slices so far make believe. */
const SPARE = 2;
const LEAST_ROOM = 1024;

/** `originTs`: undefined for the time of the first record. `usedBytes` are taken already. */
export function makeSliceOrder(
  plan: SlicePlan,
  originTs: number | undefined,
  usedBytes: number,
  memoryBytes: number,
  counted: Uint32Array | undefined,
): SliceOrder {
  const words = (length: number) => new Uint32Array(new SharedArrayBuffer(4 * length));
  const ids = plan.ids.reduce((most, id) => Math.max(most, id + 1), 0);
  const order = {
    state: new Int32Array(new SharedArrayBuffer(12)),
    totals: new Float64Array(new SharedArrayBuffer(16)),
    ...{ rows: words(ids), at: words(ids), room: words(ids) },
    ...{ slices: plan.count, counted, memoryBytes },
  };
  order.state[STATE.used] = Math.ceil(usedBytes / UNIT);
  order.totals[TOTALS.origin] = originTs ?? Number.NaN;
  return order;
}

/** Returns when all slices before this one have their rows; throws if some thread gave up. */
export function waitForTurn({ state }: SliceOrder, slice: number): void {
  for (;;) {
    const turn = Atomics.load(state, STATE.turn);
    if (Atomics.load(state, STATE.hasFailed) !== 0) throw new Error('another thread failed');
    if (turn === slice) return;
    if (Atomics.wait(state, STATE.turn, turn, PATIENCE_MS) === 'timed-out') {
      throw new Error(`slice ${turn} was never listed`);
    }
  }
}

export function passTurn({ state }: SliceOrder): void {
  Atomics.add(state, STATE.turn, 1);
  Atomics.notify(state, STATE.turn);
}

/** No thread waits any longer for what will not come. */
export function giveUp({ state }: SliceOrder): void {
  Atomics.store(state, STATE.hasFailed, 1);
  // A turn that no slice has, so that whoever is about to wait does not.
  Atomics.store(state, STATE.turn, -1);
  Atomics.notify(state, STATE.turn);
}

/** Takes memory, zeros at first. Throws when there is no more. */
export function takeMemory({ state, memoryBytes }: SliceOrder, bytes: number): number {
  const units = Math.ceil(bytes / UNIT);
  const at = Atomics.add(state, STATE.used, units) * UNIT;
  if (at + bytes > memoryBytes) throw new Error('the columns are larger than was guessed');
  return at;
}

/** Where an event's columns are, for how many rows; and for which rows they were there before. */
export type ColumnsPlace = { readonly at: number; readonly room: number };
export type MovedRows = ColumnsPlace & { readonly id: number; readonly until: number };

/**
 * A larger place for an event's rows than it had so far, which is returned if there was one. Only
 * whose turn it is may ask.
 */
export function moveRows(
  order: SliceOrder,
  id: number,
  slice: number,
  count: number,
  bytesFor: (rows: number) => number,
): MovedRows | undefined {
  const { rows, at, room, counted, slices } = order;
  const until = rows[id] as number;
  const before = { id, until, at: at[id] as number, room: room[id] as number };
  // Of an event that is new here, as many in each slice from here on.
  const guess = until === 0 ? count * (slices - slice) : ((until + count) * slices) / (slice + 1);
  const now = counted?.[id] ?? Math.ceil(Math.max(SPARE * guess, 2 * before.room, LEAST_ROOM));
  at[id] = takeMemory(order, bytesFor(now));
  room[id] = now;
  return before.room === 0 ? undefined : before;
}
