/** The rows of several tables in the order in which they were recorded. */
import { mergeRuns } from '../../trace/merge.ts';
import { numbers, type Table } from '../../trace/table.ts';

/** `seq` beyond this many per row is not worth a byte each. */
const SPARSE = 16;
const MAX_TABLES = 255;

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
  const owner = new Uint8Array(last + 1);
  let placed = 0;
  seqs.forEach((seq, which) => {
    for (let row = 0; row < seq.length; row++) {
      const at = seq[row] as number;
      if (owner[at] === 0) placed++;
      owner[at] = which + 1;
    }
  });
  // Two rows of one position: made by hand, or from several inputs.
  if (placed < rows) {
    visitMerged(tables, seqs, visitors);
    return;
  }
  const next = new Uint32Array(tables.length);
  for (let at = 0; at <= last; at++) {
    const which = (owner[at] as number) - 1;
    if (which < 0) continue;
    const row = next[which] as number;
    next[which] = row + 1;
    (visitors[which] as (row: number) => void)(row);
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
