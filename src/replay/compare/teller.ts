/**
 * Moves of the ledger become data events: each by itself, or, where nobody minds which page it was
 * and when, as sums that are told before anything else happens that looks at the counters.
 */
import type { DataEvent } from '../../model/policies/history.ts';
import type { Inode } from '../history/inodes.ts';
import type { FeedOptions, FeedScene, Sink } from './feed.ts';
import type { MoveKind, Tell } from './observed-pages.ts';

/** Order in which sums are told: as pages live. */
const KINDS: readonly (readonly [MoveKind, DataEvent['account']])[] = [
  ['find-dirty', undefined],
  ['find-writeback', undefined],
  ['adopt', 'dirty'],
  ['adopt', 'claimed'],
  ['adopt', 'writeback'],
  ['dirty', undefined],
  ['redirty', undefined],
  ['claim', undefined],
  ['start-writeback', undefined],
  ['end-writeback', undefined],
  ['cancel', undefined],
  ['discard', undefined],
  ['disown', 'dirty'],
  ['disown', 'claimed'],
  ['disown', 'writeback'],
];
const ACCOUNTS = ['dirty', 'claimed', 'writeback'] as const;
const FIRST = new Map<MoveKind, number>();
for (const [at, [kind]] of KINDS.entries()) if (!FIRST.has(kind)) FIRST.set(kind, at);

type About = Pick<DataEvent, 'kind' | 'account' | 'wb' | 'file' | 'start' | 'pid' | 'cpu'>;

export class Teller {
  readonly #scene: FeedScene;
  readonly #options: FeedOptions;
  readonly #sink: Sink;
  readonly #singly: boolean;
  /** Pages of tree nodes under writeback without a place, by bdi. */
  readonly #away = new Map<number, number>();
  /** Pages that moved and were not told of yet: [wb][kind]. */
  #sums = new Float64Array(KINDS.length);
  #hasSums = false;
  unplaced = 0;

  constructor(scene: FeedScene, options: FeedOptions, sink: Sink) {
    this.#scene = scene;
    this.#options = options;
    this.#sink = sink;
    this.#singly = options.demand?.singly ?? true;
  }

  readonly tell: Tell = (kind, account, wb, inode, start, pages) => {
    if (inode !== undefined && this.#scene.isTree(inode)) {
      this.#tellTree(kind, account, wb, inode, start, pages);
      return;
    }
    if (inode !== undefined) {
      this.#tellFile(kind, account, wb, inode, start, pages);
      return;
    }
    // What came back without a place is of tree nodes while such are under way.
    const away = kind === 'end-writeback' ? (this.#away.get(wb) ?? 0) : 0;
    const trees = Math.max(0, Math.min(away, pages));
    if (trees > 0) {
      this.#away.set(wb, away - trees);
      this.#tellTree(kind, account, wb, undefined, -1, trees);
    }
    if (pages !== trees) this.#tellFile(kind, account, wb, undefined, -1, pages - trees);
  };

  #tellFile(
    kind: MoveKind,
    account: DataEvent['account'],
    wb: number,
    inode: Inode | undefined,
    start: number,
    pages: number,
  ): void {
    if (!this.#singly && start < 0) {
      this.#sum(kind, account, wb, pages);
      return;
    }
    const { pageSize } = this.#options;
    const { pages: scenePages, pid } = this.#scene;
    const place = { file: inode?.id ?? -1, start: start < 0 ? -1 : start * pageSize };
    const about = { kind, account, wb, ...place, pid, cpu: scenePages.cpu };
    this.#emit(about, pages * pageSize, 'file-data', undefined);
  }

  #sum(kind: MoveKind, account: DataEvent['account'], wb: number, pages: number): void {
    const offset = account === undefined ? 0 : ACCOUNTS.indexOf(account);
    const at = wb * KINDS.length + (FIRST.get(kind) as number) + offset;
    if (at >= this.#sums.length) {
      const larger = new Float64Array(2 * (wb + 1) * KINDS.length);
      larger.set(this.#sums);
      this.#sums = larger;
    }
    this.#sums[at] = (this.#sums[at] as number) + pages;
    this.#hasSums = true;
  }

  /** Tells what was only summed up: somebody is about to look. */
  flush(): void {
    if (!this.#hasSums) return;
    this.#hasSums = false;
    const { pageSize } = this.#options;
    for (let at = 0; at < this.#sums.length; at++) {
      const pages = this.#sums[at] as number;
      if (pages === 0) continue;
      this.#sums[at] = 0;
      const wb = Math.floor(at / KINDS.length);
      const [kind, account] = KINDS[at % KINDS.length] as (typeof KINDS)[number];
      const about = { kind, account, wb, file: -1, start: -1, pid: -1, cpu: -1 };
      this.#emit(about, pages * pageSize, 'file-data', undefined);
    }
  }

  #tellTree(...[kind, account, wb, inode, start, pages]: Parameters<Tell>): void {
    const scene = this.#scene;
    const { pageSize, nodeSize } = this.#options;
    if (start < 0) {
      this.unplaced += pages;
      if (kind === 'start-writeback') this.#away.set(wb, (this.#away.get(wb) ?? 0) + pages);
    }
    const sync = kind === 'claim' ? this.#isAwaited(inode) : undefined;
    const place = { file: inode?.id ?? -1, start: start < 0 ? -1 : start * pageSize };
    const about = { kind, account, wb, ...place, pid: scene.pid, cpu: scene.pages.cpu };
    if (nodeSize < pageSize) this.#emitNodes(about, pages, sync);
    else this.#emit(about, pages * pageSize, 'metadata', sync);
  }

  #emit(
    { kind, account, wb, file, start, pid, cpu }: About,
    bytes: number,
    pageClass: DataEvent['pageClass'],
    sync: boolean | undefined,
  ): void {
    const { ts_ns } = this.#scene.pages;
    const type = 'data';
    this.#sink({ type, kind, account, ts_ns, wb, pageClass, bytes, file, start, pid, cpu, sync });
  }

  /** Nodes smaller than a page: a dirtied page holds one at least, and says no more. */
  #emitNodes(about: About, pages: number, sync: boolean | undefined): void {
    const { pageSize, nodeSize } = this.#options;
    if (about.start < 0) this.#emit(about, pages * nodeSize, 'metadata', sync);
    else {
      for (let page = 0; page < pages; page++) {
        const start = about.start + page * pageSize;
        this.#emit({ ...about, start }, nodeSize, 'metadata', sync);
      }
    }
  }

  /** Outside of the flusher's calls, nodes are written by those who wait: commits, log syncs. */
  #isAwaited(inode: Inode | undefined): boolean {
    const { table } = this.#scene;
    if (table?.name === 'writeback_single_inode') return false;
    const task = this.#scene.knownTask(this.#scene.pid);
    return task === undefined || inode === undefined || task.inode !== inode;
  }
}
