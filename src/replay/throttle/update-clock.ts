/**
 * When the kernel updates the write bandwidth of one writeback structure, and over how many jiffies
 * and pages (mm/page-writeback.c, since 5.15). Besides balance_dirty_pages, which leaves an event:
 * at the end of do_writepages when the last update is longer ago than BANDWIDTH_INTERVAL, and by
 * delayed work, an interval after an inode's last page came back. Both leave none.
 */
import { NS_PER_US } from '../../trace/time.ts';

/** From the tick to the worker that runs the delayed work, as long as it finds a CPU. */
const LATENCY_NS = 200 * NS_PER_US;

/** What an update takes in; NaN while the update before it is unknown. */
export type Since = { readonly elapsed: number; readonly written: number };

export type ClockRules = {
  readonly hz: number;
  /** BANDWIDTH_INTERVAL, jiffies. */
  readonly interval: number;
  readonly jiffyAt: (ts_ns: number) => number;
  /** When jiffies became that. */
  readonly timeOf: (jiffies: number) => number;
  /** Pages that the structure has written until then, from any beginning. */
  readonly writtenAt: (ts_ns: number) => number;
};

export class UpdateClock {
  readonly #rules: ClockRules;
  /** bw_time_stamp and written_stamp. */
  #stamp = Number.NaN;
  #written = Number.NaN;
  /** What the last hidden update changed; undefined once an event confirmed or undid it. */
  #undo: { stamp: number; written: number; isDelayed: boolean } | undefined;
  /** When the delayed work runs; infinite while none is queued. */
  #due_ns = Number.POSITIVE_INFINITY;
  #inodes = 0;
  /** When anything of the structure was seen last. */
  seen_ns = Number.NaN;

  constructor(rules: ClockRules) {
    this.#rules = rules;
  }

  get due_ns(): number {
    return this.#due_ns;
  }

  /** An update at that time: what it takes in. The next one counts from here. */
  update(ts_ns: number): Since {
    const { jiffyAt, writtenAt } = this.#rules;
    const jiffies = jiffyAt(ts_ns);
    const written = writtenAt(ts_ns);
    const since = {
      elapsed: Math.max(1, jiffies - this.#stamp),
      written: Math.max(0, written - this.#written),
    };
    this.#stamp = jiffies;
    this.#written = written;
    return since;
  }

  /** The delayed work runs now. */
  runDelayed(): Since {
    const at_ns = this.#due_ns;
    this.#due_ns = Number.POSITIVE_INFINITY;
    return this.hidden(at_ns, true);
  }

  /** An update without an event; `isDelayed`: by the delayed work. */
  hidden(ts_ns: number, isDelayed: boolean): Since {
    this.#undo = { stamp: this.#stamp, written: this.#written, isDelayed };
    return this.update(ts_ns);
  }

  /**
   * balance_dirty_pages updates, which it does only when the last update is longer ago than the
   * interval: a hidden one that was predicted since has not happened, and delayed work still waits
   * for a CPU.
   */
  updateOfTask(ts_ns: number): Since {
    const undo = this.#undo;
    if (undo !== undefined && !this.isOver(ts_ns)) {
      this.#stamp = undo.stamp;
      this.#written = undo.written;
      if (undo.isDelayed) this.#due_ns = Math.min(this.#due_ns, ts_ns + LATENCY_NS);
    }
    this.#undo = undefined;
    return this.update(ts_ns);
  }

  /** do_writepages begins: after a second of rest there is nothing to be estimated from. */
  beginWriting(ts_ns: number): void {
    const { hz, jiffyAt, writtenAt } = this.#rules;
    const jiffies = jiffyAt(ts_ns);
    if (this.#inodes > 0 || !(jiffies - this.#stamp > hz)) return;
    this.#stamp = jiffies;
    this.#written = writtenAt(ts_ns);
  }

  /** Does the end of do_writepages at that time update? */
  isOver(ts_ns: number): boolean {
    return this.#rules.jiffyAt(ts_ns) > this.#stamp + this.#rules.interval;
  }

  /** sb_mark_inode_writeback: the first page of an inode is under writeback. */
  markInode(): void {
    this.#inodes++;
  }

  /** sb_clear_inode_writeback: its last page came back; one work waits for all of them. */
  clearInode(ts_ns: number): void {
    this.#inodes = Math.max(0, this.#inodes - 1);
    if (this.#due_ns !== Number.POSITIVE_INFINITY) return;
    const { interval, jiffyAt, timeOf } = this.#rules;
    // A timer never fires early: it waits for one tick more than asked for.
    this.#due_ns = timeOf(jiffyAt(ts_ns) + interval + 1) + LATENCY_NS;
  }

  /** Events were lost: an update may have been among them. */
  forget(): void {
    this.#stamp = Number.NaN;
    this.#written = Number.NaN;
    this.#undo = undefined;
    this.#due_ns = Number.POSITIVE_INFINITY;
    this.#inodes = 0;
  }
}
