/** What readers of payloads are given, and tell each other when several threads read a text. */
import type { SinkPart, SinkValues } from './text-columns.ts';
import type { LearnedLayout } from './text-layout.ts';
import type { TextMemory } from './text-memory.ts';

/** How a printer puts an address behind payloads; `isAlone` where there is nothing else. */
export type AddressForm = { readonly form: RegExp; readonly isAlone: boolean };

/** Memory for a reader's columns, by name. */
export type SinkRegions = {
  readonly sinks: ReadonlyMap<string, SinkValues>;
};

export type BelowZeroTally = Map<string, { readonly count: number; readonly ts: number }>;

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

/** Payloads that another reader of the event has read; can be sent to another thread. */
export type PayloadPart = {
  readonly sinks: readonly SinkPart[];
  readonly learned: readonly LearnedLayout[];
  /** So many of them were learned of the lines that all threads read. */
  readonly common: number;
  readonly refused: number;
  readonly usesPageSize: boolean;
  readonly belowZero: BelowZeroTally;
};

export type AppendPlace = {
  readonly rows: number;
  readonly count: number;
  readonly capacity: number;
  /** Added to all times. */
  readonly shift: number;
  /** Where the part's rows are, if not in the part itself. */
  readonly regions: SinkRegions | undefined;
};

export function addBelowZero(all: BelowZeroTally, column: string, count: number, ts: number): void {
  const found = all.get(column) ?? { count: 0, ts };
  all.set(column, { count: found.count + count, ts: Math.min(found.ts, ts) });
}
