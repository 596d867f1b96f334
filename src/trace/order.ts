/** The rows of several tables in the order in which they were recorded. */
import { mergeRuns } from './merge.ts';
import { numbers, type Table } from './table.ts';

/** `seq` beyond this many per row is not worth a byte each. */
const SPARSE = 16;
/** Stands for positions of several rows, in the byte that says whose a position is. */
const SHARED = 255;
const MAX_TABLES = SHARED - 1;

function seqOf(table: Table): Uint32Array {
  const { values } = numbers(table, 'seq');
  if (!(values instanceof Uint32Array)) throw new Error('internal error: seq is not Uint32');
  return values;
}

/**
 * Calls `visitors[table](row)` in order of `seq`. One byte per position says whose it is: with 15
 * tables 6 times as fast as merging, 4 ms instead of 25 for 0.4 M rows.
 */
export function visitRows(
  tables: readonly Table[],
  visitors: readonly ((row: number) => void)[],
): void {
  const seqs = tables.map(seqOf);
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  const last = Math.max(-1, ...seqs.map((seq) => seq.at(-1) ?? -1));
  if (tables.length > MAX_TABLES || last > SPARSE * rows) {
    visitMerged(tables, seqs, visitors);
    return;
  }
  // Whole words, so that four positions of others are passed at once.
  const words = new Uint32Array(Math.floor(last / 4) + 1);
  const owner = new Uint8Array(words.buffer);
  // What is derived from an event has its position, too.
  const shared = new Map<number, number[]>();
  seqs.forEach((seq, which) => {
    place(seq, which, owner, shared);
  });
  // Several inputs that each count from zero.
  if (shared.size > rows / 8) {
    visitMerged(tables, seqs, visitors);
    return;
  }
  const next = new Uint32Array(tables.length);
  for (let at = 0; at <= last; at++) {
    const which = (owner[at] as number) - 1;
    if (which < 0) {
      if ((at & 3) === 0 && words[at >>> 2] === 0) at += 3;
      continue;
    }
    if (which === SHARED - 1) {
      for (const one of shared.get(at) ?? []) {
        const row = next[one] as number;
        next[one] = row + 1;
        visitors[one]?.(row);
      }
      continue;
    }
    const row = next[which] as number;
    next[which] = row + 1;
    (visitors[which] as (row: number) => void)(row);
  }
}

/** Marks the positions of a table; rows that share one come in order of their tables. */
function place(
  seq: Uint32Array,
  which: number,
  owner: Uint8Array,
  shared: Map<number, number[]>,
): void {
  for (let row = 0; row < seq.length; row++) {
    const at = seq[row] as number;
    const before = owner[at] as number;
    if (before === 0) owner[at] = which + 1;
    else if (before === SHARED) shared.get(at)?.push(which);
    else {
      owner[at] = SHARED;
      shared.set(at, [before - 1, which]);
    }
  }
}

function visitMerged(
  tables: readonly Table[],
  seqs: readonly Uint32Array[],
  visitors: readonly ((row: number) => void)[],
): void {
  const inputs = seqs.map((keys, which) => ({ keys, from: 0, to: tables[which]?.rows ?? 0 }));
  mergeRuns(inputs, (which, from, to) => {
    const visitor = visitors[which] as (row: number) => void;
    for (let row = from; row < to; row++) visitor(row);
  });
}

/** The same with one visitor for all tables. */
export function visitInOrder(
  tables: readonly Table[],
  visit: (table: number, row: number) => void,
): void {
  visitRows(
    tables,
    tables.map((_, which) => (row) => visit(which, row)),
  );
}
