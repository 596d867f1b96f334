/**
 * Memory for a table that is read while nobody knows how long it gets. Its room is what a guess
 * says; memory that is never written is never resident, so room to spare costs nothing. Where the
 * guess was too low, rows go on in a larger region at the places that they have in the table, and
 * those before them are copied there in the end.
 */
import type { EventBuilder } from '../../decode/event-tables.ts';
import { copyRows, placeTable, type TableMemory, useMemory } from './table-memory.ts';
import type { WindowRing } from './window-ring.ts';

/** Rows from `from` on lie in it. */
export type Region = { readonly memory: TableMemory; readonly from: number };

/** More than was guessed, as guesses of small numbers are off by more. */
const MARGIN = 1.25;
const SPARE_ROWS = 1024;

export class TableRegions {
  /** So far. */
  rows = 0;
  readonly #builder: EventBuilder;
  readonly #regions: Region[] = [];

  constructor(builder: EventBuilder) {
    this.#builder = builder;
  }

  /** Where rows up to `end` go, from those that are there on; undefined if nothing is kept. */
  makeRoom(end: number, guess: () => number, ring: WindowRing): Region | undefined {
    const from = this.rows;
    this.rows = end;
    const last = this.#regions.at(-1);
    if (this.#builder.detail === 'count' || end === from) return last;
    if (last !== undefined && end <= last.memory.capacity) return last;
    const wanted = last === undefined ? guess() * MARGIN : 2 * last.memory.capacity;
    const capacity = Math.ceil(Math.max(wanted, MARGIN * end)) + SPARE_ROWS;
    const { end: bytes } = placeTable(0, this.#builder, capacity);
    const region = { memory: placeTable(ring.take(bytes), this.#builder, capacity), from };
    this.#regions.push(region);
    return region;
  }

  /** Puts all rows into one place and makes that the memory of the builder's columns. */
  finish(buffer: SharedArrayBuffer): void {
    const last = this.#regions.at(-1);
    if (last === undefined) return;
    this.#regions.forEach(({ memory, from }, nth) => {
      const next = this.#regions[nth + 1];
      if (next !== undefined) {
        copyRows(this.#builder, buffer, memory, last.memory, from, next.from);
      }
    });
    useMemory(this.#builder, buffer, last.memory, this.rows, this.rows);
  }
}
