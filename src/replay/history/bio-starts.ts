/** Where bios begin on their devices: whether a place will be written to later in the trace. */

export type BioColumns = {
  readonly dev: ArrayLike<number>;
  readonly sector: ArrayLike<number>;
  readonly nrSectors: ArrayLike<number>;
  kindOf(row: number): { readonly isWrite: boolean; readonly isSync: boolean };
};

/** Bios of a file that goes on are next to each other but for a few of others. */
const SOON = 16;

export class BioStarts {
  readonly #columns: BioColumns;
  readonly #rows: number;
  /** Last row by device and by sector and kind; made when it is first asked for. */
  #last: Map<number, Map<number, number>> | undefined;

  constructor(columns: BioColumns, rows: number) {
    this.#columns = columns;
    this.#rows = rows;
  }

  /** Sectors of a later bio that begins there and is (not) waited for like this one; else 0. */
  sectorsAfter(row: number, dev: number, sector: number, isSync: boolean): number {
    this.#last ??= this.#collect();
    const last = this.#last.get(dev)?.get(keyOf(sector, isSync)) ?? -1;
    return last > row ? (this.#columns.nrSectors[last] as number) : 0;
  }

  /** Does one of the next writes of the device begin there? */
  goesOn(row: number, on: number, at: number): boolean {
    const { dev, sector, kindOf } = this.#columns;
    let left = SOON;
    for (let next = row + 1; next < this.#rows && left > 0; next++) {
      if (dev[next] !== on || !kindOf(next).isWrite) continue;
      if (sector[next] === at) return true;
      left--;
    }
    return false;
  }

  #collect(): Map<number, Map<number, number>> {
    const { dev, sector, kindOf } = this.#columns;
    const last = new Map<number, Map<number, number>>();
    for (let row = 0; row < this.#rows; row++) {
      const { isWrite, isSync } = kindOf(row);
      if (!isWrite) continue;
      let starts = last.get(dev[row] as number);
      if (starts === undefined) {
        starts = new Map();
        last.set(dev[row] as number, starts);
      }
      starts.set(keyOf(sector[row] as number, isSync), row);
    }
    return last;
  }
}

const keyOf = (sector: number, isSync: boolean): number => 2 * sector + (isSync ? 1 : 0);
