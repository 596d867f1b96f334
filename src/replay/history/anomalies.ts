/**
 * Places where the trace contradicts the model: counted by kind, the first ones kept with their
 * row. The replay says so and goes on.
 */
import type { Table } from '../../trace/table.ts';

/** Kinds and what each means. */
export const ANOMALIES = {
  'dirty-while-dirty': 'a folio was dirtied that was dirty already: its cleaning left no event',
  'clean-without-dirty': 'a folio was written that was not known to be dirty',
  'claims-disagree': 'the file system wrote another number of pages than its events name',
  'completion-without-claim': 'data came back from the device that was not known to be written',
  'counter-backwards': 'a counter that only grows went backwards',
  'clock-jump': 'time went backwards between events of one recording',
  'impossible-value': 'a number that cannot be: damage, or events of something else',
  'level-below-zero': 'a counter of the kernel is below zero',
} as const;
export type AnomalyKind = keyof typeof ANOMALIES;

export type AnomalyPlace = {
  readonly table: string;
  readonly row: number;
  readonly ts_ns: number;
  /** Pages concerned, or by how much a counter or time stepped back. */
  readonly amount: number;
};

export type Anomaly = {
  readonly kind: AnomalyKind;
  readonly meaning: string;
  readonly count: number;
  readonly amount: number;
  readonly places: readonly AnomalyPlace[];
};

const PLACES_KEPT = 10;

export class AnomalyTally {
  readonly #kinds = new Map<
    AnomalyKind,
    { count: number; amount: number; places: AnomalyPlace[] }
  >();

  add(kind: AnomalyKind, table: Table, row: number, ts_ns: number, amount: number): void {
    let tally = this.#kinds.get(kind);
    if (tally === undefined) {
      tally = { count: 0, amount: 0, places: [] };
      this.#kinds.set(kind, tally);
    }
    tally.count++;
    tally.amount += amount;
    if (tally.places.length < PLACES_KEPT) {
      tally.places.push({ table: table.name, row, ts_ns, amount });
    }
  }

  list(): readonly Anomaly[] {
    return [...this.#kinds].map(([kind, tally]) => ({ kind, meaning: ANOMALIES[kind], ...tally }));
  }
}
