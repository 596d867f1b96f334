/**
 * Every wait of a task in fsync, sync and their kin, with what the devices did meanwhile: what of
 * it was the waiter's own data, what others had written, and what the journal took.
 */
import { isKernelThread, type Stall } from '../../derive/stalls.ts';
import { exactAt, textAt } from '../../trace/column.ts';
import { lowerBound, upperBound } from '../../trace/search.ts';
import { bigs, numbers, tableWith, texts } from '../../trace/table.ts';
import type { Facts } from '../facts.ts';
import { folioSizes } from './dirtiers.ts';
import { type Span, Spans } from './sorted.ts';

export type SyncWait = {
  readonly stall: number;
  /** The stall and those of the task inside of it: all of it is this wait. */
  readonly members: readonly number[];
  /** Time that the task lost in all of them, nanoseconds. */
  readonly own_ns: number;
  readonly start_ns: number;
  readonly end_ns: number;
  readonly comm: string;
  readonly pid: number;
  readonly call: string;
  /** One file, or file systems as a whole. */
  readonly scope: 'file' | 'all';
  readonly bdi: string | undefined;
  readonly ino: string | undefined;
  /** Time of the wait in which the journal was committing, nanoseconds. */
  readonly commit_ns: number;
  /** Pages of the waiter's file that became dirty since it was last synced. */
  readonly own_pages: number;
  /** Pages that the flusher wrote of other files on that device around the wait, by reason. */
  readonly others_pages: ReadonlyMap<string, number>;
  /** Pages that the machine wrote meanwhile, by nr_written; undefined without samples. */
  readonly written_pages: number | undefined;
  /** Time of those commits in which the journal's thread waited for file data, nanoseconds. */
  readonly commit_data_ns: number;
  /** Dirty + writeback of the machine when it began. */
  readonly level_pages: number | undefined;
};

/** Calls that ask for all files of a file system, or of all. */
const WHOLE = new Set(['sync', 'syncfs', 'ext4_sync_fs', 'btrfs_sync_fs', 'writeback_queue']);

export function syncWaits(facts: Facts): readonly SyncWait[] {
  const commits = spansOf(facts.stalls.filter(({ place }) => place === 'journal-commit'));
  const dirtied = facts.once(dirtiedByInode);
  const dataWaits = spansOf(
    facts.stalls.filter(({ place, comm }) => place === 'folio-writeback' && isKernelThread(comm)),
  );
  const lastSync = new Map<string, number>();
  const waits: SyncWait[] = [];
  facts.stalls.forEach((stall, index) => {
    if (stall.place !== 'sync' || isKernelThread(stall.comm)) return;
    const end_ns = stall.start_ns + stall.duration_ns;
    const ino = syncedInode(facts, stall);
    const { bdi, dirtying } = writtenTo(stall, ino, dirtied);
    const key = `${bdi} ${ino}`;
    const members = facts.nested(index);
    waits.push({
      stall: index,
      members,
      own_ns: members.reduce((sum, member) => sum + facts.stallNs(member), 0),
      start_ns: stall.start_ns,
      end_ns,
      comm: stall.comm,
      pid: stall.pid,
      call: stall.event,
      scope: WHOLE.has(stall.event) ? 'all' : 'file',
      bdi,
      ino,
      commit_ns: overlapWith(stall, end_ns, commits),
      commit_data_ns: overlapWith(stall, end_ns, dataWaits),
      own_pages: pagesBetween(dirtying, lastSync.get(key) ?? 0, end_ns),
      others_pages: othersWritten(facts, { stall, end_ns, bdi, ino }),
      written_pages: writtenBetween(facts, stall.start_ns, end_ns),
      level_pages: levelAt(facts, stall.start_ns),
    });
    lastSync.set(key, end_ns);
  });
  return waits;
}

type DeviceSpan = Span & { readonly dev: string | undefined };

function spansOf(stalls: readonly Stall[]): Spans<DeviceSpan> {
  return new Spans(
    stalls.map(({ start_ns, duration_ns, dev, bdi }) => ({
      start_ns,
      end_ns: start_ns + duration_ns,
      dev: dev ?? bdi,
    })),
  );
}

/** Time of the wait in which others were open on the same device, as far as devices are known. */
function overlapWith(stall: Stall, end_ns: number, others: Spans<DeviceSpan>): number {
  return others.overlap(
    stall.start_ns,
    end_ns,
    ({ dev }) => stall.dev === undefined || dev === undefined || dev === stall.dev,
  );
}

function writtenBetween(facts: Facts, from_ns: number, to_ns: number): number | undefined {
  const state = tableWith(facts.trace.tables, 'global_dirty_state', ['nr_written_pages']);
  if (state === undefined || state.rows === 0) return undefined;
  const ts = numbers(state, 'ts_ns').values;
  const written = numbers(state, 'nr_written_pages').values;
  // The last sample before, and the first one after.
  const first = Math.max(0, lowerBound(ts, from_ns) - 1);
  const last = Math.min(state.rows - 1, lowerBound(ts, to_ns));
  const pages = (written[last] as number) - (written[first] as number);
  return pages >= 0 && Number.isFinite(pages) ? pages : undefined;
}

type Dirtying = { readonly ts: number[]; readonly pages: number[]; total: number };

/** The inode of the call, or what the file system said inside of it. */
function syncedInode(facts: Facts, stall: Stall): string | undefined {
  if (stall.ino !== undefined) return stall.ino;
  for (const { table, row } of stall.evidence) {
    const column = facts.trace.tables.get(table)?.columns.ino;
    if (column !== undefined) return String(exactAt(column, row));
  }
  return undefined;
}

/** By inode number, then by bdi: the same number may exist on several. */
type DirtiedInodes = ReadonlyMap<string, ReadonlyMap<string, Dirtying>>;

/**
 * The bdi behind a sync, and what became dirty of its inode there. The device of a partition, or of
 * a subvolume of btrfs, is not the bdi's name; then the inode tells, and among several of the same
 * number the one that became dirty most.
 */
function writtenTo(
  stall: Stall,
  ino: string | undefined,
  dirtied: DirtiedInodes,
): { bdi: string | undefined; dirtying: Dirtying | undefined } {
  const named = stall.bdi ?? stall.dev;
  const places = ino === undefined ? undefined : dirtied.get(ino);
  if (places === undefined) return { bdi: named, dirtying: undefined };
  const own = named === undefined ? undefined : places.get(named);
  if (own !== undefined) return { bdi: named, dirtying: own };
  const [most] = [...places].sort(([, left], [, right]) => right.total - left.total);
  return { bdi: most?.[0] ?? named, dirtying: most?.[1] };
}

/** When and how much of every synced inode became dirty. */
function dirtiedByInode(facts: Facts): DirtiedInodes {
  const by = new Map<string, Map<string, Dirtying>>();
  const sizes = facts.once(folioSizes);
  const synced = new Set(
    facts.stalls.flatMap((stall) => {
      const ino = stall.place === 'sync' ? syncedInode(facts, stall) : undefined;
      return ino === undefined ? [] : [ino];
    }),
  );
  if (sizes === undefined || synced.size === 0) return by;
  const { table, pages } = sizes;
  const ts = numbers(table, 'ts_ns').values;
  const bdi = texts(table, 'bdi');
  const { words } = bigs(table, 'ino');
  let ino = '';
  for (let row = 0; row < table.rows; row++) {
    const high = words[2 * row + 1] as number;
    const low = words[2 * row] as number;
    const isSame = row > 0 && high === words[2 * row - 1] && low === words[2 * row - 2];
    if (!isSame) ino = String(high === 0 ? low : (BigInt(high) << 32n) | BigInt(low));
    if (!synced.has(ino)) continue;
    let places = by.get(ino);
    if (places === undefined) {
      places = new Map();
      by.set(ino, places);
    }
    const name = textAt(bdi, row);
    let entry = places.get(name);
    if (entry === undefined) {
      entry = { ts: [], pages: [], total: 0 };
      places.set(name, entry);
    }
    entry.ts.push(ts[row] as number);
    entry.pages.push(pages[row] as number);
    entry.total += pages[row] as number;
  }
  return by;
}

function pagesBetween(dirtying: Dirtying | undefined, from_ns: number, to_ns: number): number {
  if (dirtying === undefined) return 0;
  let sum = 0;
  for (let index = lowerBound(dirtying.ts, from_ns); index < dirtying.ts.length; index++) {
    if ((dirtying.ts[index] as number) > to_ns) break;
    sum += dirtying.pages[index] as number;
  }
  return sum;
}

/**
 * What was handed to the device just before still keeps it busy: slices count from as long before
 * the wait as the wait itself lasted, at most this.
 */
const BEFORE_NS = 2e9;

function othersWritten(
  facts: Facts,
  {
    stall,
    end_ns,
    bdi,
    ino,
  }: { stall: Stall; end_ns: number; bdi: string | undefined; ino: string | undefined },
): ReadonlyMap<string, number> {
  const by = new Map<string, number>();
  const slices = facts.once(sliceList);
  const from_ns = stall.start_ns - Math.min(BEFORE_NS, stall.duration_ns);
  for (let index = lowerBound(slices.end_ns, from_ns); index < slices.end_ns.length; index++) {
    if ((slices.start_ns[index] as number) > end_ns) {
      // By their end: none of the following can have begun before.
      if ((slices.end_ns[index] as number) > end_ns + slices.longest_ns) break;
      continue;
    }
    if (bdi !== undefined && slices.bdi[index] !== bdi) continue;
    if (ino !== undefined && slices.ino[index] === ino) continue;
    const reason = slices.reason[index] as string;
    by.set(reason, (by.get(reason) ?? 0) + (slices.pages[index] as number));
  }
  return by;
}

type SliceList = {
  readonly start_ns: number[];
  readonly end_ns: number[];
  readonly bdi: string[];
  readonly ino: string[];
  readonly reason: string[];
  readonly pages: number[];
  longest_ns: number;
};

/** Slices that wrote something, by their end. */
function sliceList(facts: Facts): SliceList {
  const list: SliceList = {
    start_ns: [],
    end_ns: [],
    bdi: [],
    ino: [],
    reason: [],
    pages: [],
    longest_ns: 0,
  };
  const slices = facts.works?.slices;
  if (slices === undefined) return list;
  const start = numbers(slices, 'start_ns').values;
  const end = numbers(slices, 'end_ns').values;
  const wrote = numbers(slices, 'wrote_pages').values;
  const bdi = texts(slices, 'bdi');
  const reason = texts(slices, 'reason');
  const { words } = bigs(slices, 'ino');
  const rows = Array.from({ length: slices.rows }, (_, row) => row)
    .filter((row) => (wrote[row] as number) > 0 && (end[row] as number) >= 0)
    .sort((left, right) => (end[left] as number) - (end[right] as number));
  for (const row of rows) {
    const high = words[2 * row + 1] as number;
    const low = words[2 * row] as number;
    const ended = end[row] as number;
    const began = Number.isNaN(start[row]) ? ended : (start[row] as number);
    list.longest_ns = Math.max(list.longest_ns, ended - began);
    list.start_ns.push(began);
    list.end_ns.push(ended);
    list.bdi.push(textAt(bdi, row));
    list.ino.push(String(high === 0 ? low : (BigInt(high) << 32n) | BigInt(low)));
    list.reason.push(textAt(reason, row));
    list.pages.push(wrote[row] as number);
  }
  return list;
}

function levelAt({ dirty }: Facts, ts_ns: number): number | undefined {
  if (dirty === undefined || dirty.ts_ns.length === 0) return undefined;
  const level = dirty.level_pages[Math.max(0, upperBound(dirty.ts_ns, ts_ns) - 1)];
  return Number.isFinite(level) ? level : undefined;
}
