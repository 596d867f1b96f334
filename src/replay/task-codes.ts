/**
 * Tasks by small numbers, the same in all tables of a trace: what is known of each then lies in
 * arrays. A map by pid took 7 ms in each of four walks over 0.6 M rows; codes take 4 once, and 2 in
 * each walk.
 */
import type { NumberArray } from '../trace/column.ts';
import type { Tables } from '../trace/table.ts';

/** PID_MAX_LIMIT: no pid is as large. Memory is spent for those pages that have pids. */
const MOST_PIDS = 2 ** 22;

export class TaskCodes {
  /** By pid, one more than its code. */
  readonly #known = new Int32Array(MOST_PIDS);
  /** What is no pid, of damaged input. */
  readonly #others = new Map<number, number>();
  readonly #columns = new Map<NumberArray, Int32Array>();
  #count = 0;

  /** How many tasks there are so far. */
  get count(): number {
    return this.#count;
  }

  /** Codes of a column of pids, made once. */
  of(pids: NumberArray): Int32Array {
    let codes = this.#columns.get(pids);
    if (codes === undefined) {
      codes = new Int32Array(pids.length);
      for (let row = 0; row < pids.length; row++) codes[row] = this.#code(pids[row] as number);
      this.#columns.set(pids, codes);
    }
    return codes;
  }

  /** By code: 1 for those of the tasks. */
  marks(pids: readonly number[]): Uint8Array {
    const codes = pids.map((pid) => this.#code(pid));
    const marks = new Uint8Array(this.#count);
    for (const code of codes) marks[code] = 1;
    return marks;
  }

  #code(pid: number): number {
    const known = (this.#known[pid] ?? 0) - 1;
    return known >= 0 ? known : this.#newCode(pid);
  }

  #newCode(pid: number): number {
    const other = this.#others.get(pid);
    if (other !== undefined) return other;
    const code = this.#count++;
    if (pid >= 0 && pid < MOST_PIDS && Number.isInteger(pid)) this.#known[pid] = code + 1;
    else this.#others.set(pid, code);
    return code;
  }
}

const known = new WeakMap<Tables, TaskCodes>();

/** Those of a trace, made once. */
export function taskCodes(tables: Tables): TaskCodes {
  let codes = known.get(tables);
  if (codes === undefined) {
    codes = new TaskCodes();
    known.set(tables, codes);
  }
  return codes;
}
