/**
 * When CPUs go idle: as sched_switch tells, or else from what every event tells besides, that its
 * CPU runs, and which task.
 */
import { numbers, type Table, type Tables, tableWith } from '../../trace/table.ts';
import { HISTORY_EVENTS } from './events.ts';
import type { Follower } from './follower.ts';
import { cpuEvent, IDLE_TASK, type KeptPages } from './kept.ts';
import { Cursor, type Scene } from './scene.ts';

/** To be called before all others of a row: what CPUs kept until then is added before it. */
export function followCpus(scene: Scene, tables: Tables): Follower[] {
  const { kept } = scene.pages;
  if (kept === undefined) return [];
  const switches = tableWith(tables, 'sched_switch', ['prev_pid', 'next_pid']);
  if (switches !== undefined && areAll(switches)) return [followSwitches(scene, switches, kept)];
  return HISTORY_EVENTS.flatMap((name) => {
    const table = tables.get(name);
    if (table === undefined || table.rows === 0) return [];
    const { ts, cpu, pid } = new Cursor(scene, table);
    const event = cpuEvent(name);
    const visit = (row: number) => {
      const ts_ns = ts[row] as number;
      scene.reach(ts_ns);
      kept.seen(cpu[row] as number, ts_ns, pid[row] as number, event);
    };
    return [{ table, visit }];
  });
}

function followSwitches(scene: Scene, table: Table, kept: KeptPages): Follower {
  const { ts, cpu } = new Cursor(scene, table);
  const next = numbers(table, 'next_pid').values;
  kept.knowSwitches();
  return {
    table,
    visit(row) {
      scene.reach(ts[row] as number);
      if (next[row] === IDLE_TASK) kept.idle(cpu[row] as number);
    },
  };
}

/**
 * Filters may leave switches out: then a task leaves a CPU that it never came to. Of an idle CPU
 * the kernel itself leaves out nearly half (6.18).
 */
function areAll(switches: Table): boolean {
  const cpu = numbers(switches, 'cpu').values;
  const prev = numbers(switches, 'prev_pid').values;
  const next = numbers(switches, 'next_pid').values;
  const running = new Map<number, number>();
  let breaks = 0;
  for (let row = 0; row < switches.rows; row++) {
    const task = running.get(cpu[row] as number);
    if (task !== undefined && task !== IDLE_TASK && task !== prev[row]) breaks++;
    running.set(cpu[row] as number, next[row] as number);
  }
  return 100 * breaks < switches.rows;
}
