/** Dictionary encoding of strings that lie in a byte buffer, without making a string per event. */

const DECODER = new TextDecoder('utf-8');
/** More distinct strings than this in one column are a hostile or broken input. */
export const MAX_DICTIONARY = 1 << 22;

const TOO_MANY = '(too many different values)';

export class TextInterner {
  readonly dictionary: string[] = [];
  readonly #codes = new Map<string, number>();
  /** Bytes of the value that was interned last, to compare the next one with. */
  #last = new Uint8Array(64);
  #lastLength = -1;
  #lastCode = 0;
  /** Codes by a hash of the bytes, so that alternating values also skip the decoding. */
  readonly #byHash = new Map<number, { bytes: Uint8Array; code: number }>();

  readonly #limit: number;

  constructor(limit = MAX_DICTIONARY) {
    this.#limit = limit;
  }

  code(value: string): number {
    let code = this.#codes.get(value);
    if (code === undefined) {
      code = this.dictionary.length;
      // The last place is for everything that finds no other.
      if (code === this.#limit - 1 && value !== TOO_MANY) return this.code(TOO_MANY);
      if (code >= this.#limit) return this.#limit - 1;
      this.dictionary.push(value);
      this.#codes.set(value, code);
    }
    return code;
  }

  /** The text from `start` up to its NUL, `limit` at the latest. */
  codeOfBytes(bytes: Uint8Array, start: number, limit: number): number {
    const last = this.#last;
    const end = textEnd(bytes, start, limit);
    const length = end - start;
    if (length === this.#lastLength) {
      let at = 0;
      while (at < length && bytes[start + at] === last[at]) at++;
      if (at === length) return this.#lastCode;
    }
    const code = this.#lookup(bytes, start, end);
    if (length <= last.length) {
      for (let at = 0; at < length; at++) last[at] = bytes[start + at] as number;
      this.#lastLength = length;
      this.#lastCode = code;
    }
    return code;
  }

  #lookup(bytes: Uint8Array, start: number, end: number): number {
    const hash = hashOf(bytes, start, end);
    const known = this.#byHash.get(hash);
    if (known !== undefined && sameBytes(known.bytes, bytes, start, end)) return known.code;
    return this.#learn(bytes.slice(start, end), hash, known === undefined);
  }

  /** Apart from what is done often: compiled with this in it, #lookup took 7 ms of CPU a thread. */
  #learn(bytes: Uint8Array<ArrayBuffer>, hash: number, isFree: boolean): number {
    const code = this.code(DECODER.decode(bytes));
    if (isFree && this.#byHash.size < this.#limit) this.#byHash.set(hash, { bytes, code });
    return code;
  }
}

function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < end; at++) {
    hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
  }
  return hash;
}

function textEnd(bytes: Uint8Array, start: number, limit: number): number {
  let end = start;
  while (end < limit && bytes[end] !== 0) end++;
  return end;
}

function sameBytes(left: Uint8Array, right: Uint8Array, start: number, end: number): boolean {
  if (left.length !== end - start) return false;
  for (let at = 0; at < left.length; at++) if (left[at] !== right[start + at]) return false;
  return true;
}
