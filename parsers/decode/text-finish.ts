/** What is left to do when all lines of a text are read: tables, in order of time. */
import { type Column, numberColumn, textColumn } from '../../src/trace/column.ts';
import { makeTable, type Table } from '../../src/trace/table.ts';
import { withUnknown } from './event-tables.ts';
import { nameNumbers } from './numbers-for-names.ts';
import { IDLE_COMM, NO_CPU, UNKNOWN_COMM } from './perf-event-name.ts';
import { type MovableTable, restoreOrder, type TimeSpan, united } from './restore-order.ts';
import { recode } from './text-columns.ts';
import { type BasePart, basePart, type TableBuilder, type TableSet } from './text-tables.ts';

/** What is left to do for all tables: times counted from the first event, and their order. */
export type FinishOptions = {
  /** Times were counted from the text's first event; `shift` makes them start at 0. */
  readonly shift: number;
  /** Times in which lines are not in order. */
  readonly disorder: readonly TimeSpan[];
};

/** Also which columns have no number below zero, as far as that is known. */
export function finishTables(set: TableSet, { shift, disorder }: FinishOptions) {
  const drafts: Draft[] = [];
  const neverBelowZero = new Set<Column>();
  const comms = unquoted(set.comms.dictionary);
  for (const name of [...set.builders.keys()].sort()) {
    const builder = set.builders.get(name);
    if (builder === undefined || builder.rows === 0 || builder.detail === 'count') continue;
    drafts.push(finishColumns(builder, name, comms, { shift, neverBelowZero }));
    // What was converted is dropped at once: the peak is one table above the result.
    set.builders.delete(name);
  }
  const spans = united(disorder).map(([from, to]): TimeSpan => [from + shift, to + shift]);
  if (spans.length > 0) sortRows(drafts, spans);
  set.memory.release();
  const tables = new Map(drafts.map((draft) => [draft.name, tableOf(draft)]));
  return { tables: nameNumbers(tables, set.dictionary), neverBelowZero };
}

/** A table whose rows may still be moved. */
type Draft = BasePart & {
  readonly name: string;
  readonly builder: TableBuilder;
  readonly commColumn: Column;
  readonly columns: Record<string, Column>;
};

function finishColumns(
  builder: TableBuilder,
  name: string,
  comms: Comms,
  { shift, neverBelowZero }: { shift: number; neverBelowZero: Set<Column> },
): Draft {
  const { rows, detail, payloads } = builder;
  const base = basePart(builder);
  const { ts } = base;
  if (shift !== 0) for (let row = 0; row < rows; row++) (ts[row] as number) += shift;
  const columns = detail === 'columns' ? payloads.finish(rows, neverBelowZero) : {};
  const { comm } = base;
  const { names, codes } = comms;
  if (codes !== undefined) recode(comm, codes, [[0, rows]]);
  return { ...base, name, builder, commColumn: textColumn(comm, names), columns };
}

/** Names of commands; `codes` gives the new code by the old one where they changed. */
type Comms = { readonly names: readonly string[]; readonly codes: Uint32Array | undefined };

// > dd-5563     > >   dd-5563
const QUOTE = /^>[> ]*/;

/** A text that a mail quotes has the marks before each line, where the command stands. */
function unquoted(names: readonly string[]): Comms {
  const isMade = (name: string) => name === '' || name === IDLE_COMM || name === UNKNOWN_COMM;
  const isQuoted = names.some((name) => !isMade(name));
  if (!isQuoted || !names.every((name) => isMade(name) || QUOTE.test(name))) {
    return { names, codes: undefined };
  }
  const plain = names.map((name) => name.replace(QUOTE, ''));
  const codeOf = new Map([...new Set(plain)].map((name, code) => [name, code]));
  const codes = Uint32Array.from(plain, (name) => codeOf.get(name) as number);
  return { names: [...codeOf.keys()], codes };
}

function tableOf({ builder, ts, cpu, pid, seq, commColumn, columns }: Draft): Table {
  const { name, system, known } = builder;
  const base: Record<string, Column> = {
    ts_ns: numberColumn(ts, 'ns'),
    cpu: numberColumn(withUnknown(cpu, NO_CPU), 'id'),
    pid: numberColumn(pid, 'id'),
    comm: commColumn,
    seq: numberColumn(seq, 'count'),
  };
  return makeTable(name, { ...base, ...columns }, { system, known });
}

/** More spans than this are sorted as one. */
const MAX_SPANS = 1000;

/** Lines of equal times stay as they stand in the text. */
function sortRows(drafts: readonly Draft[], spans: readonly TimeSpan[]): void {
  const first = spans[0] as TimeSpan;
  const last = spans.at(-1) as TimeSpan;
  const tables = drafts.map(({ ts, cpu, pid, seq, commColumn, columns }): MovableTable => {
    const payload = { ...columns, cpu: numberColumn(cpu, 'id'), comm: commColumn };
    const noCpu = new Uint16Array(ts.length);
    return { ts, cpu: noCpu, pid, seq, payload: Object.entries(payload) };
  });
  const all = spans.length > MAX_SPANS ? [[first[0], last[1]] as const] : spans;
  restoreOrder([...tables, linesWithoutRows(tables)], all);
}

/** Lines that gave no row count in `seq`, too: they stay beside the line before them. */
function linesWithoutRows(tables: readonly MovableTable[]): MovableTable {
  const lines = 1 + Math.max(...tables.map(({ seq }) => seq.at(-1) ?? 0));
  const times = new Float64Array(lines).fill(Number.NaN);
  for (const { ts, seq } of tables) {
    for (let row = 0; row < ts.length; row++) times[seq[row] as number] = ts[row] as number;
  }
  const missing: number[] = [];
  let time = 0;
  for (let line = 0; line < lines; line++) {
    if (Number.isNaN(times[line])) {
      missing.push(line);
      times[line] = time;
    } else time = times[line] as number;
  }
  const seq = Uint32Array.from(missing);
  const ts = Float64Array.from(missing, (line) => times[line] as number);
  return { ts, cpu: new Uint16Array(ts.length), seq, payload: [] };
}
