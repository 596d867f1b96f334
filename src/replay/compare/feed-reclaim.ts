/**
 * Memory pressure: passes over the shrinkers, folios that reclaim took, and state that file systems
 * were asked to release.
 */
import { visitInOrder } from '../../trace/order.ts';
import { numbers, type Table, type Tables, tableWith, texts } from '../../trace/table.ts';
import { inodeKeys } from '../history/inode-key.ts';
import { callReader, groupsOf } from '../shrinker-seeks.ts';
import type { Feed, FeedScene, Sink } from './feed.ts';

export function feedReclaim(tables: Tables, scene: FeedScene, sink: Sink): Feed[] {
  return [...feedShrinkers(tables, sink), ...feedReleases(tables, scene, sink)];
}

const START = ['shrink', 'nr_objects_to_shrink', 'cache_items', 'delta', 'total_scan'];

export const hasPasses = (tables: Tables): boolean =>
  (tableWith(tables, 'mm_shrink_slab_start', START)?.rows ?? 0) > 0;

/** Each pass asks every shrinker once: the calls of the one asked most often are the passes. */
function feedShrinkers(tables: Tables, sink: Sink): Feed[] {
  const table = tableWith(tables, 'mm_shrink_slab_start', START);
  if (table === undefined || table.rows === 0) return [];
  const calls = callReader(table);
  const groups = groupsOf(table);
  const counts = groups.firstRow.map(() => 0);
  for (const group of groups.of) counts[group] = (counts[group] as number) + 1;
  const most = counts.indexOf(Math.max(...counts));
  const ts = numbers(table, 'ts_ns').values;
  const visit = (row: number) => {
    if (groups.of[row] !== most || !calls.isSane(row)) return;
    const { priority, scanned_pages, eligible_pages } = calls.read(row);
    sink({ type: 'shrink', ts_ns: ts[row] as number, priority, scanned_pages, eligible_pages });
  };
  return [{ table, visit }];
}

function feedReleases(tables: Tables, scene: FeedScene, sink: Sink): Feed[] {
  const table = tableWith(tables, 'iomap_release_folio', [
    'dev',
    'ino',
    'offset_bytes',
    'length_bytes',
  ]);
  if (table === undefined) return [];
  const column = (name: string): ArrayLike<number> => numbers(table, name).values;
  const [ts, dev] = [column('ts_ns'), column('dev')];
  const [offset, length] = [column('offset_bytes'), column('length_bytes')];
  const keyOf = inodeKeys(table);
  const visit = (row: number) => {
    const inode = scene.inodes.find(dev[row] as number, keyOf(row));
    if (inode === undefined) return;
    sink({
      type: 'release',
      ts_ns: ts[row] as number,
      wb: inode.wb,
      file: inode.id,
      start: offset[row] as number,
      bytes: length[row] as number,
    });
  };
  return [{ table, visit }];
}

const KINDS = ['direct', 'memcg', 'memcg_softlimit', 'node'] as const;

/** Rows of the removals that reclaim made: a task within reclaim, or kswapd. */
export function reclaimedRows(tables: Tables, removals: Table): Uint8Array {
  const rows = new Uint8Array(removals.rows);
  const comm = texts(removals, 'comm');
  const isKswapd = comm.dictionary.map((name) => /^kswapd\d/.test(name));
  const pid = numbers(removals, 'pid').values;
  const begins = KINDS.map((kind) => tables.get(`mm_vmscan_${kind}_reclaim_begin`));
  const ends = KINDS.map((kind) => tables.get(`mm_vmscan_${kind}_reclaim_end`));
  const present = [removals, ...begins, ...ends].filter((table) => table !== undefined);
  const pids = present.map((table) => numbers(table, 'pid').values);
  const isBegin = present.map((table) => begins.includes(table));
  const inside = new Set<number>();
  visitInOrder(present, (which, row) => {
    const task = pids[which]?.[row] as number;
    if (which > 0) {
      if (isBegin[which]) inside.add(task);
      else inside.delete(task);
    } else if (inside.has(pid[row] as number) || isKswapd[comm.codes[row] as number]) rows[row] = 1;
  });
  return rows;
}
