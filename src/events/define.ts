/**
 * How an event is defined: canonical columns with unit and type, and for each the names that
 * kernels have used on the wire. `field` are names in binary records, `text` the literals that
 * stand directly before the value in printed text; the first entry is the newest. A renamed field
 * is one more alias. The dictionary holds what was written; what it meant (the meaning of `limit`
 * changed) is derived.
 */
import type { Unit } from '../trace/units.ts';

/**
 * - `count`: a quantity, Float64 with exact side values; `signed` says how the kernel declares it
 * - `int`: a small integer
 * - `id`: 64-bit identity, all bits kept
 * - `text`: a string
 * - `names`: a number that the kernel prints as a symbol or as flags; the names become the column,
 *   and `<column>_bits` keeps the number where it was recorded
 * - `dev`: device number as the kernel encodes it, major << 20 | minor; printed as two numbers
 * - `function`: an address that is printed as a kernel symbol; the symbol's name without offset
 */
export type ColumnType = 'count' | 'int' | 'id' | 'text' | 'names' | 'dev' | 'function';

export type ColumnDefinition = {
  readonly type: ColumnType;
  readonly unit: Unit;
  readonly signed: boolean;
  readonly field: readonly string[];
  readonly text: readonly string[];
  /** Where the value begins in the text, for values that no literal stands before. */
  readonly place?: RegExp;
  /** Base of the printed number. */
  readonly radix: 8 | 10 | 16;
  /** The text prints value << PAGE_SHIFT (a byte offset) where the record holds a page index. */
  readonly textInBytes: boolean;
  /** Absent in some kernels: its absence is no diagnostic. */
  readonly optional: boolean;
  /** Numbers of enum constants that the recorded print format leaves as names. */
  readonly constants: Readonly<Record<string, number>>;
  /** Of `names`, where a print format says no numbers: what a printed text is read with instead. */
  readonly flags?: PrintedFlags;
};

/**
 * Flags whose numbers are enum constants, which a print format does not give: trace-cmd and perf
 * print `state=0x20052` where the kernel prints the names.
 */
export type PrintedFlags = {
  /** In the order of the print format. */
  readonly bits: Readonly<Record<string, number>>;
  /** Bits that have a name in each format with numbers: printed as a number, they had none. */
  readonly telling: number;
  /** Bits that mean the same where only some numbers were left out. */
  readonly alike: number;
  /** What stands for zero: as such a printer has it (the first flag, for one), and as it is. */
  readonly zero: readonly [printed: string, meant: string];
};

export type EventDefinition = {
  readonly name: string;
  readonly system: string;
  /** Earlier names of the same event. */
  readonly aliases: readonly string[];
  readonly columns: Readonly<Record<string, ColumnDefinition>>;
};

/** Keys whose value is computed when it is printed: no part of a record, so never a column. */
export const PRINTED_ONLY: readonly string[] = ['age'];

type Overrides = Partial<Omit<ColumnDefinition, 'type' | 'field'>>;

function column(
  type: ColumnType,
  unit: Unit,
  field: string | readonly string[],
  overrides: Overrides,
): ColumnDefinition {
  const fields = typeof field === 'string' ? [field] : field;
  return {
    type,
    unit,
    signed: false,
    field: fields,
    text: fields.map((name) => `${name}=`),
    radix: 10,
    textInBytes: false,
    optional: false,
    constants: {},
    ...overrides,
  };
}

type Field = string | readonly string[];

export const count = (unit: Unit, field: Field, overrides: Overrides = {}): ColumnDefinition =>
  column('count', unit, field, overrides);
export const pages = (field: Field, overrides: Overrides = {}): ColumnDefinition =>
  column('count', 'pages', field, overrides);
export const int = (field: Field, overrides: Overrides = {}): ColumnDefinition =>
  column('int', 'none', field, { signed: true, ...overrides });
export const id = (field: Field, overrides: Overrides = {}): ColumnDefinition =>
  column('id', 'id', field, overrides);
export const text = (field: Field, overrides: Overrides = {}): ColumnDefinition =>
  column('text', 'none', field, overrides);
export const names = (field: Field, overrides: Overrides = {}): ColumnDefinition =>
  column('names', 'none', field, overrides);
export const dev = (field: Field, overrides: Overrides = {}): ColumnDefinition =>
  column('dev', 'id', field, overrides);
export const kernelFunction = (field: Field, overrides: Overrides = {}): ColumnDefinition =>
  column('function', 'none', field, overrides);

export function defineEvent(
  system: string,
  name: string,
  columns: Record<string, ColumnDefinition>,
  aliases: readonly string[] = [],
): EventDefinition {
  return { name, system, aliases, columns };
}
