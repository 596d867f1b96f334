/** The loops in WebAssembly read columns as the plain readers do, value by value. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type ColumnReader,
  countReader,
  idReader,
  intReader,
  namedReader,
  textReader,
} from '../../parsers/decode/binary-fields.ts';
import type { EventField, FieldShape } from '../../parsers/decode/event-format.ts';
import { byteWindow } from '../../parsers/decode/record-window.ts';
import { WasmModule } from '../../parsers/wasm/assembler.ts';
import { addColumnLoops, COLUMN } from '../../parsers/wasm/column-loops.ts';
import { FieldReaders } from '../../parsers/wasm/field-readers.ts';
import { Allocator, instantiate, sharedMemory } from '../../parsers/wasm/memory.ts';

const MODULE = (() => {
  const module = new WasmModule();
  addColumnLoops(module);
  return module.bytes();
})();

const RECORD_BYTES = 64;

/** Both ways, each with a reader of its own; rows from `firstRow` on, in two goes. */
function readBothWays(make: () => ColumnReader, records: readonly Uint8Array[], firstRow: number) {
  const [plain, looped] = [make(), make()];
  const field = looped.fast;
  if (field === undefined) throw new Error('no loop reads this');
  const allocator = new Allocator();
  const count = records.length;
  const at = records.map((bytes) => allocator.take(bytes.length));
  const [starts, ends] = [allocator.take(4 * count), allocator.take(4 * count)];
  const column = allocator.take(COLUMN.bytes);
  const slots = allocator.take(FieldReaders.slotBytes(field));
  const width = looped.column.make(0).BYTES_PER_ELEMENT;
  const out = allocator.take(width * (firstRow + count));
  const memory = sharedMemory(allocator.end);
  const window = byteWindow(new Uint8Array(memory.buffer), true);
  records.forEach((bytes, nth) => {
    const from = at[nth] as number;
    window.bytes.set(bytes, from);
    window.u32[(starts >>> 2) + nth] = from;
    window.u32[(ends >>> 2) + nth] = from + bytes.length;
  });
  const fields = new FieldReaders(window);
  const { readColumns } = instantiate<'readColumns'>(MODULE, memory, fields.imports());
  fields.add(field, column, out, width, slots);
  const half = count >>> 1;
  for (const [from, to] of [[0, half] as const, [half, count] as const]) {
    const places = [starts + 4 * from, ends + 4 * from, to - from] as const;
    readColumns(column, column + COLUMN.bytes, firstRow + from, firstRow, ...places);
  }
  const list = (bytes: number) => new Uint32Array(memory.buffer, bytes, count);
  plain.append(window, { count, start: list(starts), end: list(ends) });
  const Values = looped.column.make(0).constructor as new (
    buffer: SharedArrayBuffer,
    at: number,
    length: number,
  ) => Uint8Array;
  const values = new Values(memory.buffer, out + width * firstRow, count);
  return {
    wanted: [...plain.column.array.subarray(0, count), plain.interner?.dictionary, plain.exact],
    got: [...values, looped.interner?.dictionary, looped.exact],
  };
}

function fieldOf(shape: FieldShape, size: number, offset: number, signed: boolean): EventField {
  const isText = shape !== 'scalar';
  return { name: 'field', shape, isText, offset, size, elementSize: 1, signed };
}

const edge = fc.constantFrom(0n, 1n, -1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 63n);
const value = fc.oneof({ weight: 3, arbitrary: fc.constant(0n) }, edge, fc.bigInt(-99n, 2n ** 64n));
const offset = fc.integer({ min: 0, max: 40 });

function recordWith(bits: bigint, at: number): Uint8Array {
  const record = new Uint8Array(RECORD_BYTES);
  new DataView(record.buffer).setBigUint64(at, BigInt.asUintN(64, bits), true);
  return record;
}

describe('numbers', () => {
  const name = (bits: bigint) => `name ${bits % 700n}`;
  const kinds: [string, number[], boolean[], (field: EventField) => ColumnReader][] = [
    ['integers', [1, 2, 4, 8], [false, true], (field) => intReader(field, 'none')],
    ['quantities', [4, 8], [false, true], (field) => countReader(field, 'pages', field.signed)],
    ['narrow quantities', [1, 2], [false], (field) => countReader(field, 'pages', false)],
    ['identities', [8], [false, true], (field) => idReader(field, 'id', field.signed)],
    ['names', [1, 2, 4, 8], [false, true], (field) => namedReader(field, name)],
  ];
  test.each(kinds)('%s', (_, sizes, signs, make) => {
    const run = fc.record({
      values: fc.array(value, { maxLength: 300 }),
      size: fc.constantFrom(...sizes),
      signed: fc.constantFrom(...signs),
      firstRow: fc.nat(9),
      offset,
    });
    fc.assert(
      fc.property(run, ({ values, size, signed, firstRow, offset: at }) => {
        const records = values.map((bits) => recordWith(bits, at));
        const field = fieldOf('scalar', size, at, signed);
        const { got, wanted } = readBothWays(() => make(field), records, firstRow);
        expect(got).toEqual(wanted);
      }),
    );
  });
});

const TEXTS = ['', 'a', '8:16', '254:160', 'kworker', 'kworker/u8:1', 'kworker/u8:2', 'wörter'];
const aText = fc.oneof(
  fc.constantFrom(...TEXTS),
  fc.string({ maxLength: 40 }).map((text) => text.replaceAll('\0', '')),
);

/** With bytes behind the text that are not part of it. */
function textRecord(text: string, shape: FieldShape, at: number, hasEnd: boolean): Uint8Array {
  const bytes = Buffer.from(hasEnd ? `${text}\0zz` : text, 'utf8');
  const isInPlace = shape === 'string';
  const from = isInPlace ? at : at + 4;
  const record = new Uint8Array(Math.ceil((from + Math.max(bytes.length, 48)) / 4) * 4).fill(0x7a);
  record.set(bytes, from);
  if (!isInPlace) {
    const origin = shape === 'data_loc' ? 0 : at + 4;
    const location = ((bytes.length << 16) | (from - origin)) >>> 0;
    new DataView(record.buffer).setUint32(at, location, true);
  }
  return record;
}

test.each<FieldShape>(['string', 'data_loc', 'rel_loc'])('texts, %s', (shape) => {
  const run = fc.record({
    texts: fc.array(fc.tuple(aText, fc.boolean()), { maxLength: 300 }),
    size: fc.integer({ min: 1, max: 48 }),
    firstRow: fc.nat(9),
    at: fc.integer({ min: 0, max: 12 }),
  });
  fc.assert(
    fc.property(run, ({ texts, size, firstRow, at }) => {
      const records = texts.map(([text, hasEnd]) => textRecord(text, shape, at, hasEnd));
      const field = fieldOf(shape, shape === 'string' ? size : 4, at, false);
      const { got, wanted } = readBothWays(() => textReader(field), records, firstRow);
      expect(got).toEqual(wanted);
    }),
  );
});
