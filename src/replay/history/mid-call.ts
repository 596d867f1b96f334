/** Tasks that were writing an inode already when events of them begin: only the end is seen. */
import { upperBound } from '../../trace/search.ts';
import { numbers, type Table, type Tables, tableWith } from '../../trace/table.ts';

/** `seq` of a task's events, in order. */
type Times = ReadonlyMap<number, readonly number[]>;

export class MidCall {
  readonly #starts: Table | undefined;
  readonly #ends: Table | undefined;
  #times: { readonly starts: Times; readonly ends: Times } | undefined;

  constructor(tables: Tables) {
    this.#starts = tableWith(tables, 'writeback_single_inode_start', ['bdi', 'ino']);
    this.#ends = tableWith(tables, 'writeback_single_inode', ['bdi', 'ino']);
  }

  /** Is the task's next event of the two the end of a call? Without such events it may be. */
  isInside(pid: number, seq: number): boolean {
    if (this.#starts === undefined || this.#ends === undefined) return true;
    this.#times ??= { starts: timesOf(this.#starts), ends: timesOf(this.#ends) };
    const { starts, ends } = this.#times;
    return next(ends.get(pid), seq) < next(starts.get(pid), seq);
  }
}

function timesOf(table: Table): Times {
  const pid = numbers(table, 'pid').values;
  const seq = numbers(table, 'seq').values;
  const times = new Map<number, number[]>();
  for (let row = 0; row < table.rows; row++) {
    const own = times.get(pid[row] as number);
    if (own === undefined) times.set(pid[row] as number, [seq[row] as number]);
    else own.push(seq[row] as number);
  }
  return times;
}

function next(times: readonly number[] | undefined, seq: number): number {
  if (times === undefined) return Number.POSITIVE_INFINITY;
  return times[upperBound(times, seq)] ?? Number.POSITIVE_INFINITY;
}
