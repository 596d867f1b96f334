/**
 * What policies are fed: the physical history of a machine, as far as a trace tells it, event by
 * event in order of time. It says what happened to data, not what any kernel counted.
 */
import type { OperationKind, PageClass } from '../operations.ts';

/** Something happened to a stretch of a file's data, or of the tree nodes of a file system. */
export type DataEvent = {
  readonly type: 'data';
  /**
   * `adopt`: data of unknown owner (bdi 0, dirty before the replay began) turns out to be this
   * bdi's, in the state `account`.
   */
  readonly kind: OperationKind | 'adopt' | 'disown';
  readonly account?: 'dirty' | 'claimed' | 'writeback' | undefined;
  readonly ts_ns: number;
  /** Number of the bdi; 0 stands for an unknown one. */
  readonly wb: number;
  readonly pageClass: PageClass;
  /** Negative amounts correct earlier ones of unknown owner. */
  readonly bytes: number;
  /** Number of the file and offset in it, in bytes; -1 where only an amount is known. */
  readonly file: number;
  readonly start: number;
  /** Who did it, and on which CPU; -1 where nobody in particular. */
  readonly pid: number;
  readonly cpu: number;
  /** Of claims: the writer waits for all of it (fsync, sync, commit), so no policy may skip it. */
  readonly sync?: boolean | undefined;
};

/**
 * A part of what happened. Written out: to spread the event took 1 to 7 µs, for millions of parts.
 */
export function partOf(event: DataEvent, start: number, bytes: number): DataEvent {
  const { type, kind, account, ts_ns, wb, pageClass, file, pid, cpu, sync } = event;
  return { type, kind, account, ts_ns, wb, pageClass, bytes, file, start, pid, cpu, sync };
}

/** The flusher asked a file system to write (some of) its tree nodes, and was done. */
export type WriteCallEvent = {
  readonly type: 'write-call';
  readonly phase: 'start' | 'end';
  readonly ts_ns: number;
  readonly wb: number;
  readonly sync: boolean;
  readonly kupdate: boolean;
  readonly background: boolean;
  readonly file: number;
  /** How much it may write, and at its end how much it was recorded to write. */
  readonly budget_bytes: number;
  readonly wrote_bytes: number;
};

/** Thresholds as the kernel computed them, and the level it compared them with. */
export type LimitsEvent = {
  readonly type: 'limits';
  readonly ts_ns: number;
  readonly thresh: number;
  readonly background: number;
};

/** What balance_dirty_pages allowed a task until its next look. */
export type AllowanceEvent = {
  readonly type: 'allowance';
  readonly ts_ns: number;
  readonly pid: number;
  readonly pages: number;
};

/** A folio entered or left the page cache. */
export type CacheEvent = {
  readonly type: 'cache';
  readonly change: 'added' | 'removed';
  /** Of removals: reclaim took it (not truncation). */
  readonly reclaimed?: boolean;
  readonly ts_ns: number;
  readonly wb: number;
  readonly pageClass: PageClass;
  readonly file: number;
  readonly start: number;
  readonly bytes: number;
};

/** A request to a FUSE server left, or was answered. */
export type RequestEvent = {
  readonly type: 'request';
  readonly change: 'sent' | 'answered';
  readonly ts_ns: number;
  readonly wb: number;
  /** Length of the request, with its header. */
  readonly bytes: number;
};

/** A task called sync(2) or fsync(2); `wb` is -1 where the call does not say of which bdi. */
export type SyncEvent = {
  readonly type: 'sync';
  readonly call: 'sync' | 'fsync';
  readonly ts_ns: number;
  readonly pid: number;
  readonly wb: number;
};

/** Bytes of a file that a task wrote into the cache, exactly. */
export type WrittenRangeEvent = {
  readonly type: 'range';
  readonly ts_ns: number;
  readonly pid: number;
  readonly cpu: number;
  readonly wb: number;
  readonly file: number;
  readonly start: number;
  readonly bytes: number;
};

/** The file system was asked for a mapping; `inline`: the data is in the inode itself. */
export type MappingEvent = {
  readonly type: 'mapping';
  readonly ts_ns: number;
  readonly wb: number;
  readonly file: number;
  readonly write: boolean;
  readonly inline: boolean;
};

/** Bytes that a file system sent for dirty folios, told by itself. */
export type SentEvent = {
  readonly type: 'sent';
  readonly ts_ns: number;
  readonly wb: number;
  readonly bytes: number;
};

/** A pass of reclaim over the shrinkers; NaN where the kernel has no such number. */
export type ShrinkEvent = {
  readonly type: 'shrink';
  readonly ts_ns: number;
  readonly priority: number;
  readonly scanned_pages: number;
  readonly eligible_pages: number;
};

/** The file system was asked to release the state of a folio. */
export type ReleaseEvent = {
  readonly type: 'release';
  readonly ts_ns: number;
  readonly wb: number;
  readonly file: number;
  readonly start: number;
  readonly bytes: number;
};

export type HistoryEvent =
  | DataEvent
  | WriteCallEvent
  | LimitsEvent
  | AllowanceEvent
  | CacheEvent
  | RequestEvent
  | SyncEvent
  | WrittenRangeEvent
  | MappingEvent
  | SentEvent
  | ShrinkEvent
  | ReleaseEvent;
