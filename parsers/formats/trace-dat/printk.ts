/**
 * A format string of the kernel and the arguments that vbin_printf() packed → the text. Arguments
 * lie one after the other (lib/vsprintf.c): integers of 4 bytes and less at multiples of their own
 * size, all others at multiples of 4; strings and what %p… expands to as text with a NUL.
 */
import type { SymbolResolver } from '../../decode/event-columns.ts';
import type { ByteWindow } from '../../decode/record-window.ts';

export type PrintkArguments = {
  readonly window: ByteWindow;
  /** First byte of the arguments, and the end of the record. */
  readonly at: number;
  readonly end: number;
  readonly longBytes: number;
  readonly resolveSymbol: SymbolResolver;
};

// %  flags  width  .precision  length  conversion (and the letters behind %p)
const CONVERSION =
  /%([-+ #0]*)(\d+|\*)?(?:\.(\d+|\*)?)?(hh|h|ll|l|L|z|t|j)?(p[A-Za-z0-9]*|[a-zA-Z%])/g;
const MAX_WIDTH = 200;
const MAX_TEXT = 4096;

type Cursor = PrintkArguments & { next: number };

type Spec = {
  readonly flags: string;
  readonly width: number;
  readonly precision: number | undefined;
  readonly size: number;
  readonly conversion: string;
};

/** Arguments that the record does not hold print as `?`. */
export function formatPrintk(format: string, args: PrintkArguments): string {
  const cursor: Cursor = { ...args, next: args.at };
  const text = format.replace(
    CONVERSION,
    (whole, flags: string, width?: string, precision?: string, length?: string, kind = '') => {
      if (kind === '%') return '%';
      const hasPrecision = /\.\D*$|\.\d/.test(whole);
      const spec = {
        flags,
        width: sizeOf(cursor, width) ?? 0,
        precision: hasPrecision ? (sizeOf(cursor, precision) ?? 0) : undefined,
        size: integerBytes(length, args.longBytes),
        conversion: kind,
      };
      return convert(cursor, spec);
    },
  );
  return text.slice(0, MAX_TEXT);
}

function sizeOf(cursor: Cursor, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = text === '*' ? Number(BigInt.asIntN(32, take(cursor, 4) ?? 0n)) : Number(text);
  return Math.max(-MAX_WIDTH, Math.min(MAX_WIDTH, value));
}

function integerBytes(length: string | undefined, longBytes: number): number {
  switch (length) {
    case 'hh':
      return 1;
    case 'h':
      return 2;
    case 'll':
    case 'L':
    case 'j':
      return 8;
    case 'l':
    case 'z':
    case 't':
      return longBytes;
    default:
      return 4;
  }
}

function take(cursor: Cursor, size: number): bigint | undefined {
  const align = Math.min(size, 4);
  const at = cursor.at + Math.ceil((cursor.next - cursor.at) / align) * align;
  cursor.next = at + size;
  if (cursor.next > cursor.end) return undefined;
  const { view, littleEndian } = cursor.window;
  switch (size) {
    case 1:
      return BigInt(view.getUint8(at));
    case 2:
      return BigInt(view.getUint16(at, littleEndian));
    case 4:
      return BigInt(view.getUint32(at, littleEndian));
    default:
      return view.getBigUint64(at, littleEndian);
  }
}

function takeText(cursor: Cursor): string | undefined {
  const { bytes } = cursor.window;
  let end = cursor.next;
  while (end < cursor.end && bytes[end] !== 0) end++;
  if (cursor.next >= cursor.end) return undefined;
  const text = new TextDecoder().decode(bytes.subarray(cursor.next, end));
  cursor.next = end + 1;
  return text;
}

function convert(cursor: Cursor, spec: Spec): string {
  const { conversion, precision } = spec;
  if (conversion.startsWith('p')) return pad(pointer(cursor, conversion) ?? '?', spec, ' ');
  switch (conversion) {
    case 's': {
      const text = takeText(cursor) ?? '?';
      return pad(precision === undefined ? text : text.slice(0, precision), spec, ' ');
    }
    case 'c':
      return pad(String.fromCharCode(Number(take(cursor, 1) ?? 63n)), spec, ' ');
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'X':
    case 'o':
      return integer(spec, take(cursor, spec.size));
    default:
      return `%${conversion}`;
  }
}

function pointer(cursor: Cursor, conversion: string): string | undefined {
  const kind = conversion[1];
  // Everything else was already printed when it was recorded.
  if (kind !== undefined && !'SsFfxKe'.includes(kind)) return takeText(cursor);
  const address = take(cursor, cursor.longBytes);
  if (address === undefined) return undefined;
  const isSymbol = kind !== undefined && 'SsFf'.includes(kind);
  return isSymbol ? cursor.resolveSymbol(address) : `0x${address.toString(16)}`;
}

const RADIX: Readonly<Record<string, number>> = { x: 16, X: 16, o: 8 };

function integer(spec: Spec, raw: bigint | undefined): string {
  if (raw === undefined) return '?';
  const { flags, conversion, size, precision } = spec;
  const isSigned = conversion === 'd' || conversion === 'i';
  const value = isSigned ? BigInt.asIntN(8 * size, raw) : raw;
  const magnitude = value < 0n ? -value : value;
  const lower = magnitude.toString(RADIX[conversion] ?? 10).padStart(precision ?? 0, '0');
  const digits = conversion === 'X' ? lower.toUpperCase() : lower;
  const plus = isSigned && flags.includes('+') ? '+' : '';
  const prefix = flags.includes('#') && (conversion === 'x' || conversion === 'X') ? '0x' : '';
  const head = `${value < 0n ? '-' : plus}${prefix}`;
  const isZeroFilled = flags.includes('0') && !flags.includes('-') && precision === undefined;
  const zeros = isZeroFilled ? digits.padStart(spec.width - head.length, '0') : digits;
  return pad(head + zeros, spec, ' ');
}

function pad(text: string, { flags, width }: Spec, fill: string): string {
  const isLeft = flags.includes('-') || width < 0;
  return isLeft ? text.padEnd(Math.abs(width), fill) : text.padStart(width, fill);
}
