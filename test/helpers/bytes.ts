/** Bytes for tests: a growing writer of either byte order, and the captures in fixtures/. */
import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

export type ByteOrder = 'little' | 'big';

export class ByteWriter {
  #bytes = new Uint8Array(1024);
  #length = 0;
  readonly order: ByteOrder;

  constructor(order: ByteOrder) {
    this.order = order;
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    this.#room(1).setUint8(0, value);
    return this;
  }

  u16(value: number): this {
    this.#room(2).setUint16(0, value, this.order === 'little');
    return this;
  }

  u32(value: number): this {
    this.#room(4).setUint32(0, value, this.order === 'little');
    return this;
  }

  u64(value: bigint | number): this {
    this.#room(8).setBigUint64(0, BigInt.asUintN(64, BigInt(value)), this.order === 'little');
    return this;
  }

  /** An integer of 1, 2, 4 or 8 bytes. */
  integer(value: bigint | number, size: number): this {
    const wide = BigInt.asUintN(8 * size, BigInt(value));
    if (size === 8) return this.u64(wide);
    if (size === 4) return this.u32(Number(wide));
    return size === 2 ? this.u16(Number(wide)) : this.u8(Number(wide));
  }

  raw(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  text(text: string): this {
    return this.raw(Buffer.from(text, 'utf8'));
  }

  cstring(text: string): this {
    return this.text(text).u8(0);
  }

  zeros(count: number): this {
    return this.raw(new Uint8Array(count));
  }

  /** Overwrites what was written before. */
  patchU64(at: number, value: number): this {
    const view = new DataView(this.#bytes.buffer, at, 8);
    view.setBigUint64(0, BigInt(value), this.order === 'little');
    return this;
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const bigger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count));
    bigger.set(this.#bytes);
    this.#bytes = bigger;
  }

  #room(count: number): DataView {
    this.#reserve(count);
    this.#length += count;
    return new DataView(this.#bytes.buffer, this.#length - count, count);
  }
}

export const ROOT = new URL('../../', import.meta.url).pathname;
export const FIXTURES = new URL('../../fixtures/', import.meta.url).pathname;
/** Captures that lie beside a checkout of the project; tests of them say when they are not there. */
export const CAPTURES = `${ROOT}../shared/captures`;

/** Paths below `folder`, relative to it, sorted. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`.slice(folder.replace(/\/$/, '').length + 1))
    .sort();
}

/** Captures of one format, e.g. `6.18-ext4/calm.dat.gz` for `trace-dat`. */
export function fixturesOf(format: string, suffix: string): string[] {
  return filesBelow(`${FIXTURES}${format}`).filter((name) => name.endsWith(suffix));
}

export function fixtureBytes(path: string): Uint8Array {
  return readFileSync(`${FIXTURES}${path}`);
}

export function unpackedFixture(path: string): Uint8Array {
  const bytes = fixtureBytes(path);
  return new Uint8Array(path.endsWith('.gz') ? gunzipSync(bytes) : bytes);
}

/**
 * Small deterministic generator (mulberry32), so that a failing run can be repeated by its seed.
 */
export function randomSource(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296) * below);
  };
}
