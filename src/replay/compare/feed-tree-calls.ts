/** The flusher's calls for tree nodes: who asked, how much it might write, and how much it did. */
import type { WriteCallEvent } from '../../model/policies/history.ts';
import { numbers, type Table, type Tables, tableWith, texts } from '../../trace/table.ts';
import { inodeKeys } from '../history/inode-key.ts';
import type { Feed, FeedScene, Sink } from './feed.ts';
import { treeRows, workOfPid } from './tree-nodes.ts';

const COLUMNS = ['bdi', 'ino', 'nr_to_write_pages', 'wrote_pages'];

export function feedTreeCalls(tables: Tables, scene: FeedScene, sink: Sink): Feed[] {
  const starts = tableWith(tables, 'writeback_single_inode_start', COLUMNS);
  const ends = tableWith(tables, 'writeback_single_inode', COLUMNS);
  if (ends === undefined) return [];
  const workOf = workOfPid(tables);
  const tell = (table: Table) => {
    const isTree = treeRows(table);
    const column = (name: string) => numbers(table, name).values;
    const [ts, seq, pid] = [column('ts_ns'), column('seq'), column('pid')];
    const [budget, wrote] = [column('nr_to_write_pages'), column('wrote_pages')];
    const bdi = texts(table, 'bdi');
    const keyOf = inodeKeys(table);
    const { pageSize } = scene;
    return (row: number, phase: WriteCallEvent['phase']) => {
      if (!isTree(row)) return;
      const name = bdi.dictionary[bdi.codes[row] as number] as string;
      const inode = scene.inodeOfBdi(name, keyOf(row), undefined);
      sink({
        type: 'write-call',
        phase,
        ts_ns: ts[row] as number,
        wb: inode.wb,
        ...workOf(pid[row] as number, seq[row] as number),
        file: inode.id,
        budget_bytes: Math.max(0, budget[row] as number) * pageSize,
        wrote_bytes: phase === 'end' ? (wrote[row] as number) * pageSize : 0,
      });
    };
  };
  const atEnd = tell(ends);
  const end = { table: ends, visit: (row: number) => atEnd(row, 'end') };
  // Without an event of its own, a call begins where its writes are told: at its end.
  if (starts === undefined) return [{ ...end, before: (row) => atEnd(row, 'start') }];
  const atStart = tell(starts);
  return [end, { table: starts, visit: (row) => atStart(row, 'start') }];
}
