/**
 * Dictionary codes of texts that lie in lines. A text that is known costs a hash over its words and
 * one comparison with the dictionary's string; only a new one is decoded.
 */
import { TextInterner } from './intern.ts';
import { wordAt } from './text-literal.ts';

const FIRST_SLOTS = 64;
const MAX_SLOTS = 1 << 18;

export class TextCodes {
  readonly #interner = new TextInterner();
  /** By hash: the code + 1 of the text that was there last. */
  #slots = new Uint32Array(FIRST_SLOTS);

  /** With these codes given already. */
  constructor(dictionary: readonly string[] = []) {
    for (const text of dictionary) this.#interner.code(text);
  }

  get dictionary(): readonly string[] {
    return this.#interner.dictionary;
  }

  code(text: string): number {
    return this.#interner.code(text);
  }

  codeOfBytes(bytes: Uint8Array, start: number, end: number): number {
    const hash = hashOf(bytes, start, end);
    const known = (this.#slots[hash & (this.#slots.length - 1)] as number) - 1;
    if (known >= 0 && isText(this.dictionary[known] as string, bytes, start, end)) return known;
    const view = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
    const code = this.#interner.code(view.toString('utf8'));
    this.#grow();
    this.#slots[hash & (this.#slots.length - 1)] = code + 1;
    return code;
  }

  /** A larger table starts empty: it is only a short cut to the dictionary. */
  #grow(): void {
    const { length } = this.#slots;
    if (this.dictionary.length <= length || length >= MAX_SLOTS) return;
    this.#slots = new Uint32Array(4 * length);
  }
}

function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = end - start;
  let at = start;
  for (; at + 4 <= end; at += 4)
    hash = Math.imul(hash ^ wordAt(bytes, at), 0x9e3779b1) ^ (hash >>> 15);
  for (; at < end; at++) hash = Math.imul(hash ^ (bytes[at] as number), 0x85ebca6b);
  return hash ^ (hash >>> 13);
}

/** Holds for ASCII only: other texts are decoded each time. */
function isText(text: string, bytes: Uint8Array, start: number, end: number): boolean {
  if (text.length !== end - start) return false;
  for (let i = 0; i < text.length; i++) {
    const byte = bytes[start + i] as number;
    if (byte >= 0x80 || text.charCodeAt(i) !== byte) return false;
  }
  return true;
}

/**
 * Codes in the order in which their texts come in the rows, and only those that do: a dictionary
 * says nothing of how its rows were read.
 */
export function firstComeCodes(
  codes: Uint32Array,
  { dictionary }: { readonly dictionary: readonly string[] },
): { codes: Uint32Array; dictionary: readonly string[] } {
  const order = new Uint32Array(dictionary.length);
  const places = new Uint32Array(dictionary.length);
  const count = placeCodes(codes, places, order);
  const used = order.subarray(0, count);
  if (used.every((code, place) => code === place)) {
    return { codes, dictionary: dictionary.slice(0, count) };
  }
  usePlaces(codes, places);
  return { codes, dictionary: Array.from(used, (code) => dictionary[code] as string) };
}

// Loops by themselves: what stood around them was compiled with them, for each column anew.

/** To `order`, codes as they come first, and to `places` the place + 1 of each; how many they are. */
function placeCodes(codes: Uint32Array, places: Uint32Array, order: Uint32Array): number {
  let count = 0;
  for (let row = 0; row < codes.length; row++) {
    const code = codes[row] as number;
    if (places[code] === 0) {
      order[count] = code;
      places[code] = ++count;
      if (count === order.length) break;
    }
  }
  return count;
}

function usePlaces(codes: Uint32Array, places: Uint32Array): void {
  for (let row = 0; row < codes.length; row++) {
    codes[row] = (places[codes[row] as number] as number) - 1;
  }
}
