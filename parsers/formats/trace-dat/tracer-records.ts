/**
 * Records of the tracer itself whose fields only make sense together: trace_printk stores the
 * address of a format string and its arguments (`bprint`), the address of a text (`bputs`), or a
 * number and bytes (`raw_data`). A stack has as many callers as it has, whatever its format says.
 */
import {
  type ColumnReader,
  idReader,
  intReader,
  madeTextReader,
  namedReader,
} from '../../decode/binary-fields.ts';
import type { EventColumns, SymbolResolver } from '../../decode/event-columns.ts';
import type { EventField, EventFormat } from '../../decode/event-format.ts';
import type { ByteWindow } from '../../decode/record-window.ts';
import { formatPrintk } from './printk.ts';

/** Format strings by their address in the traced kernel. */
export type PrintkFormats = ReadonlyMap<bigint, string>;

const MAX_FORMATS = 1 << 16;
const MAX_TEXT = 1 << 12;
const MAX_CALLERS = 128;

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
    readers.set('text', madeTextReader(make));
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
      madeTextReader((window, at, end) => hexOf(window, at + buffer.offset, end)),
    );
  } else if (isStack(format)) {
    readers.set('caller', madeTextReader(stackPrinter(format, longBytes, resolveSymbol)));
    const tgid = field('tgid');
    if (tgid !== undefined) readers.set('tgid', intReader(tgid, 'none'));
  } else {
    return undefined;
  }
  if (ip !== undefined) readers.set('ip', idReader(ip, 'id'));
  return { readers, missing: [], counters: new Map() };
}

function textAt(printk: PrintkFormats, address: bigint): string {
  return withoutNewline(printk.get(address) ?? `(text at 0x${address.toString(16)})`);
}

function withoutNewline(text: string): string {
  return text.endsWith('\n') ? text.slice(0, -1) : text;
}

type RecordText = (window: ByteWindow, start: number, end: number) => string;

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

/** `unsigned long caller[8]` stands last, but the record holds what the stack had. */
function isStack({ system, fields }: EventFormat): boolean {
  const last = fields.at(-1);
  return system === 'ftrace' && last?.name === 'caller' && last.shape === 'array';
}

/** The bytes that a record of this format has at least: of a stack, those before its callers. */
export function leastBytes(format: EventFormat): number {
  const last = isStack(format) ? format.fields.at(-1) : undefined;
  return last === undefined ? format.minSize : last.offset;
}

/** `vfs_read < ksys_read < do_syscall_64`, the innermost first; of programs the addresses. */
function stackPrinter(
  { fields }: EventFormat,
  longBytes: number,
  resolveSymbol: SymbolResolver,
): RecordText {
  const callers = fields.at(-1)?.offset ?? 0;
  const size = fields.find(({ name }) => name === 'size');
  const isUser = fields.some(({ name }) => name === 'tgid');
  return ({ view, littleEndian }, start, end) => {
    const announced = size && view.getInt32(start + size.offset, littleEndian);
    const most = Math.min(MAX_CALLERS, announced ?? MAX_CALLERS);
    const names: string[] = [];
    for (let at = start + callers; at + longBytes <= end && names.length < most; at += longBytes) {
      const address =
        longBytes === 8
          ? view.getBigUint64(at, littleEndian)
          : BigInt(view.getUint32(at, littleEndian));
      // What the stack did not fill; older kernels end it with all bits.
      if (address === 0n || address === BigInt.asUintN(8 * longBytes, -1n)) break;
      names.push(isUser ? `0x${address.toString(16)}` : resolveSymbol(address));
    }
    return names.join(' < ');
  };
}

/** `00 1f a0`, at most as much as fits into a table cell. */
function hexOf({ bytes }: ByteWindow, from: number, end: number): string {
  const shown = bytes.subarray(from, Math.min(end, from + 64));
  const text = Array.from(shown, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return from + 64 < end ? `${text} …` : text;
}
