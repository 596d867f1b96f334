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
import type { DecodedSlices, SliceEnd } from './decode-slices.ts';

/** A slice, and the thread that decoded it. */
type Done = { readonly end: SliceEnd; readonly thread: number };

/** The event's own columns; undefined if there are more texts than a dictionary may have. */
export function joinColumns(
  builder: EventBuilder,
  threads: readonly DecodedSlices[],
  firstRows: Uint32Array,
): Record<string, Column> | undefined {
  const { id, columns, detail } = builder;
  if (detail !== 'columns') return {};
  const done: Done[] = threads
    .flatMap(({ slices }, thread) => slices.map((end) => ({ end, thread })))
    .sort((left, right) => left.end.slice - right.end.slice);
  const finished: Record<string, Column> = {};
  let which = 0;
  for (const [name, reader] of columns.readers) {
    const nth = which++;
    const dictionaries = threads.map(({ dictionaries: own }) => own.get(id)?.[nth] ?? []);
    if (dictionaries.some(({ length }) => length >= MAX_DICTIONARY - 1)) return undefined;
    const known = done.map(({ end }) => end.known.get(id)?.[nth] ?? 0);
    const dictionary = joinTexts(reader, done, dictionaries, known, firstRows);
    const exact = joinExact(done, id, nth, firstRows);
    finished[name] = reader.make(finishGrowing(reader.column), { dictionary, exact });
  }
  return finished;
}

function joinTexts(
  { column, interner }: ColumnReader,
  done: readonly Done[],
  dictionaries: readonly (readonly string[])[],
  known: readonly number[],
  firstRows: Uint32Array,
): readonly string[] {
  if (interner === undefined) return [];
  const codes = new Map<string, number>();
  const seen = dictionaries.map(() => 0);
  const maps = dictionaries.map((texts) => new Uint32Array(texts.length));
  done.forEach(({ thread }, at) => {
    const texts = dictionaries[thread] as readonly string[];
    for (let code = seen[thread] as number; code < (known[at] as number); code++) {
      const text = texts[code] as string;
      const joined = codes.get(text) ?? codes.size;
      codes.set(text, joined);
      (maps[thread] as Uint32Array)[code] = joined;
    }
    seen[thread] = known[at] as number;
  });
  const isSame = maps.map((map) => map.every((joined, code) => joined === code));
  for (const { thread, end } of done) {
    if (isSame[thread]) continue;
    const from = firstRows[end.slice] as number;
    const to = firstRows[end.slice + 1] as number;
    renumber(column.array.subarray(from, to) as Uint32Array, maps[thread] as Uint32Array);
  }
  return [...codes.keys()];
}

function renumber(codes: Uint32Array, map: Uint32Array): void {
  for (let row = 0; row < codes.length; row++) codes[row] = map[codes[row] as number] as number;
}

function joinExact(
  done: readonly Done[],
  id: number,
  nth: number,
  firstRows: Uint32Array,
): Map<number, bigint> {
  const joined = new Map<number, bigint>();
  for (const { end } of done) {
    const from = firstRows[end.slice] as number;
    for (const [row, value] of end.exact.get(id)?.[nth] ?? []) joined.set(from + row, value);
  }
  return joined;
}
