/** Which columns an event gets: those of the tracer's own records, or of its format. */
import { columnsOf } from '../../decode/event-columns.ts';
import { symbolResolver } from '../../decode/kernel-symbols.ts';
import type { KnownFormat, MakeColumns } from './assemble.ts';
import { parsePrintkFormats, tracerColumns } from './tracer-records.ts';

/** What the file says for the reading of addresses. */
export type ColumnTexts = {
  readonly kernelSymbols: string;
  readonly printkFormats: string;
  readonly longBytes: number;
};

export function columnMaker({ kernelSymbols, printkFormats, longBytes }: ColumnTexts): MakeColumns {
  const resolveSymbol = symbolResolver(kernelSymbols);
  const printk = parsePrintkFormats(printkFormats);
  return ({ format, definition }) =>
    tracerColumns(format, printk, longBytes, resolveSymbol) ??
    columnsOf(format, definition, resolveSymbol);
}

/** The same without what these events do not need: the symbols of a kernel are megabytes. */
export function textsFor(texts: ColumnTexts, events: readonly KnownFormat[]): ColumnTexts {
  const needsSymbols = events.some(
    ({ format, definition }) =>
      format.system === 'ftrace' ||
      Object.values(definition?.columns ?? {}).some(({ type }) => type === 'function'),
  );
  const { printkFormats, longBytes } = texts;
  return { kernelSymbols: needsSymbols ? texts.kernelSymbols : '', printkFormats, longBytes };
}
