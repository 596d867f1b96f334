/** Who dirtied what: pages by task and bdi, and by inode, over a stretch of time. */
import { type FolioSizes, findFolioSizes } from '../../replay/folio-sizes.ts';
import { textAt } from '../../trace/column.ts';
import { bigs, numbers, texts } from '../../trace/table.ts';
import type { Culprit } from '../cause.ts';
import type { Facts } from '../facts.ts';

export type Dirtier = {
  readonly comm: string;
  readonly pid: number;
  readonly bdi: string;
  readonly pages: number;
};

export type DirtiedInode = { readonly bdi: string; readonly ino: string; readonly pages: number };

export type Dirtied = {
  readonly total_pages: number;
  /** The one that dirtied most first. */
  readonly tasks: readonly Dirtier[];
  readonly inodes: readonly DirtiedInode[];
  readonly bdis: ReadonlyMap<string, number>;
};

const LISTED = 20;

/** Undefined when nothing tells what was dirtied. */
export function dirtiedIn(facts: Facts, window: readonly [number, number]): Dirtied | undefined {
  const sizes = facts.once(folioSizes);
  if (sizes === undefined) return undefined;
  // Causes ask for the same few windows.
  const known = facts.once(knownWindows);
  const key = window.join(' ');
  let dirtied = known.get(key);
  if (dirtied === undefined) {
    dirtied = sumUp(sizes, window);
    known.set(key, dirtied);
  }
  return dirtied;
}

function knownWindows(): Map<string, Dirtied> {
  return new Map();
}

type Sum = { row: number; pages: number };

/** Sums by key. Rows of one key come in runs, so that the key is made once a run. */
class Sums {
  readonly #by = new Map<string, Sum>();
  #last: Sum | undefined;

  /** `isSame`: the row has the key of the row before. */
  add(isSame: boolean, key: (row: number) => string, row: number, pages: number): void {
    if (!isSame || this.#last === undefined) this.#last = this.#sumOf(key(row), row);
    this.#last.pages += pages;
  }

  #sumOf(key: string, row: number): Sum {
    let sum = this.#by.get(key);
    if (sum === undefined) {
      sum = { row, pages: 0 };
      this.#by.set(key, sum);
    }
    return sum;
  }

  most(): Sum[] {
    return [...this.#by.values()].sort((left, right) => right.pages - left.pages).slice(0, LISTED);
  }
}

function sumUp({ table, pages }: FolioSizes, [from_ns, to_ns]: readonly [number, number]): Dirtied {
  const ts = numbers(table, 'ts_ns').values;
  const pid = numbers(table, 'pid').values;
  const comm = texts(table, 'comm');
  const bdi = texts(table, 'bdi');
  const { words } = bigs(table, 'ino');
  const byTask = new Sums();
  const byInode = new Sums();
  const taskKey = (row: number) => `${pid[row]} ${bdi.codes[row]} ${comm.codes[row]}`;
  const inodeKey = (row: number) => `${bdi.codes[row]} ${words[2 * row + 1]} ${words[2 * row]}`;
  const byBdi = new Float64Array(bdi.dictionary.length);
  let total = 0;
  let before = -1;
  for (let row = 0; row < table.rows; row++) {
    const time = ts[row] as number;
    if (time < from_ns || time > to_ns) continue;
    const code = bdi.codes[row] as number;
    const size = pages[row] as number;
    const isSameBdi = before >= 0 && code === bdi.codes[before];
    const isSameTask =
      isSameBdi && pid[row] === pid[before] && comm.codes[row] === comm.codes[before];
    const isSameInode =
      isSameBdi &&
      words[2 * row] === words[2 * before] &&
      words[2 * row + 1] === words[2 * before + 1];
    byTask.add(isSameTask, taskKey, row, size);
    byInode.add(isSameInode, inodeKey, row, size);
    byBdi[code] = (byBdi[code] as number) + size;
    total += size;
    before = row;
  }
  return {
    total_pages: total,
    bdis: new Map(
      bdi.dictionary
        .map((name, code): [string, number] => [name, byBdi[code] as number])
        .filter(([, pages]) => pages > 0),
    ),
    tasks: byTask.most().map(({ row, pages: sum }) => ({
      comm: textAt(comm, row),
      pid: pid[row] as number,
      bdi: textAt(bdi, row),
      pages: sum,
    })),
    inodes: byInode.most().map(({ row, pages: sum }) => ({
      bdi: textAt(bdi, row),
      ino: inodeText(words, row),
      pages: sum,
    })),
  };
}

function inodeText(words: Uint32Array, row: number): string {
  const high = words[2 * row + 1] as number;
  const low = words[2 * row] as number;
  return String(high === 0 ? low : (BigInt(high) << 32n) | BigInt(low));
}

export function folioSizes(facts: Facts) {
  return findFolioSizes(facts.trace.tables);
}

/** Tasks, then inodes, that dirtied most of a bdi (of all when undefined), as culprits. */
export function dirtyingCulprits(
  facts: Facts,
  window_ns: readonly [number, number],
  bdi: string | undefined,
): Culprit[] {
  const dirtied = dirtiedIn(facts, window_ns);
  if (dirtied === undefined) return [];
  const ours = (name: string) => bdi === undefined || name === bdi;
  const all = bdi === undefined ? dirtied.total_pages : (dirtied.bdis.get(bdi) ?? 0);
  if (all === 0) return [];
  const part = (pages: number) => ({ bytes: pages * facts.pageSize, share: pages / all });
  const tasks = dirtied.tasks
    .filter((task) => ours(task.bdi) && task.pages >= NAMED_SHARE * all)
    .map(({ comm, pid, bdi: on, pages }): Culprit => {
      return { kind: 'task', name: `${comm} (pid ${pid})`, pid, bdi: on, ...part(pages) };
    });
  const inodes = dirtied.inodes
    .filter((inode) => ours(inode.bdi) && inode.pages >= NAMED_SHARE * all)
    .map(({ ino, bdi: on, pages }): Culprit => {
      return { kind: 'inode', name: `inode ${ino} on ${on}`, ino, bdi: on, ...part(pages) };
    });
  return [...tasks.slice(0, 5), ...inodes.slice(0, 5)];
}

/** Who dirtied less than this is no culprit. */
const NAMED_SHARE = 0.05;
