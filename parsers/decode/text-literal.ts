/** Fixed bytes that are looked for in text: the plain versions of what text-loops.ts does. */

export type Literal = {
  readonly length: number;
  readonly bytes: Uint8Array;
};

export function literalOf(bytes: Uint8Array): Literal {
  return { length: bytes.length, bytes };
}

/** `text` in latin1. */
export function literalOfText(text: string): Literal {
  return literalOf(Uint8Array.from(text, (char) => char.charCodeAt(0)));
}

/** Stands nowhere: longer than any buffer. */
export const NOWHERE: Literal = { ...literalOf(new Uint8Array(0)), length: 2 ** 30 };

const EMPTY = new Uint8Array(0);
/** The bytes that were looked at last: all lines of an input lie in one buffer. */
let viewed: Uint8Array = EMPTY;
let view: DataView = new DataView(EMPTY.buffer);

function viewOf(bytes: Uint8Array): DataView {
  if (bytes !== viewed) {
    viewed = bytes;
    view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  return view;
}

/** The four bytes from `at` on; 0 beyond the end. */
export function wordAt(bytes: Uint8Array, at: number): number {
  const words = viewOf(bytes);
  return at < 0 || at + 4 > words.byteLength ? 0 : words.getInt32(at, true);
}

/** True when the literal stands at `at`. */
export function isAt(bytes: Uint8Array, at: number, literal: Literal): boolean {
  const { length } = literal;
  if (at + length > bytes.length) return false;
  for (let i = 0; i < length; i++) if (bytes[at + i] !== literal.bytes[i]) return false;
  return true;
}

/** First place of the literal from `from` on; `end` when it is not there. */
export function seek(bytes: Uint8Array, from: number, end: number, literal: Literal): number {
  const first = literal.bytes[0];
  for (let at = from; at + literal.length <= end; at++) {
    if (bytes[at] === first && isAt(bytes, at, literal)) return at;
  }
  return end;
}
