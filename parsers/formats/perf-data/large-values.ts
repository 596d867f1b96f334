/**
 * Values of a column that a double cannot hold, and their rows. A flusher's works are full of them:
 * LONG_MAX less what was written. As BigInts in a Map, made by the thread that read them and again
 * by the one that joins the columns, 24,000 took 15 ms of the 320 of 3 M events.
 */
import { TWO_32 } from '../../../src/trace/column.ts';
import { finishGrowing, growing, reserve } from '../../decode/growing.ts';
import type { ByteWindow } from '../../decode/record-window.ts';

/** In the order in which they were read. */
export type LargeRows = {
  readonly rows: Uint32Array;
  readonly values: BigInt64Array | BigUint64Array;
};

export class LargeValues {
  readonly #rows = growing((length) => new Uint32Array(length));
  readonly #halves = growing((length) => new Uint32Array(length));

  /** Takes the little-endian word at `at`, and returns the nearest double. */
  readonly note = ({ view }: ByteWindow, at: number, row: number): number => {
    const [low, high] = [view.getUint32(at, true), view.getUint32(at + 4, true)];
    const nth = reserve(this.#rows, 1);
    reserve(this.#halves, 2);
    this.#rows.array[nth] = row;
    this.#halves.array[2 * nth] = low;
    this.#halves.array[2 * nth + 1] = high;
    return (high | 0) * TWO_32 + low;
  };

  /** Undefined if there are none. */
  finish(isSigned: boolean): LargeRows | undefined {
    if (this.#rows.length === 0) return undefined;
    const rows = finishGrowing(this.#rows).slice();
    const { buffer } = finishGrowing(this.#halves).slice();
    return { rows, values: isSigned ? new BigInt64Array(buffer) : new BigUint64Array(buffer) };
  }
}

/** By row, in order: of one part, whose own are in order, as many as the others' come behind. */
export function joinLarge(parts: readonly LargeRows[]): Map<number, bigint> {
  const joined = new Map<number, bigint>();
  const next = parts.map(() => 0);
  for (;;) {
    let least = -1;
    let row = Number.POSITIVE_INFINITY;
    let limit = Number.POSITIVE_INFINITY;
    parts.forEach(({ rows }, part) => {
      const own = rows[next[part] as number] ?? Number.POSITIVE_INFINITY;
      limit = Math.min(limit, Math.max(row, own));
      if (own >= row) return;
      row = own;
      least = part;
    });
    if (least < 0) return joined;
    const { rows, values } = parts[least] as LargeRows;
    let nth = next[least] as number;
    for (; nth < rows.length && (rows[nth] as number) < limit; nth++) {
      joined.set(rows[nth] as number, values[nth] as bigint);
    }
    next[least] = nth;
  }
}
