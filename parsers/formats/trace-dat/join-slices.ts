/**
 * What threads found slice by slice → columns of the whole file. Values are in their places; but
 * each thread has numbered texts as it met them, so codes are made those of the first occurrence
 * in the file.
 */
import type { Column } from '../../../src/trace/column.ts';
import type { ColumnReader } from '../../decode/binary-fields.ts';
import { finishGrowing } from '../../decode/growing.ts';
import { MAX_DICTIONARY } from '../../decode/intern.ts';
import type { EventBuilder } from './assemble.ts';
import type { DecodedSlices } from './decode-slices.ts';

/** What a slice has of an event, and the thread that decoded it. */
type Done = {
  readonly thread: number;
  /** Rows [from, to). */
  readonly from: number;
  readonly to: number;
  /** By reader of the event: how many texts the thread knew, where that has changed. */
  known: Map<number, number> | undefined;
  exact: Map<number, ReadonlyMap<number, bigint>> | undefined;
};

/** By event id: the slices that have rows of it, in order. */
export function slicesById(threads: readonly DecodedSlices[]): Map<number, readonly Done[]> {
  const slices = threads
    .flatMap((one, thread) => one.slices.map((dealt) => ({ dealt, thread })))
    .sort((left, right) => left.dealt.slice - right.dealt.slice);
  const byId = new Map<number, Done[]>();
  for (const { dealt, thread } of slices) {
    const { rows, known, exact } = dealt;
    for (let at = 0; at < rows.length; at += 3) {
      const id = rows[at] as number;
      const from = rows[at + 1] as number;
      const to = rows[at + 2] as number;
      const done: Done = { thread, from, to, known: undefined, exact: undefined };
      const before = byId.get(id);
      if (before === undefined) byId.set(id, [done]);
      else before.push(done);
    }
    // Both are of events that have rows in the slice, which thereby are the last of theirs.
    for (const { id, nth, kept } of known) {
      const done = byId.get(id)?.at(-1) as Done;
      done.known ??= new Map();
      done.known.set(nth, kept);
    }
    for (const { id, nth, kept } of exact) {
      const done = byId.get(id)?.at(-1) as Done;
      done.exact ??= new Map();
      done.exact.set(nth, kept);
    }
  }
  return byId;
}

/** The event's own columns; undefined if there are more texts than a dictionary may have. */
export function joinColumns(
  builder: EventBuilder,
  threads: readonly DecodedSlices[],
  done: readonly Done[],
): Record<string, Column> | undefined {
  const { id, columns, detail } = builder;
  if (detail !== 'columns') return {};
  const finished: Record<string, Column> = {};
  const withExact = done.filter(({ exact }) => exact !== undefined);
  let which = 0;
  for (const [name, reader] of columns.readers) {
    const nth = which++;
    const dictionaries = threads.map(({ dictionaries: own }) => own.get(id)?.[nth] ?? []);
    if (dictionaries.some(({ length }) => length >= MAX_DICTIONARY - 1)) return undefined;
    const dictionary = joinTexts(reader, nth, done, dictionaries);
    const exact = joinExact(withExact, nth);
    finished[name] = reader.make(finishGrowing(reader.column), { dictionary, exact });
  }
  return finished;
}

function joinTexts(
  { column, interner }: ColumnReader,
  nth: number,
  done: readonly Done[],
  dictionaries: readonly (readonly string[])[],
): readonly string[] {
  if (interner === undefined) return [];
  const codes = new Map<string, number>();
  const seen = dictionaries.map(() => 0);
  const maps = dictionaries.map((texts) => new Uint32Array(texts.length));
  for (const { thread, known } of done) {
    const texts = dictionaries[thread] as readonly string[];
    const length = known?.get(nth) ?? (seen[thread] as number);
    for (let code = seen[thread] as number; code < length; code++) {
      const text = texts[code] as string;
      const joined = codes.get(text) ?? codes.size;
      codes.set(text, joined);
      (maps[thread] as Uint32Array)[code] = joined;
    }
    seen[thread] = length;
  }
  const isSame = maps.map((map) => map.every((joined, code) => joined === code));
  for (const { thread, from, to } of done) {
    if (isSame[thread]) continue;
    renumber(column.array.subarray(from, to) as Uint32Array, maps[thread] as Uint32Array);
  }
  return [...codes.keys()];
}

function renumber(codes: Uint32Array, map: Uint32Array): void {
  for (let row = 0; row < codes.length; row++) codes[row] = map[codes[row] as number] as number;
}

function joinExact(done: readonly Done[], nth: number): Map<number, bigint> {
  const joined = new Map<number, bigint>();
  for (const { from, exact } of done) {
    for (const [row, value] of exact?.get(nth) ?? []) joined.set(from + row, value);
  }
  return joined;
}
