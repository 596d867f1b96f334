/** What the record says of the tasks that a comparison is about: names, and looks at the throttle. */
import { textAt } from '../../trace/column.ts';
import { numbers, tableWith, texts } from '../../trace/table.ts';
import type { Trace } from '../../trace/trace.ts';

export type TaskRecords = {
  /** Of those that dirtied something. */
  readonly comms: ReadonlyMap<number, string>;
  /**
   * How often each was seen above freerun, where alone balance_dirty_pages fires: what predicted
   * looks are measured by. Undefined if the event was not recorded.
   */
  readonly throttled: ReadonlyMap<number, number> | undefined;
};

export const NO_RECORDS: TaskRecords = { comms: new Map(), throttled: undefined };

export function taskRecords(trace: Trace): TaskRecords {
  return { comms: commsOf(trace), throttled: looksOf(trace) };
}

function commsOf({ tables }: Trace): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  const table = tableWith(tables, 'writeback_dirty_folio', ['bdi']);
  if (table === undefined) return names;
  const pid = numbers(table, 'pid').values;
  const comm = texts(table, 'comm');
  for (let row = 0; row < table.rows; row++) {
    const own = pid[row] as number;
    if (!names.has(own)) names.set(own, textAt(comm, row));
  }
  return names;
}

function looksOf({ tables, meta }: Trace): ReadonlyMap<number, number> | undefined {
  const table = tables.get('balance_dirty_pages');
  if (table === undefined) {
    return meta.silent_events.includes('balance_dirty_pages') ? new Map() : undefined;
  }
  const looks = new Map<number, number>();
  const pid = numbers(table, 'pid').values;
  for (let row = 0; row < table.rows; row++) {
    const own = pid[row] as number;
    looks.set(own, (looks.get(own) ?? 0) + 1);
  }
  return looks;
}
