/** What a thread of the pool does for a trace.dat. */
import type { JobResult } from '../../workers/jobs.ts';
import { type EventBuilder, type KnownFormat, makeBuilder } from './assemble.ts';
import { type ColumnTexts, columnMaker, textsFor } from './columns.ts';
import { countSlices, type DecodeInput, decodeSlices, type SliceInput } from './decode-slices.ts';

/** What columns are made of. */
export type ColumnFacts = {
  readonly texts: ColumnTexts;
  /**
   * By event id, as JSON, which is read for the events that occur: with 126 formats, most of which
   * did not, copying all took each of the threads 4 ms.
   */
  readonly known: ReadonlyMap<number, string>;
};

type KeptFormat = KnownFormat & Pick<EventBuilder, 'id' | 'detail'>;

export type SliceJob =
  | { readonly phase: 'count'; readonly input: SliceInput }
  | { readonly phase: 'decode'; readonly input: DecodeInput; readonly facts: ColumnFacts };

export function factsOf(texts: ColumnTexts, formats: readonly KeptFormat[]): ColumnFacts {
  const needed = formats.filter(({ detail }) => detail !== 'count');
  return {
    texts: textsFor(texts, needed),
    known: new Map(formats.map((one) => [one.id, JSON.stringify(one)])),
  };
}

export function runSlices(job: SliceJob): JobResult {
  if (job.phase === 'count') return { output: countSlices(job.input) };
  const { texts, known } = job.facts;
  const makeColumns = columnMaker(texts);
  const builderOf = (id: number): EventBuilder => {
    const { detail, ...format } = JSON.parse(known.get(id) as string) as KeptFormat;
    return makeBuilder({ keep: () => detail, makeColumns }, id, format);
  };
  return { output: decodeSlices(job.input, builderOf) };
}
