/**
 * Records of the tracer itself whose fields only make sense together: trace_printk stores the
 * address of a format string and its arguments (`bprint`), the address of a text (`bputs`), or a
 * number and bytes (`raw_data`).
 */
import { textColumn } from '../../../src/trace/column.ts';
import { type ColumnReader, idReader, intReader, namedReader } from '../../decode/binary-fields.ts';
import type { EventColumns, SymbolResolver } from '../../decode/event-columns.ts';
import type { EventField, EventFormat } from '../../decode/event-format.ts';
import { finishGrowing, growing, reserve } from '../../decode/growing.ts';
import { TextInterner } from '../../decode/intern.ts';
import type { ByteWindow } from '../../decode/record-window.ts';
import { formatPrintk } from './printk.ts';

/** Format strings by their address in the traced kernel. */
export type PrintkFormats = ReadonlyMap<bigint, string>;

const MAX_FORMATS = 1 << 16;
const MAX_TEXT = 1 << 12;

// 0xffffffff8280b1a0 : "comm=%s state=%d\n"
export function parsePrintkFormats(text: string): PrintkFormats {
  const formats = new Map<bigint, string>();
  for (const line of text.split('\n')) {
    const match = /^(?:0x)?([0-9a-fA-F]{1,16}) : "(.*)"$/.exec(line.slice(0, MAX_TEXT));
    if (match === null || formats.size >= MAX_FORMATS) continue;
    formats.set(BigInt(`0x${match[1]}`), withoutEscapes(match[2] ?? ''));
  }
  return formats;
}

function withoutEscapes(text: string): string {
  const plain: Readonly<Record<string, string>> = { n: '\n', t: '\t' };
  return text.replace(/\\(.)/g, (_, char: string) => plain[char] ?? char);
}

/** Undefined for all other records. */
export function tracerColumns(
  format: EventFormat,
  printk: PrintkFormats,
  longBytes: number,
  resolveSymbol: SymbolResolver,
): EventColumns | undefined {
  if (format.system !== 'ftrace') return undefined;
  const field = (name: string) => format.fields.find((candidate) => candidate.name === name);
  const ip = field('ip');
  const buffer = field('buf');
  const readers = new Map<string, ColumnReader>();
  const pointer = field('fmt') ?? field('str');
  if (format.name === 'bprint' && pointer !== undefined && buffer !== undefined) {
    const make = printer(pointer, buffer, printk, longBytes, resolveSymbol);
    readers.set('text', textOfRecord(make));
  } else if (format.name === 'bputs' && pointer !== undefined) {
    readers.set(
      'text',
      namedReader(pointer, (address) => textAt(printk, address)),
    );
  } else if (format.name === 'raw_data' && buffer !== undefined) {
    const id = field('id');
    if (id !== undefined) readers.set('id', intReader(id, 'none'));
    readers.set(
      'text',
      textOfRecord((window, at, end) => hexOf(window, at + buffer.offset, end)),
    );
  } else {
    return undefined;
  }
  if (ip !== undefined) readers.set('ip', idReader(ip, 'id'));
  return { readers, missing: [] };
}

function textAt(printk: PrintkFormats, address: bigint): string {
  return withoutNewline(printk.get(address) ?? `(text at 0x${address.toString(16)})`);
}

function withoutNewline(text: string): string {
  return text.endsWith('\n') ? text.slice(0, -1) : text;
}

type RecordText = (window: ByteWindow, start: number, end: number) => string;

/** One text per record; a string is made for each, as these records are few. */
function textOfRecord(textOf: RecordText): ColumnReader {
  const column = growing((length) => new Uint32Array(length));
  const interner = new TextInterner();
  return {
    append(window, { count, start, end, expected }) {
      const to = reserve(column, count, expected);
      for (let row = 0; row < count; row++) {
        const text = textOf(window, start[row] as number, end[row] as number);
        column.array[to + row] = interner.code(text);
      }
    },
    finish: () => textColumn(finishGrowing(column), interner.dictionary),
  };
}

function printer(
  pointer: EventField,
  buffer: EventField,
  printk: PrintkFormats,
  longBytes: number,
  resolveSymbol: SymbolResolver,
): RecordText {
  return (window, start, end) => {
    const { view, littleEndian } = window;
    const at = start + pointer.offset;
    const address =
      pointer.size === 8
        ? view.getBigUint64(at, littleEndian)
        : BigInt(view.getUint32(at, littleEndian));
    const format = printk.get(address);
    const args = { window, at: start + buffer.offset, end, longBytes, resolveSymbol };
    if (format !== undefined) return withoutNewline(formatPrintk(format, args));
    return `(format at 0x${address.toString(16)}) ${hexOf(window, args.at, end)}`;
  };
}

/** `00 1f a0`, at most as much as fits into a table cell. */
function hexOf({ bytes }: ByteWindow, from: number, end: number): string {
  const shown = bytes.subarray(from, Math.min(end, from + 64));
  const text = Array.from(shown, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return from + 64 < end ? `${text} …` : text;
}
