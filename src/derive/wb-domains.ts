/**
 * Whose pages: a bdi and, where recorded, the cgroup of its bdi_writeback. Events of different
 * tables have their own dictionaries, so domains get numbers here that hold for all of them.
 */
import { TWO_32, textAt } from '../trace/column.ts';
import { optionalBigs, type Table, texts } from '../trace/table.ts';

export type WbDomain = {
  readonly bdi: string;
  /** cgroup_ino, or the path that 4.2 to 4.4 print; empty where the kernel prints neither. */
  readonly cgroup: string;
};

export class WbDomains {
  readonly list: WbDomain[] = [];
  readonly #codes = new Map<string, number>();

  code(bdi: string, cgroup: string): number {
    const key = `${bdi}\n${cgroup}`;
    let code = this.#codes.get(key);
    if (code === undefined) {
      code = this.list.length;
      this.list.push({ bdi, cgroup });
      this.#codes.set(key, code);
    }
    return code;
  }

  /** The domain of each row of a table with the columns `bdi` and perhaps a cgroup. */
  reader(table: Table): (row: number) => number {
    const bdi = texts(table, 'bdi');
    const words = optionalBigs(table, 'cgroup_ino')?.words;
    const path = table.columns.cgroup;
    const named = path?.kind === 'text' ? path : undefined;
    // Per dictionary code of the bdi: domain by cgroup, so that no text is built per row.
    const known: (Map<number, number> | undefined)[] = [];
    // Nearly always that of the row before.
    let last = { bdi: -1, cgroup: -1, code: -1 };
    return (row) => {
      const bdiCode = bdi.codes[row] as number;
      let cgroup = named?.codes[row] ?? 0;
      if (words !== undefined) {
        const low = words[2 * row] as number;
        const high = words[2 * row + 1] as number;
        // A double holds 53 bits; such numbers do not occur, but must not become another cgroup.
        if (high >= 2 ** 21) return this.code(textAt(bdi, row), String(wide(high, low)));
        cgroup = low + TWO_32 * high;
      }
      if (bdiCode === last.bdi && cgroup === last.cgroup) return last.code;
      let byCgroup = known[bdiCode];
      if (byCgroup === undefined) {
        byCgroup = new Map();
        known[bdiCode] = byCgroup;
      }
      let code = byCgroup.get(cgroup);
      if (code === undefined) {
        const label = words !== undefined ? String(cgroup) : named ? textAt(named, row) : '';
        code = this.code(textAt(bdi, row), label);
        byCgroup.set(cgroup, code);
      }
      last = { bdi: bdiCode, cgroup, code };
      return code;
    };
  }
}

function wide(high: number, low: number): bigint {
  return (BigInt(high) << 32n) + BigInt(low);
}
