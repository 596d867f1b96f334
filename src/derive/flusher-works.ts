/**
 * What the flusher did: works (why, what was asked and written, how long it took to begin), their
 * rounds, the slices that single inodes got, and the sums that workers report. One pass over the
 * events in order; fs/fs-writeback.c says which follows which:
 *
 *   writeback_queue → writeback_exec → { writeback_start → queue_io → slices → writeback_written }
 *   → writeback_pages_written, the sum of all works of this run of the worker
 *
 * Background and periodic works are made by the worker itself and have neither of the first two.
 */

import { type Diagnostic, type DiagnosticCode, DiagnosticCollector } from '../trace/diagnostics.ts';
import { visitRows } from '../trace/order.ts';
import { numbers, type Table, type Tables, tableWith } from '../trace/table.ts';
import { batchLists, roundLists, sliceLists, workLists } from './flusher-columns.ts';
import { readWork, sameWork, type Worker, type WorkRecord, workersOf } from './flusher-worker.ts';
import { RowReader } from './row-reader.ts';
import { type SliceColumns, sliceColumns } from './slice-columns.ts';
import { type WbDomain, WbDomains } from './wb-domains.ts';
import { WorkRequests } from './work-requests.ts';

export type FlusherWorks = {
  /** One row a work; times that were not recorded are NaN (flusher-columns.ts lists the columns). */
  readonly works: Table;
  /** One row a writeback_start. */
  readonly rounds: Table;
  /** One row an inode written by a flusher or by somebody else's wait for it (work is -1). */
  readonly slices: Table;
  /** One row a writeback_pages_written. */
  readonly batches: Table;
  /** `domain` of the tables: the bdi and cgroup. */
  readonly domains: readonly WbDomain[];
  readonly diagnostics: readonly Diagnostic[];
};

const WORK_COLUMNS = ['bdi', 'sb_dev', 'nr_pages', 'sync_mode', 'for_kupdate', 'for_background'];
const SLICE_COLUMNS = ['bdi', 'ino', 'nr_to_write_pages', 'wrote_pages'];

type Step = Exclude<keyof Steps, 'reader' | 'finish'>;

/** Names of tables, what each must have, and what is done with a row of it. */
const STEPS: readonly { name: string; needs: readonly string[]; step: Step }[] = [
  { name: 'writeback_queue', needs: WORK_COLUMNS, step: 'queue' },
  { name: 'writeback_wake_background', needs: ['bdi'], step: 'wake' },
  { name: 'writeback_exec', needs: WORK_COLUMNS, step: 'exec' },
  { name: 'writeback_start', needs: WORK_COLUMNS, step: 'start' },
  { name: 'writeback_queue_io', needs: ['moved'], step: 'queueIo' },
  { name: 'writeback_single_inode_start', needs: SLICE_COLUMNS, step: 'sliceStart' },
  { name: 'writeback_single_inode', needs: SLICE_COLUMNS, step: 'sliceEnd' },
  { name: 'writeback_written', needs: WORK_COLUMNS, step: 'written' },
  { name: 'writeback_wait', needs: WORK_COLUMNS, step: 'wait' },
  { name: 'writeback_pages_written', needs: ['written_pages'], step: 'batch' },
];

/** Undefined when no event of the flusher was recorded. */
export function flusherWorks(tables: Tables): FlusherWorks | undefined {
  const present = STEPS.flatMap(({ name, needs, step }) => {
    const table = tableWith(tables, name, needs);
    return table === undefined ? [] : [{ table, step }];
  });
  if (!present.some(({ step }) => step !== 'queue' && step !== 'wake')) return undefined;
  const has = (wanted: Step) => present.some(({ step }) => step === wanted);
  const sliceStep = has('sliceStart') ? 'sliceStart' : 'sliceEnd';
  const rowsOf = (wanted: Step) => present.find(({ step }) => step === wanted)?.table.rows ?? 0;
  const rows = { slices: rowsOf(sliceStep), batches: rowsOf('batch') };
  const steps = new Steps(has('sliceStart'), has('written'), rows);
  const handlers = present.map(({ table, step }) => steps.reader(table, step));
  visitRows(
    present.map(({ table }) => table),
    handlers,
  );
  return steps.finish();
}

type Place = { readonly ts: number; readonly seq: number; readonly pid: number };

const placeAt = ({ ts, seq, pid }: Pick<SliceColumns, keyof Place>, row: number): Place => ({
  ts: ts[row] as number,
  seq: seq[row] as number,
  pid: pid[row] as number,
});

class Steps {
  readonly #works = workLists();
  readonly #rounds = roundLists();
  readonly #slices: ReturnType<typeof sliceLists>;
  readonly #batches: ReturnType<typeof batchLists>;
  readonly #domains = new WbDomains();
  readonly #workers = workersOf();
  readonly #requests = new WorkRequests();
  readonly #diagnostics = new DiagnosticCollector();
  readonly #hasStarts: boolean;
  readonly #hasWritten: boolean;

  constructor(
    hasStarts: boolean,
    hasWritten: boolean,
    rows: { readonly slices: number; readonly batches: number },
  ) {
    this.#slices = sliceLists(rows.slices);
    this.#batches = batchLists(rows.batches);
    this.#hasStarts = hasStarts;
    this.#hasWritten = hasWritten;
  }

  /** Columns are looked up once a table; the result handles one row. */
  reader(source: Table, step: Step): (row: number) => void {
    const domain = 'bdi' in source.columns ? this.#domains.reader(source) : () => -1;
    if (step === 'sliceStart' || step === 'sliceEnd') {
      const columns = sliceColumns(source, domain);
      return (row) => this[step](columns, row);
    }
    const ts = numbers(source, 'ts_ns').values;
    const seq = numbers(source, 'seq').values;
    const pid = numbers(source, 'pid').values;
    const table = new RowReader(source);
    const place = (row: number): Place => ({
      ts: ts[row] as number,
      seq: seq[row] as number,
      pid: pid[row] as number,
    });
    // Throttled tasks wake the flusher again and again.
    if (step === 'batch') return (row) => this.batch(table, row, place(row));
    if (step === 'wake') {
      return (row) => {
        const own = domain(row);
        if (!this.#requests.isWoken(own)) this.wake(table, row, place(row), own);
      };
    }
    return (row) => this[step](table, row, place(row), domain(row));
  }

  queue(table: RowReader, row: number, place: Place, domain: number): void {
    const { ts, pid } = place;
    this.#requests.queued(readWork(table, row, domain), { ts, pid, comm: table.text('comm', row) });
  }

  wake(table: RowReader, row: number, { ts, pid }: Place, domain: number): void {
    this.#requests.woken(domain, { ts, pid, comm: table.text('comm', row) });
  }

  exec(table: RowReader, row: number, place: Place, domain: number): void {
    const record = readWork(table, row, domain);
    const request = this.#requests.taken(record);
    if (request === undefined) this.#unpaired('end_without_begin', 'a work', table, row, place);
    const worker = this.#workers(place.pid);
    this.#close(worker);
    worker.next = { record, request, exec_ns: place.ts };
  }

  start(table: RowReader, row: number, place: Place, domain: number): void {
    const worker = this.#workers(place.pid);
    const record = readWork(table, row, domain);
    if (worker.round >= 0 && this.#hasWritten) {
      this.#unpaired('begin_without_end', 'a round of a work', table, row, place);
    }
    const goesOn = worker.work >= 0 && worker.next === undefined && sameWork(worker, record);
    if (!goesOn) this.#begin(worker, record, table.text('comm', row), place);
    worker.remaining = record.nr_pages;
    worker.exact = record.exact;
    worker.wrote = 0;
    worker.round = this.#rounds.push({
      ts_ns: place.ts,
      seq: place.seq,
      end_ns: Number.NaN,
      work: worker.work,
      domain,
      before_pages: record.nr_pages,
      charged_pages: Number.NaN,
      wrote_pages: Number.NaN,
      moved_inodes: Number.NaN,
    });
    this.#works.lists.rounds.add(worker.work, 1);
    worker.record = record;
  }

  #begin(worker: Worker, record: WorkRecord, comm: string, place: Place): void {
    this.#close(worker);
    const planned = worker.next;
    worker.next = undefined;
    const known = planned !== undefined && planned.record.reason === record.reason;
    const request = known ? planned.request : this.#requests.wakeOf(record);
    worker.works++;
    worker.work = this.#works.push({
      ts_ns: place.ts,
      seq: place.seq,
      domain: record.domain,
      bdi: this.#domains.list[record.domain]?.bdi ?? '',
      cgroup: this.#domains.list[record.domain]?.cgroup ?? '',
      reason: record.reason,
      sync_mode: record.sync_mode,
      for_kupdate: record.for_kupdate,
      for_background: record.for_background,
      range_cyclic: record.range_cyclic,
      sb_dev: record.sb_dev,
      requested_ns: request?.ts ?? Number.NaN,
      requester_pid: request?.pid ?? Number.NaN,
      requester: request?.comm ?? '',
      exec_ns: known ? planned.exec_ns : Number.NaN,
      start_ns: place.ts,
      end_ns: Number.NaN,
      asked_pages: record.nr_pages,
      written_pages: 0,
      rounds: 0,
      slices: 0,
      moved_inodes: 0,
      waits: 0,
      pid: place.pid,
      comm,
    });
  }

  #close(worker: Worker): void {
    worker.work = -1;
    worker.round = -1;
    worker.slice = -1;
  }

  queueIo(table: RowReader, row: number, place: Place): void {
    const worker = this.#workers(place.pid);
    if (worker.work < 0) {
      worker.outside = true;
      return;
    }
    const moved = table.number('moved', row);
    this.#works.lists.moved_inodes.add(worker.work, moved);
    if (worker.round >= 0) this.#rounds.lists.moved_inodes.set(worker.round, moved);
  }

  sliceStart(at: SliceColumns, row: number): void {
    const worker = this.#workers(at.pid[row] as number);
    if (worker.slice >= 0) {
      this.#unpaired('begin_without_end', 'the writing of an inode', at, row, placeAt(at, row));
    }
    worker.slice = this.#slice(at, row, worker, at.ts[row] as number);
  }

  /** There may be one an inode: cells are written one by one, without an object for the row. */
  #slice(at: SliceColumns, row: number, worker: Worker, start_ns: number): number {
    const domain = at.domain(row);
    const of = this.#domains.list[domain];
    const inWork = worker.round >= 0 && worker.record?.domain === domain;
    if (inWork) this.#works.lists.slices.add(worker.work, 1);
    const { lists } = this.#slices;
    const slice = this.#slices.grow();
    lists.ts_ns.set(slice, at.ts[row] as number);
    lists.seq.set(slice, at.seq[row] as number);
    lists.pid.set(slice, at.pid[row] as number);
    lists.domain.set(slice, domain);
    lists.bdi.set(slice, of?.bdi ?? '');
    lists.cgroup.set(slice, of?.cgroup ?? '');
    lists.ino.setWords(slice, at.ino[2 * row] as number, at.ino[2 * row + 1] as number);
    lists.work.set(slice, inWork ? worker.work : -1);
    lists.reason.set(slice, inWork ? (worker.record?.reason ?? '') : '');
    lists.start_ns.set(slice, start_ns);
    lists.end_ns.set(slice, Number.NaN);
    lists.to_write_pages.set(slice, at.toWrite(row));
    lists.wrote_pages.set(slice, Number.NaN);
    lists.remaining_pages.set(slice, inWork ? worker.remaining - worker.wrote : Number.NaN);
    lists.dirtied_when_jiffies.set(slice, at.dirtiedWhen(row));
    lists.state.set(slice, at.state(row));
    lists.state_after.set(slice, '');
    return slice;
  }

  sliceEnd(at: SliceColumns, row: number): void {
    const worker = this.#workers(at.pid[row] as number);
    const { lists } = this.#slices;
    const slice = worker.slice;
    const low = at.ino[2 * row] as number;
    const high = at.ino[2 * row + 1] as number;
    const matches = slice >= 0 && lists.ino.is(slice, low, high);
    worker.slice = -1;
    if (!matches && this.#hasStarts) {
      this.#unpaired('end_without_begin', 'the writing of an inode', at, row, placeAt(at, row));
    }
    // Kernels before 3.9 print the end alone.
    const own = matches ? slice : this.#slice(at, row, worker, Number.NaN);
    const wrote = at.wrote(row);
    lists.end_ns.set(own, at.ts[row] as number);
    lists.wrote_pages.set(own, wrote);
    lists.state_after.set(own, at.state(row));
    if (lists.work.at(own) >= 0) worker.wrote += wrote;
  }

  written(table: RowReader, row: number, place: Place, domain: number): void {
    const worker = this.#workers(place.pid);
    if (worker.round < 0 || worker.record === undefined || worker.record.domain !== domain) {
      this.#unpaired('end_without_begin', 'a round of a work', table, row, place);
      worker.outside = true;
      return;
    }
    const after = readWork(table, row, domain);
    // LONG_MAX less some thousands is no double, so that the difference is taken exactly.
    const charged = Number(worker.exact - after.exact);
    const { work, round } = worker;
    this.#rounds.lists.end_ns.set(round, place.ts);
    this.#rounds.lists.charged_pages.set(round, charged);
    this.#rounds.lists.wrote_pages.set(round, worker.wrote);
    this.#works.lists.written_pages.add(work, charged);
    this.#works.lists.end_ns.set(work, place.ts);
    worker.batch += charged;
    worker.round = -1;
    worker.exact = after.exact;
  }

  wait(table: RowReader, row: number, place: Place): void {
    const { work } = this.#workers(place.pid);
    if (work < 0) this.#unpaired('end_without_begin', 'a wait of a work', table, row, place);
    else this.#works.lists.waits.add(work, 1);
  }

  batch(table: RowReader, row: number, place: Place): void {
    const worker = this.#workers(place.pid);
    // Cell by cell: a throttled writer wakes the flusher often enough for one an event of its own.
    const { lists } = this.#batches;
    const batch = this.#batches.grow();
    lists.ts_ns.set(batch, place.ts);
    lists.seq.set(batch, place.seq);
    lists.since_ns.set(batch, worker.since_ns);
    lists.pid.set(batch, place.pid);
    lists.written_pages.set(batch, table.number('written_pages', row));
    lists.charged_pages.set(batch, worker.batch);
    lists.works.set(batch, worker.works);
    // The first one of a worker may speak of works from before the trace.
    const isPartial = Number.isNaN(worker.since_ns) || worker.outside || worker.round >= 0;
    lists.complete.set(batch, isPartial ? 0 : 1);
    if (worker.work < 0 && !worker.outside) this.#requests.ranEmpty();
    this.#close(worker);
    worker.batch = 0;
    worker.works = 0;
    worker.outside = false;
    worker.since_ns = place.ts;
  }

  #unpaired(
    code: DiagnosticCode,
    subject: string,
    { name }: { readonly name: string },
    row: number,
    at: Place,
  ) {
    this.#diagnostics.addRow(code, name, row, { ts_ns: at.ts, subject });
  }

  finish(): FlusherWorks {
    return {
      works: this.#works.finish('flusher_works'),
      rounds: this.#rounds.finish('flusher_rounds'),
      slices: this.#slices.finish('flusher_slices'),
      batches: this.#batches.finish('flusher_batches'),
      domains: this.#domains.list,
      diagnostics: this.#diagnostics.list(),
    };
  }
}
