/** What is known of a flusher thread between two of its events. */
import type { RowReader } from './row-reader.ts';
import type { Requester } from './work-requests.ts';

/** The fields of writeback_queue, _exec, _start, _written and _wait. */
export type WorkRecord = {
  readonly domain: number;
  readonly reason: string;
  readonly sync_mode: number;
  readonly for_kupdate: number;
  readonly for_background: number;
  readonly range_cyclic: number;
  readonly sb_dev: number;
  readonly nr_pages: number;
  readonly exact: bigint;
};

export type Worker = {
  /** Rows of the tables, -1 for none. */
  work: number;
  round: number;
  slice: number;
  record: WorkRecord | undefined;
  /** A queued work that was taken up and has not started yet. */
  next:
    | { readonly record: WorkRecord; readonly request?: Requester | undefined; exec_ns: number }
    | undefined;
  remaining: number;
  /** The work's nr_pages after the last event that printed it. */
  exact: bigint;
  /** Pages that slices of this round wrote. */
  wrote: number;
  /** Pages charged since the worker reported last, and when that was. */
  batch: number;
  works: number;
  since_ns: number;
  /** Something was written that no recorded work accounts for. */
  outside: boolean;
};

export function workersOf(): (pid: number) => Worker {
  const workers = new Map<number, Worker>();
  return (pid) => {
    let worker = workers.get(pid);
    if (worker === undefined) {
      worker = {
        work: -1,
        round: -1,
        slice: -1,
        record: undefined,
        next: undefined,
        remaining: Number.NaN,
        exact: 0n,
        wrote: 0,
        batch: 0,
        works: 0,
        since_ns: Number.NaN,
        outside: false,
      };
      workers.set(pid, worker);
    }
    return worker;
  };
}

export function readWork(table: RowReader, row: number, domain: number): WorkRecord {
  return {
    domain,
    reason: table.text('reason', row),
    sync_mode: table.number('sync_mode', row),
    for_kupdate: table.number('for_kupdate', row),
    for_background: table.number('for_background', row),
    range_cyclic: table.number('range_cyclic', row),
    sb_dev: table.number('sb_dev', row),
    nr_pages: table.number('nr_pages', row),
    exact: table.big('nr_pages', row),
  };
}

/** Does the round go on with what the round before left over? */
export function sameWork(worker: Worker, record: WorkRecord): boolean {
  const before = worker.record;
  return (
    before !== undefined &&
    before.domain === record.domain &&
    before.reason === record.reason &&
    before.sb_dev === record.sb_dev &&
    before.sync_mode === record.sync_mode &&
    before.for_kupdate === record.for_kupdate &&
    worker.exact === record.exact
  );
}
