/** Feeds that every system needs: thresholds, what tasks were allowed, and folios of the cache. */
import { numbers, type Tables, tableWith } from '../../trace/table.ts';
import { inodeKeys } from '../history/inode-key.ts';
import type { Feed, FeedScene, Sink } from './feed.ts';
import { reclaimedRows } from './feed-reclaim.ts';

const MAX_ORDER = 16;

/** global_dirty_state: thresholds, after the replay has taken the sample. */
export function feedLimits(tables: Tables, _scene: FeedScene, sink: Sink): Feed[] {
  const columns = ['dirty_thresh_pages', 'background_thresh_pages'];
  const table = tableWith(tables, 'global_dirty_state', columns);
  if (table === undefined) return [];
  const column = (name: string) => numbers(table, name).values;
  const ts = column('ts_ns');
  const [threshs, backgrounds] = [column('dirty_thresh_pages'), column('background_thresh_pages')];
  const visit = (row: number) => {
    const thresh = threshs[row] as number;
    const background = backgrounds[row] as number;
    if (Number.isNaN(thresh) || Number.isNaN(background)) return;
    sink({ type: 'limits', ts_ns: ts[row] as number, thresh, background });
  };
  return [{ table, visit }];
}

/** balance_dirty_pages: what the task was allowed before it had to look again. */
export function feedAllowances(tables: Tables, _scene: FeedScene, sink: Sink): Feed[] {
  const table = tableWith(tables, 'balance_dirty_pages', ['bdi', 'dirtied_pause_pages']);
  if (table === undefined) return [];
  const column = (name: string) => numbers(table, name).values;
  const [ts, pid, allowed] = [column('ts_ns'), column('pid'), column('dirtied_pause_pages')];
  const visit = (row: number) => {
    const pages = allowed[row] as number;
    if (!(pages > 0)) return;
    sink({ type: 'allowance', ts_ns: ts[row] as number, pid: pid[row] as number, pages });
  };
  return [{ table, visit }];
}

export function feedCache(tables: Tables, scene: FeedScene, sink: Sink): Feed[] {
  return (['added', 'removed'] as const).flatMap((change) => {
    const name = {
      added: 'mm_filemap_add_to_page_cache',
      removed: 'mm_filemap_delete_from_page_cache',
    };
    const table = tableWith(tables, name[change], ['dev', 'ino', 'index']);
    if (table === undefined) return [];
    const column = (which: string) => numbers(table, which).values;
    const [ts, dev, index] = [column('ts_ns'), column('dev'), column('index')];
    const order = 'order' in table.columns ? column('order') : undefined;
    const keyOf = inodeKeys(table);
    const reclaimed = change === 'removed' ? reclaimedRows(tables, table) : undefined;
    const { pageSize } = scene;
    const visit = (row: number) => {
      const inode = scene.inodes.of(dev[row] as number, keyOf(row));
      if (scene.places === 'trees' && !scene.isTree(inode)) return;
      const pages = 2 ** Math.min(order?.[row] ?? 0, MAX_ORDER);
      sink({
        type: 'cache',
        change,
        ts_ns: ts[row] as number,
        wb: inode.wb,
        pageClass: scene.isTree(inode) ? 'metadata' : 'file-data',
        file: inode.id,
        start: (index[row] as number) * pageSize,
        bytes: pages * pageSize,
        ...(reclaimed?.[row] === 1 ? { reclaimed: true } : {}),
      });
    };
    return [{ table, visit }];
  });
}
