/** What readers of payloads are given, and tell each other when several threads read a text. */
import type { SinkValues } from './text-columns.ts';
import type { TextMemory } from './text-memory.ts';

/** How a printer puts an address behind payloads; `isAlone` where there is nothing else. */
export type AddressForm = { readonly form: RegExp; readonly isAlone: boolean };

/** Memory for a reader's columns, by name. */
export type SinkRegions = ReadonlyMap<string, SinkValues>;

export type BelowZero = { readonly count: number; readonly ts: number };
export type BelowZeroTally = Map<string, BelowZero>;

export type PayloadOptions = {
  readonly memory: TextMemory;
  readonly address?: AddressForm | undefined;
  /** Bytes of a page, for columns whose text counts bytes. */
  readonly pageSize: number;
};

/** Payloads of one event in one block: the memory has started a batch of them. */
export type Batch = {
  readonly bytes: Uint8Array;
  readonly firstRow: number;
  readonly count: number;
};

/** Thrown where a thread that must not learn anything new meets it. */
export class NewShape extends Error {}

/** What the rows that a thread has read need besides their columns. */
export type SinkNotes = {
  readonly name: string;
  /** By row: values that no double holds. */
  readonly exact: ReadonlyMap<number, bigint>;
  readonly mayBeNegative: boolean;
  /** Texts by code; of columns without any, empty. */
  readonly dictionary: readonly string[];
};

/** Rows of a table, from one place up to another. */
export type RowSpan = readonly [from: number, to: number];

export function addBelowZero(all: BelowZeroTally, column: string, count: number, ts: number): void {
  const found = all.get(column) ?? { count: 0, ts };
  all.set(column, { count: found.count + count, ts: Math.min(found.ts, ts) });
}
