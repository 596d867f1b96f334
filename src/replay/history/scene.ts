/** Everything that the followers of the subsystems share while events are replayed in order. */
import type { TextColumn } from '../../trace/column.ts';
import { type DiagnosticCode, DiagnosticCollector } from '../../trace/diagnostics.ts';
import { numbers, optionalNumbers, type Table, texts } from '../../trace/table.ts';
import { claimNext, claimRange } from './claims.ts';
import { evidenceCode } from './evidence.ts';
import type { WriteCall } from './follow-ext4.ts';
import { deviceOfText, deviceText, type InodeKey } from './inode-key.ts';
import { type Inode, InodeTable } from './inodes.ts';
import { comeBack } from './io-ends.ts';
import type { Joins } from './joins.ts';
import { NO_OWNERS, type Owners } from './owners.ts';
import { PageHistory, UNSEEN_WB } from './page-history.ts';
import type { SampleLog } from './sample-log.ts';
import { Vanished } from './vanished.ts';
import { type Bio, pagesOf, type Run, WriteQueue } from './write-queue.ts';

const SECTOR = 512;
const E_WBC = evidenceCode('claim', 'wbc-count');

/** What a task is in the middle of. */
export type Task = {
  readonly pid: number;
  /** The inode between writeback_single_inode_start and writeback_single_inode. */
  inode: Inode | undefined;
  /** Pages that were claimed from it since. */
  claimed: number;
  /** Claimed pages that are not under writeback until the task goes on. */
  pending: { inode: Inode; start: number; end: number } | undefined;
  /** wbc_writepage said that a folio of this bdi was claimed; which one is still open. */
  wbc: { bdi: string; nr_to_write: number; row: number } | undefined;
  /** Whether what it writes is waited for, as far as wbc_writepage says. */
  sync: boolean;
  /** First page that wbc_writepage has not reached. */
  cursor: number;
  /** The file system's writepages call that the task is inside of. */
  call: WriteCall | undefined;
  /** Sample and time when the task began to write its inode. */
  sampled: number;
  began_ns: number;
  /** The folio of the inode that was named last, and by how much nr_to_write was changed. */
  folio: { end: number; nr_to_write: number } | undefined;
  adjusted: number;
};

export class Scene {
  readonly pages = new PageHistory();
  readonly vanished: Vanished = new Vanished(this);
  /** Tasks that reclaim memory. */
  readonly reclaimers = new Set<number>();
  readonly inodes = new InodeTable();
  readonly diagnostics = new DiagnosticCollector();
  readonly joins: Joins;
  /** Whose pages are beyond their bdi, where somebody asks for it. */
  #owners: Owners = NO_OWNERS;
  readonly pageSize: number;
  readonly #tasks = new Map<number, Task>();
  /** The task that was asked for last: one leaves several events in a row. */
  #lastPid = -1;
  #lastTask: Task | undefined;
  readonly #queues = new Map<number, WriteQueue>();
  readonly #partitions = new Map<number, readonly number[]>();
  #partitionsAt = -1;
  /** Names of domains; 0 is that of pages whose owner is unknown. */
  readonly wbNames: string[] = ['(unseen)'];
  readonly #wbs = new Map<string, number>();
  /** From the first sample on, pages that were dirty before are known by number. */
  isAnchored = false;
  /** Pages of folios whose size had to be assumed, and pages that were dirty unnoticed. */
  assumedSizes = 0;
  shortage = 0;
  /** Events tell when nothing of an inode is under writeback any more. */
  tellsClear = false;
  /** Events tell what was taken from the queues of devices: bios, requests, FUSE's writes. */
  hasTakers = false;
  /** Table and row of the event that is being followed. */
  table: Table | undefined;
  row = 0;

  /** Samples of global_dirty_state, and the sampled counters that the replay has not seen. */
  readonly logs: { readonly traced: SampleLog; readonly sampled: SampleLog | undefined };
  /** Devices whose file systems say where on disk each part of a folio goes. */
  readonly #ioends = new Set<number>();
  /** The next time at which something is due that is no event. */
  dueAt = Number.POSITIVE_INFINITY;
  onDue: (ts_ns: number) => void = () => undefined;

  constructor(joins: Joins, pageSize: number, logs: Scene['logs']) {
    this.joins = joins;
    this.pageSize = pageSize;
    this.logs = logs;
  }

  /** What is due until then is done before anything else happens. */
  reach(ts_ns: number): void {
    if (ts_ns >= this.dueAt) this.onDue(ts_ns);
  }

  get owners(): Owners {
    return this.#owners;
  }

  /** Before anything is followed. */
  own(owners: Owners): void {
    this.#owners = owners;
    this.pages.places = owners.places;
  }

  task(pid: number): Task {
    return this.knownTask(pid) ?? this.#newTask(pid);
  }

  #newTask(pid: number): Task {
    const task: Task = {
      pid,
      inode: undefined,
      claimed: 0,
      pending: undefined,
      wbc: undefined,
      sync: false,
      cursor: 0,
      call: undefined,
      sampled: 0,
      began_ns: 0,
      folio: undefined,
      adjusted: 0,
    };
    this.#tasks.set(pid, task);
    this.#lastTask = task;
    return task;
  }

  knownTask(pid: number): Task | undefined {
    if (pid !== this.#lastPid) {
      this.#lastPid = pid;
      this.#lastTask = this.#tasks.get(pid);
    }
    return this.#lastTask;
  }

  queue(dev: number): WriteQueue {
    let queue = this.#queues.get(dev);
    if (queue === undefined) {
      queue = new WriteQueue(this.pageSize / SECTOR);
      this.#queues.set(dev, queue);
    }
    return queue;
  }

  /** The device's queue, or that of the partition with something waiting. */
  waitingQueue(disk: number): WriteQueue {
    const own = this.queue(disk);
    if (own.waiting > 0) return own;
    const part = this.partitionsOf(disk).find((dev) => this.queue(dev).waiting > 0);
    return part === undefined ? own : this.queue(part);
  }

  queues(): ReadonlyMap<number, WriteQueue> {
    return this.#queues;
  }

  wbOf(bdi: string): number {
    let wb = this.#wbs.get(bdi);
    if (wb === undefined) {
      wb = this.wbNames.length;
      this.wbNames.push(bdi);
      this.#wbs.set(bdi, wb);
    }
    return wb;
  }

  /** The inode of an event that names a device. */
  inodeOfDevice(dev: number, key: InodeKey): Inode {
    const inode = this.inodes.of(dev, key);
    if (inode.wb === UNSEEN_WB) {
      const isDevice = dev === this.joins.blockDevices && typeof key === 'number';
      const own = isDevice ? key : dev;
      this.#own(inode, this.wbOf(this.joins.bdiOf(own) ?? deviceText(own)));
    }
    return inode;
  }

  /**
   * The inode of an event that names a bdi, by the folio at the index if several have the number.
   */
  inodeOfBdi(bdi: string, key: InodeKey, index: number | undefined): Inode {
    const own = deviceOfText(bdi);
    const { blockDevices } = this.joins;
    const inode =
      own !== undefined && (key === own || key === 0)
        ? this.inodes.of(blockDevices, own)
        : this.#inodeAmong(this.joins.devicesOf(bdi), bdi, key, index);
    this.#own(inode, this.wbOf(bdi));
    return inode;
  }

  /** The inode is of this bdi: its pages, if it has any, become pages of it. */
  #own(inode: Inode, wb: number): void {
    if (inode.wb === wb) return;
    const { owners } = this;
    const bdi = this.wbNames[wb] as string;
    const isBlockDevice = inode.dev === this.joins.blockDevices;
    const pageClass = owners.classOf(bdi, inode.key, isBlockDevice);
    this.pages.assign(inode, { wb, pageClass, wb_cgroup: owners.cgroupOf(bdi, inode.key) });
  }

  /** The inode's writeback is charged to that cgroup from now on. */
  switchCgroup(inode: Inode, wb_cgroup: number): void {
    if (inode.wb_cgroup === wb_cgroup) return;
    this.pages.assign(inode, { wb: inode.wb, pageClass: inode.pageClass, wb_cgroup });
  }

  #inodeAmong(
    devices: readonly number[],
    bdi: string,
    key: InodeKey,
    index: number | undefined,
  ): Inode {
    let known: Inode | undefined;
    for (const dev of devices) {
      const inode = this.inodes.find(dev, key);
      if (inode === undefined) continue;
      known ??= inode;
      if (index === undefined || inode.folios.valueAt(index) !== 0) return inode;
    }
    // A partition's own page cache: numbered like the partition, on the bdi of the disk.
    const { blockDevices } = this.joins;
    if (known === undefined && typeof key === 'number') {
      const inode = this.inodes.find(blockDevices, key);
      if (inode !== undefined && this.joins.bdiOf(key) === bdi) return inode;
    }
    // Names without numbers and without neighbours get a device of their own.
    return known ?? this.inodes.of(devices[0] ?? -2 - this.wbOf(bdi), key);
  }

  /** Claimed pages go under writeback, and what was claimed is waiting for its bio. */
  startWriting(task: Task): void {
    const { pending } = task;
    if (pending === undefined) return;
    task.pending = undefined;
    this.pages.start(pending.inode, pending.start, pending.end);
  }

  runOf(inode: Inode, start: number, end: number, sync: boolean): Run {
    const { generation } = inode;
    return {
      inode,
      generation,
      start,
      end,
      anonymous: 0,
      sync,
      extent: 0,
      sector: undefined,
      ioEnd: undefined,
      copies: undefined,
    };
  }

  /** Ends the writeback of runs that came back. */
  endRuns(runs: readonly Run[], evidence: number): number {
    let pages = 0;
    for (const run of runs) {
      if (run.ioEnd === undefined) pages += this.#endRun(run, evidence);
      else pages += this.endTogether(comeBack(run.ioEnd, run, pagesOf(run)), evidence);
    }
    return pages;
  }

  /** Ends the writeback of what came back together. */
  endTogether(runs: readonly Run[], evidence: number): number {
    return runs.reduce((pages, run) => pages + this.#endRun(run, evidence), 0);
  }

  #endRun(run: Run, evidence: number): number {
    if (run.generation !== run.inode.generation) return 0;
    if (run.copies !== undefined && --run.copies.left > 0) return 0;
    const pages = this.pages.end(run.inode, run.start, run.end, evidence);
    if (run.anonymous === 0) return pages;
    run.inode.anonymous -= run.anonymous;
    this.pages.post('end-writeback', run.inode, run.anonymous);
    this.pages.evidence.add(evidence, run.anonymous);
    return pages + run.anonymous;
  }

  endBios(bios: readonly Bio[], evidence: number): void {
    const before = this.pages.ended_folios;
    let pages = 0;
    for (const bio of bios) pages += this.endRuns(bio.runs, evidence);
    if (pages === 0) return;
    const inode = onlyInode(bios);
    const isLast = this.tellsClear && inode !== undefined && !this.pages.isWriting(inode);
    const folios = Math.max(1, this.pages.ended_folios - before);
    const ended = { pages, folios, inode, last: isLast ? inode : undefined };
    this.pages.flight.noteEnding(ended, this.pages.ts_ns);
  }

  /** Device whose bios carry the inode's pages; undefined when they are not matched in order. */
  writeDevice(inode: Inode): number | undefined {
    const { blockDevices } = this.joins;
    return inode.dev === blockDevices || this.#ioends.has(inode.dev) ? undefined : inode.dev;
  }

  noteIoends(dev: number): void {
    this.#ioends.add(dev);
  }

  hasIoends(dev: number): boolean {
    return this.#ioends.has(dev);
  }

  /** Partitions carry their own device in bios, with sectors of the disk, and the disk's later. */
  partitionsOf(disk: number): readonly number[] {
    if (this.#partitionsAt !== this.#queues.size) {
      this.#partitionsAt = this.#queues.size;
      this.#partitions.clear();
    }
    let parts = this.#partitions.get(disk);
    if (parts === undefined) {
      const name = deviceText(disk);
      parts = [...this.#queues.keys()].filter(
        (dev) => dev !== disk && this.joins.bdiOf(dev) === name,
      );
      this.#partitions.set(disk, parts);
    }
    return parts;
  }

  /**
   * wbc_writepage claimed a folio of which nothing else was said: that of the bio which followed,
   * else the next dirty ones of the inode that the task writes.
   */
  settleWbc(
    task: Task,
    hint: { inode: Inode; start: number; end: number } | undefined,
    pages = 1,
  ): void {
    const { wbc } = task;
    if (wbc === undefined) return;
    const own = task.inode ?? this.#deviceInode(wbc.bdi);
    const isHinted = hint !== undefined && (task.inode === undefined || task.inode === hint.inode);
    const inode = isHinted ? hint.inode : own;
    if (inode === undefined || (hint !== undefined && !isHinted)) return;
    task.wbc = undefined;
    const options = { evidence: E_WBC, sync: task.sync, dev: this.writeDevice(inode) };
    if (isHinted) {
      const claimed = claimRange(this, inode, hint.start, hint.end, options);
      if (claimed > 0) {
        task.claimed += claimed;
        task.cursor = hint.end;
        return;
      }
    }
    task.cursor = claimNext(this, inode, task.cursor, pages, options);
    task.claimed += pages;
  }

  #deviceInode(bdi: string): Inode | undefined {
    const dev = deviceOfText(bdi);
    const { blockDevices } = this.joins;
    return dev === undefined ? undefined : this.inodes.find(blockDevices, dev);
  }

  /** The inode has nothing under writeback any more. */
  forgetRuns(inode: Inode, evidence: number): void {
    inode.generation++;
    const anonymous = inode.anonymous;
    if (anonymous === 0) return;
    inode.anonymous = 0;
    this.pages.post('end-writeback', inode, anonymous);
    this.pages.evidence.add(evidence, anonymous);
  }

  /** Samples since then did not know of pages that were claimed at some moment since. */
  tellSamples(sampled: number, since_ns: number, pages: number): void {
    const { traced, sampled: outside } = this.logs;
    const { ts_ns } = this.pages;
    traced.spreadClaims(sampled, since_ns, ts_ns, pages);
    outside?.spreadClaims(outside.reached(since_ns), since_ns, ts_ns, pages);
  }

  closeCall(task: Task): void {
    const { call } = task;
    if (call === undefined) return;
    if (task.inode === call.inode) task.claimed += call.total;
    task.call = undefined;
  }

  /** Events were lost: what was known of single pages is not any more, only how many there were. */
  forget(): void {
    for (const inode of this.inodes.all) {
      inode.isCleared = false;
      if (inode.pages.isEmpty && inode.anonymous === 0 && inode.misplaced === 0) continue;
      this.pages.forget(inode);
      inode.anonymous = 0;
      inode.generation++;
    }
    for (const queue of this.#queues.values()) queue.clear();
    this.#tasks.clear();
    this.#lastTask = undefined;
  }

  /** The event that is followed contradicts the model; `amount` in pages. */
  note(code: DiagnosticCode, amount?: number): void {
    if (this.table === undefined) return;
    const place = { ts_ns: this.pages.ts_ns, ...(amount === undefined ? {} : { amount }) };
    this.diagnostics.addRow(code, this.table.name, this.row, place);
  }
}

/** The inode that all of the bios are of, if it is one. */
function onlyInode(bios: readonly Bio[]): Inode | undefined {
  const inode = bios[0]?.runs[0]?.inode;
  const isOne = bios.every(({ runs }) => runs.every((run) => run.inode === inode));
  return isOne ? inode : undefined;
}

/** The columns that every event has, and what moves the scene to a row. */
export class Cursor {
  readonly table: Table;
  readonly ts: Float64Array;
  readonly cpu: ArrayLike<number>;
  readonly pid: ArrayLike<number>;
  readonly #scene: Scene;

  constructor(scene: Scene, table: Table) {
    this.#scene = scene;
    this.table = table;
    const ts = numbers(table, 'ts_ns').values;
    if (!(ts instanceof Float64Array)) throw new Error('internal error: ts_ns is not Float64');
    this.ts = ts;
    this.cpu = numbers(table, 'cpu').values;
    this.pid = numbers(table, 'pid').values;
  }

  moveTo(row: number): void {
    const scene = this.#scene;
    const ts_ns = this.ts[row] as number;
    scene.reach(ts_ns);
    const cpu = this.cpu[row] as number;
    scene.pages.ts_ns = ts_ns;
    scene.pages.cpu = cpu;
    scene.table = this.table;
    scene.row = row;
  }

  number(name: string): ArrayLike<number> {
    return numbers(this.table, name).values;
  }

  optional(name: string): ArrayLike<number> | undefined {
    return optionalNumbers(this.table, name)?.values;
  }

  text(name: string): TextColumn {
    return texts(this.table, name);
  }
}
