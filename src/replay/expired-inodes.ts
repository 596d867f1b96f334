/**
 * Level (b): which inodes each writeback_queue_io should move to be written, from the events that
 * made them dirty: all that were dirtied before `older` and wait in b_dirty (fs/fs-writeback.c,
 * queue_io and move_expired_inodes).
 *
 * writeback_dirty_inode_enqueue says when an inode began to wait but names the file system's
 * device; the mark of the same task just before it names the bdi. An inode still dirty after its
 * slice waits again, in b_dirty or b_more_io, which no event tells: it may be moved or not.
 */
import { textAt } from '../trace/column.ts';
import { visitRows } from '../trace/order.ts';
import { bigs, numbers, type Table, type Tables, tableWith, texts } from '../trace/table.ts';
import type { Trace } from '../trace/trace.ts';
import { lossIndex } from './losses.ts';
import { type IdentityResult, IdentityTally } from './residual.ts';

export type ExpiredInodes = {
  /** Inodes moved, against the nearest number that the events allow. */
  readonly moved: IdentityResult;
  /** The same for periodic works alone: those move what expired. */
  readonly periodic: IdentityResult;
  /** Inodes that began to wait on a device that no event tells. */
  readonly unplaced: number;
};

const NEEDS: readonly (readonly [name: string, columns: readonly string[]])[] = [
  ['writeback_mark_inode_dirty', ['bdi', 'ino']],
  ['writeback_dirty_inode_enqueue', ['ino', 'dirtied_when_jiffies', 'state']],
  ['writeback_queue_io', ['bdi', 'older_jiffies', 'moved', 'reason']],
  ['writeback_single_inode', ['bdi', 'ino', 'state']],
];

/** Undefined where one of the events was not recorded. */
export function expiredInodes(trace: Trace): ExpiredInodes | undefined {
  const tables = NEEDS.map(([name, columns]) => tableWith(trace.tables, name, columns));
  const [marks, enqueues, queues, slices] = tables;
  if (!marks || !enqueues || !queues || !slices) return undefined;
  const lists = new WaitLists(trace, marks, enqueues, queues, slices);
  const steps = [
    (row: number) => lists.mark(row),
    (row: number) => lists.enqueue(row),
    (row: number) => lists.queue(row),
    (row: number) => lists.slice(row),
  ];
  visitRows([marks, enqueues, queues, slices], steps);
  return lists.finish();
}

type Waiting = {
  readonly when: number;
  /** dirty: in b_dirty; io: taken up; either: it may be in either list. */
  where: 'dirty' | 'io' | 'either';
};
type Device = {
  readonly inodes: Map<bigint, Waiting>;
  /** Everything was taken up at least once, so that nothing from before the trace is left. */
  known: boolean;
  since_ns: number;
};

/** Between its mark and its queueing, an inode's file system marks the blocks that hold it. */
const MARKS_KEPT = 4;

/** A dirty inode, not one of which only the times are. */
const DIRTY = /I_DIRTY(?!_TIME)/;

class WaitLists {
  readonly #columns: ReturnType<typeof columnsOf>;
  readonly #devices = new Map<string, Device>();
  /** Rows of the latest marks of each task, newest first; -1 for none. */
  readonly #marks = new Map<number, Int32Array>();
  readonly #moved = new IdentityTally();
  readonly #periodic = new IdentityTally();
  readonly #losses: ReturnType<typeof lossIndex>;
  readonly #shared: ReadonlySet<string>;
  #unplaced = 0;

  constructor(trace: Trace, marks: Table, enqueues: Table, queues: Table, slices: Table) {
    this.#columns = columnsOf(marks, enqueues, queues, slices);
    this.#losses = lossIndex(trace.losses);
    this.#shared = devicesOfSeveralCgroups(trace.tables);
  }

  /** Marks are many: only their rows are kept. */
  mark(row: number): void {
    const pid = this.#columns.marks.pid[row] as number;
    const rows = this.#marks.get(pid);
    if (rows === undefined) {
      this.#marks.set(pid, new Int32Array(MARKS_KEPT).fill(-1).fill(row, 0, 1));
    } else {
      rows.copyWithin(1, 0, MARKS_KEPT - 1);
      rows[0] = row;
    }
  }

  enqueue(row: number): void {
    const { pid, ino, when, state } = this.#columns.enqueues;
    if (!DIRTY.test(textAt(state, row))) return;
    const { marks } = this.#columns;
    const number = ino[row] as bigint;
    const kept = this.#marks.get(pid[row] as number);
    const mark = kept?.find((at) => at >= 0 && marks.ino[at] === number);
    if (mark === undefined) {
      this.#unplaced++;
      return;
    }
    const { inodes } = this.#device(textAt(marks.bdi, mark));
    inodes.set(number, { when: when[row] as number, where: 'dirty' });
  }

  queue(row: number): void {
    const { bdi, ts, seq, older, moved, reason } = this.#columns.queues;
    const name = textAt(bdi, row);
    const device = this.#device(name);
    const isPeriodic = textAt(reason, row) === 'periodic';
    const since = device.since_ns;
    const { sure, perhaps } = takeUp(device, older[row] as number);
    device.since_ns = ts[row] as number;
    const tallies = isPeriodic ? [this.#moved, this.#periodic] : [this.#moved];
    const recorded = moved[row] as number;
    for (const tally of tallies) {
      if (this.#shared.has(name)) tally.skip('memcg-domain');
      else if (this.#losses.overlaps(since, ts[row] as number)) tally.skip('lost-events');
      else if (recorded > sure + perhaps && !device.known) tally.skip('not-recorded');
      else {
        const nearest = Math.min(Math.max(recorded, sure), sure + perhaps);
        tally.check(recorded, nearest, ts[row] as number, seq[row] as number);
      }
    }
    // Other works take all that was dirtied before now.
    if (!isPeriodic) device.known = true;
  }

  slice(row: number): void {
    const { bdi, ino, state } = this.#columns.slices;
    const { inodes } = this.#device(textAt(bdi, row));
    const number = ino[row] as bigint;
    if (!DIRTY.test(textAt(state, row))) {
      inodes.delete(number);
      return;
    }
    const before = inodes.get(number);
    // It waits anew: its time may have been set to now, which makes it expire later.
    inodes.set(number, { when: before?.when ?? 0, where: 'either' });
  }

  #device(bdi: string): Device {
    let device = this.#devices.get(bdi);
    if (device === undefined) {
      device = { inodes: new Map(), known: false, since_ns: 0 };
      this.#devices.set(bdi, device);
    }
    return device;
  }

  finish(): ExpiredInodes {
    const [moved, periodic] = [this.#moved.result(), this.#periodic.result()];
    return { moved, periodic, unplaced: this.#unplaced };
  }
}

function takeUp(device: Device, older: number): { sure: number; perhaps: number } {
  let sure = 0;
  let perhaps = 0;
  for (const waiting of device.inodes.values()) {
    if (waiting.when > older || waiting.where === 'io') continue;
    if (waiting.where === 'either') perhaps++;
    else {
      sure++;
      waiting.where = 'io';
    }
  }
  return { sure, perhaps };
}

/** An inode's cgroup is not printed with it, so that lists of several cgroups cannot be told apart. */
function devicesOfSeveralCgroups(tables: Tables): ReadonlySet<string> {
  const table = tableWith(tables, 'writeback_queue_io', ['bdi', 'cgroup_ino']);
  const shared = new Set<string>();
  if (table === undefined) return shared;
  const bdi = texts(table, 'bdi');
  const cgroup = bigs(table, 'cgroup_ino').values;
  const first = new Map<string, bigint>();
  for (let row = 0; row < table.rows; row++) {
    const name = textAt(bdi, row);
    const own = cgroup[row] as bigint;
    if ((first.get(name) ?? own) !== own) shared.add(name);
    first.set(name, own);
  }
  return shared;
}

function columnsOf(marks: Table, enqueues: Table, queues: Table, slices: Table) {
  const pid = (table: Table) => numbers(table, 'pid').values;
  const ino = (table: Table) => bigs(table, 'ino').values;
  return {
    marks: { pid: pid(marks), ino: ino(marks), bdi: texts(marks, 'bdi') },
    enqueues: {
      pid: pid(enqueues),
      ino: ino(enqueues),
      when: numbers(enqueues, 'dirtied_when_jiffies').values,
      state: texts(enqueues, 'state'),
    },
    queues: {
      bdi: texts(queues, 'bdi'),
      ts: numbers(queues, 'ts_ns').values,
      seq: numbers(queues, 'seq').values,
      older: numbers(queues, 'older_jiffies').values,
      moved: numbers(queues, 'moved').values,
      reason: texts(queues, 'reason'),
    },
    slices: { bdi: texts(slices, 'bdi'), ino: ino(slices), state: texts(slices, 'state') },
  };
}
