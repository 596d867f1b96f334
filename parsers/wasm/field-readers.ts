/** The program's side of column-loops.ts: which loop reads a column, and what only it can answer. */
import type { FastField } from '../decode/binary-fields.ts';
import type { ByteWindow } from '../decode/record-window.ts';
import {
  COLUMN,
  type ColumnLoop,
  DATA_LOC,
  IN_PLACE,
  LOOPS,
  REL_LOC,
  TEXT_SLOT,
  TEXT_SLOTS,
  VALUE_SLOT,
  VALUE_SLOTS,
} from './column-loops.ts';
import type { WasmImports } from './memory.ts';

const PLACES = { string: IN_PLACE, data_loc: DATA_LOC, rel_loc: REL_LOC } as const;
const WORD_BITS = 0xffffffffn;

/** The columns of a thread that loops read, by the number that they are asked for with. */
export class FieldReaders {
  readonly #window: ByteWindow;
  readonly #fields: FastField[] = [];

  constructor(window: ByteWindow) {
    this.#window = window;
  }

  /** Bytes of memory, zeros at first, that a field needs to remember texts or values. */
  static slotBytes({ kind }: FastField): number {
    if (kind === 'text') return TEXT_SLOTS * TEXT_SLOT.bytes;
    return kind === 'value' ? VALUE_SLOTS * VALUE_SLOT.bytes : 0;
  }

  /** Writes the COLUMN at `at`: rows of `width` bytes from `out` on. */
  add(field: FastField, at: number, out: number, width: number, slots: number): void {
    const number = this.#fields.push(field) - 1;
    const { u32 } = this.#window;
    const set = (member: number, value: number) => {
      u32[(at + member) >>> 2] = value;
    };
    set(COLUMN.loop, LOOPS.indexOf(loopOf(field, width)));
    set(COLUMN.out, out);
    set(COLUMN.width, width);
    set(COLUMN.offset, field.offset);
    set(COLUMN.size, field.size);
    set(COLUMN.place, field.kind === 'text' ? PLACES[field.shape] : 0);
    set(COLUMN.slots, slots);
    set(COLUMN.number, number);
  }

  /** What the loops call. */
  imports(): WasmImports {
    return {
      largeValue: (column: number, row: number, at: number) => {
        const field = this.#fields[column] as FastField & { kind: 'double' };
        return field.readLarge(this.#window, at >>> 0, row >>> 0);
      },
      missingText: (column: number, from: number, limit: number, slot: number) =>
        this.#missingText(column, from >>> 0, limit >>> 0, slot >>> 0),
      missingValue: (column: number, value: bigint, slot: number) => {
        const field = this.#fields[column] as FastField & { kind: 'value' };
        const bits = BigInt.asUintN(64, value);
        const [low, high] = [Number(bits & WORD_BITS), Number(bits >> 32n)];
        const code = field.codes.codeOf(low, high);
        const { u32 } = this.#window;
        const at = slot >>> 2;
        u32[at] = low;
        u32[at + (VALUE_SLOT.high >>> 2)] = high;
        u32[at + (VALUE_SLOT.code >>> 2)] = code + 1;
        return code;
      },
    };
  }

  #missingText(column: number, from: number, limit: number, slot: number): number {
    const field = this.#fields[column] as FastField & { kind: 'text' };
    const { bytes, u32 } = this.#window;
    const code = field.codes.interner.codeOfBytes(bytes, from, limit);
    if (slot === 0) return code;
    const most = Math.min(limit, from + 4 * TEXT_SLOT.words);
    let end = from;
    while (end < most && bytes[end] !== 0) end++;
    // Without a NUL, where it ends depends on the limit.
    if (end === most) return code;
    const last = (end - from) >>> 2;
    // The host is little-endian, so the first bytes of a text are the low ones of its words.
    const mask = 0xffffffff >>> (24 - 8 * ((end - from) & 3));
    const kept = bytes.slice(from, from + 4 * last + 4);
    bytes.set(kept, slot);
    const word = slot >>> 2;
    u32[word + last] = ((u32[word + last] as number) & mask) >>> 0;
    u32[word + (TEXT_SLOT.count >>> 2)] = last + 1;
    u32[word + (TEXT_SLOT.mask >>> 2)] = mask;
    u32[word + (TEXT_SLOT.code >>> 2)] = code;
    return code;
  }
}

/** The loop that reads a field into values of `width` bytes. */
function loopOf(field: FastField, width: number): ColumnLoop {
  const { size, kind } = field;
  switch (kind) {
    case 'copy':
      if (size === 4 && width === 8) return 'widen32';
      return size === 8 ? 'copy64' : size === 4 ? 'copy32' : size === 2 ? 'copy16' : 'copy8';
    case 'double':
      if (size === 4 && field.isSigned) return 'signedDouble32';
      if (size === 8) return 'double64';
      return size === 4 ? 'double32' : size === 2 ? 'double16' : 'double8';
    case 'text':
      return 'textCodes';
    case 'value':
      if (size < 4) return size === 2 ? 'valueCodes16' : 'valueCodes8';
      return size === 8 ? 'valueCodes64' : 'valueCodes32';
  }
}
