/** Inodes whose writeback is charged to another cgroup from some event on. */
import type { Table } from '../../trace/table.ts';
import type { Follower } from './follower.ts';
import type { Switch } from './owners.ts';
import { Cursor, type Scene } from './scene.ts';

export function followSwitches(scene: Scene): Follower[] {
  const byTable = new Map<Table, Switch[]>();
  for (const each of scene.owners.switches) {
    const list = byTable.get(each.table);
    if (list === undefined) byTable.set(each.table, [each]);
    else list.push(each);
  }
  return [...byTable].map(([table, switches]) => {
    const at = new Cursor(scene, table);
    let next = 0;
    return {
      table,
      visit(row) {
        const due = switches[next];
        if (due === undefined || due.row !== row) return;
        next++;
        at.moveTo(row);
        scene.switchCgroup(scene.inodeOfBdi(due.bdi, due.key, undefined), due.cgroup);
      },
    };
  });
}
