/** Who dirtied what: pages by task and inode. */
import { type TextColumn, textAt } from '../../trace/column.ts';
import { deviceText, inodeText } from './inode-key.ts';
import type { Inode } from './inodes.ts';

/** Pids are below 2^22 (PID_MAX_LIMIT), so that both fit a double. */
const PIDS = 2 ** 22;
const KEPT = 100;

export type Dirtied = {
  readonly pid: number;
  readonly comm: string;
  readonly bdi: string;
  /** Device of the file system, `7:0`; undefined when no event named it. */
  readonly dev: string | undefined;
  readonly ino: string;
  readonly dirtied_bytes: number;
};
export type DirtiedByTask = Pick<Dirtied, 'pid' | 'comm' | 'dirtied_bytes'> & {
  /** The bdi that got most of it. */
  readonly bdi: string;
};
export type DirtiedByInode = Omit<Dirtied, 'pid' | 'comm'>;

/** The largest entries of each list; `omitted_bytes` are in none of them. */
export type DirtiedTotals = {
  readonly by_task_and_inode: readonly Dirtied[];
  readonly by_task: readonly DirtiedByTask[];
  readonly by_inode: readonly DirtiedByInode[];
  readonly all_bytes: number;
  readonly omitted_bytes: number;
};

type Entry = { readonly pid: number; row: number; readonly inode: Inode; pages: number };

export class Totals {
  readonly #entries = new Map<number, Entry>();
  #last: Entry | undefined;

  dirtied(pid: number, inode: Inode, pages: number, row: number): void {
    let entry = this.#last;
    if (entry === undefined || entry.pid !== pid || entry.inode !== inode) {
      const key = inode.id * PIDS + pid;
      entry = this.#entries.get(key);
      if (entry === undefined) {
        entry = { pid, row, inode, pages: 0 };
        this.#entries.set(key, entry);
      }
      this.#last = entry;
    }
    entry.pages += pages;
    entry.row = row;
  }

  finish(comm: TextColumn, wbNames: readonly string[], pageSize: number): DirtiedTotals {
    const entries = [...this.#entries.values()].sort((left, right) => right.pages - left.pages);
    const all = entries.reduce((sum, { pages }) => sum + pages, 0);
    const kept = entries.slice(0, KEPT);
    const shown = kept.reduce((sum, { pages }) => sum + pages, 0);
    const nameOf = (entry: Entry) => textAt(comm, entry.row);
    const place = ({ inode }: Entry) => ({
      bdi: wbNames[inode.wb] ?? '',
      dev: inode.dev < 0 ? undefined : deviceText(inode.dev),
      ino: inodeText(inode.key),
    });
    return {
      by_task_and_inode: kept.map((entry) => ({
        pid: entry.pid,
        comm: nameOf(entry),
        ...place(entry),
        dirtied_bytes: entry.pages * pageSize,
      })),
      by_task: grouped(entries, ({ pid }) => pid).map(({ first, pages }) => ({
        pid: first.pid,
        comm: nameOf(first),
        bdi: place(first).bdi,
        dirtied_bytes: pages * pageSize,
      })),
      by_inode: grouped(entries, ({ inode }) => inode.id).map(({ first, pages }) => ({
        ...place(first),
        dirtied_bytes: pages * pageSize,
      })),
      all_bytes: all * pageSize,
      omitted_bytes: (all - shown) * pageSize,
    };
  }
}

/** Sums of the largest groups; entries come largest first, and so does each group's first. */
function grouped(
  entries: readonly Entry[],
  keyOf: (entry: Entry) => number,
): { first: Entry; pages: number }[] {
  const groups = new Map<number, { first: Entry; pages: number }>();
  for (const entry of entries) {
    const group = groups.get(keyOf(entry));
    if (group === undefined) groups.set(keyOf(entry), { first: entry, pages: entry.pages });
    else group.pages += entry.pages;
  }
  return [...groups.values()].sort((left, right) => right.pages - left.pages).slice(0, KEPT);
}
