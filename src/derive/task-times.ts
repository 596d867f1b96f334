/** When tasks were seen running: a task writes events only while it runs, so a gap bounds a sleep. */
import { numbers, type Tables } from '../trace/table.ts';

export type TaskTimes = {
  /** First time after `ts_ns` at which the task wrote any event; undefined when it never did. */
  nextAfter(pid: number, ts_ns: number): number | undefined;
};

export function taskTimes(tables: Tables, pids: ReadonlySet<number>): TaskTimes {
  const times = new Map<number, number[]>([...pids].map((pid) => [pid, []]));
  for (const table of tables.values()) {
    const pid = numbers(table, 'pid').values;
    const ts = numbers(table, 'ts_ns').values;
    for (let row = 0; row < table.rows; row++) {
      times.get(pid[row] as number)?.push(ts[row] as number);
    }
  }
  const sorted = new Map([...times].map(([pid, list]) => [pid, Float64Array.from(list).sort()]));
  return {
    nextAfter(pid, ts_ns) {
      const list = sorted.get(pid) ?? new Float64Array();
      let low = 0;
      let high = list.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if ((list[middle] as number) <= ts_ns) low = middle + 1;
        else high = middle;
      }
      return list[low];
    },
  };
}
