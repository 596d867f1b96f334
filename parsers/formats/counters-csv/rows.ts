/** Columns of samples that grow row by row; what a row lacks is NaN. */
import { FormatError } from '../../../src/trace/errors.ts';
import { MAX_COLUMNS } from './header.ts';

const NS_PER_S = 1_000_000_000n;
/** Rows times columns; beyond it the long form may ask for a table that no memory holds. */
const MAX_CELLS = 1 << 26;

export type GrownColumn = {
  values: Float64Array;
  /** Values of 2^63 and more are kept as the negative number that they are in 64 bits. */
  wrapped: boolean;
  /** What a double does not hold. */
  readonly exact: Map<number, bigint>;
};

export class SampleRows {
  readonly name: string;
  readonly columns = new Map<string, GrownColumn>();
  times = new Float64Array(256);
  rows = 0;
  /** All times are whole seconds: they were cut. */
  areSeconds = true;

  constructor(name: string) {
    this.name = name;
  }

  column(name: string): GrownColumn {
    let column = this.columns.get(name);
    if (column === undefined) {
      if (this.columns.size === MAX_COLUMNS) {
        throw new FormatError(`${this.name} has more than ${MAX_COLUMNS} counters`);
      }
      const values = new Float64Array(this.times.length).fill(Number.NaN);
      column = { values, wrapped: false, exact: new Map() };
      this.columns.set(name, column);
      this.#checkSize();
    }
    return column;
  }

  addRow(time: bigint, originNs: bigint): number {
    if (this.areSeconds && time % NS_PER_S !== 0n) this.areSeconds = false;
    return this.addTime(Number(time - originNs));
  }

  /** Nanoseconds since the origin; the caller takes care of `areSeconds`. */
  addTime(time: number): number {
    if (this.rows === this.times.length) this.#grow();
    this.times[this.rows] = time;
    return this.rows++;
  }

  #grow(): void {
    const length = this.times.length * 2;
    const grown = (values: Float64Array): Float64Array<ArrayBuffer> => {
      const larger = new Float64Array(length).fill(Number.NaN, values.length);
      larger.set(values);
      return larger;
    };
    this.times = grown(this.times);
    this.#checkSize();
    for (const column of this.columns.values()) column.values = grown(column.values);
  }

  #checkSize(): void {
    if (this.times.length * this.columns.size > MAX_CELLS) {
      throw new FormatError(
        `${this.name} is too large: ${this.rows} rows of ${this.columns.size} counters`,
      );
    }
  }
}
