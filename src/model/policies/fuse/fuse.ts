/**
 * FUSE writeback as policy of the accounting core: the moves of writeback-copy.ts on bdis of FUSE
 * connections, ordinary accounting elsewhere. Beside the counters it tells which syncs wait, and
 * when the connection's own share of the limit pauses its writers.
 *
 * Sources: mail of 15 November 2007; 3be5a52b30aa (2.6.26); 0c58a97f919c (6.16); default accounting
 * in 6.18; fs/fuse/file.c of 4.4, 5.10, 6.12, 6.17 and 7.3.
 * Counters: NR_WRITEBACK, NR_WRITEBACK_TEMP, NR_WRITTEN, WB_WRITEBACK, WB_WRITTEN, completions.
 * Not modelled: how the share of the limit grows with completions (all of max_ratio is granted),
 * how pauses slow writers down, copies that cannot be allocated.
 */
import type { CounterName } from '../counters.ts';
import type { DataEvent, HistoryEvent } from '../history.ts';
import type { Desk, Level, Policy, PolicyFactory, RunFacts } from '../policy.ts';
import { Stretches } from '../stretches.ts';
import { FUSE_MAX_RATIO, fuseLimits } from './fuse-limits.ts';
import { fuseNotes } from './fuse-notes.ts';
import { NumwriteGate } from './numwrite.ts';
import { StuckServer } from './stuck-server.ts';
import { SyncWaits } from './sync-waits.ts';
import { VmWriteout } from './vm-writeout.ts';
import { COPY_MOVES, type CopyEra, postMoves, waitsForAnswer } from './writeback-copy.ts';

type Emit = (event: HistoryEvent) => void;

const OWN: readonly CounterName[] = ['completions', 'fuse_requests', 'fuse_request_bytes'];
const COPIED: readonly CounterName[] = ['NR_WRITEBACK_TEMP', 'fuse_copied_pages'];

/** What one run of a FUSE policy found out beside the counters. */
export class FuseRun {
  readonly era: CopyEra;
  readonly facts: RunFacts;
  readonly syncs = new SyncWaits();
  readonly share = new Stretches();
  readonly stuck: StuckServer | undefined;
  readonly gate: NumwriteGate | undefined;
  readonly writeout: VmWriteout | undefined;
  setpoint_pages = Number.NaN;
  cap_pages = Number.NaN;
  /** Pages copied and not answered, now and at most. */
  copies = 0;
  most_copies = 0;
  last_ns = 0;
  /** Data that was sent to servers. */
  started_bytes = 0;

  constructor(era: CopyEra, facts: RunFacts) {
    this.era = era;
    this.facts = facts;
    const { 'fuse.stuck-at': at, 'fuse.stuck-for': lasts } = facts.switches;
    if (at !== undefined) {
      const from_ns = at * 1e9;
      this.stuck = new StuckServer({ from_ns, to_ns: from_ns + (lasts ?? Infinity) * 1e9 });
    }
    const rule = facts.switches['vm.throttle-writeout'] ?? 'off';
    if (rule !== 'off') this.writeout = new VmWriteout(rule, facts);
    if (era === 'design-2007') this.gate = new NumwriteGate(facts.page_size);
  }

  isFuse(wb: number): boolean {
    return this.facts.fuse_wbs?.has(wb) ?? false;
  }

  expand(event: HistoryEvent, emit: Emit): void {
    const { stuck, gate } = this;
    const isOurs = event.type === 'data' && this.isFuse(event.wb);
    const next = (passed: HistoryEvent) => {
      if (gate === undefined || passed.type !== 'data' || !this.isFuse(passed.wb)) emit(passed);
      else if (passed.kind === 'start-writeback') gate.start(passed, emit);
      else if (passed.kind === 'end-writeback') gate.answer(passed, emit);
      else emit(passed);
    };
    stuck?.reach(event.ts_ns, next);
    if (event.type === 'request' && stuck !== undefined) stuck.passRequest(event, emit);
    else if (isOurs && stuck !== undefined) stuck.pass(event, next);
    else next(event);
  }

  account(event: DataEvent, { book, facts }: Desk): boolean {
    if (!this.isFuse(event.wb)) return false;
    const { kind, wb } = event;
    const pages = event.bytes / facts.page_size;
    const entries = Math.ceil(pages / (facts.switches['fuse.entry-pages'] ?? 1));
    const { start, answer } = COPY_MOVES[this.era];
    const writing = { wb, pages, entries };
    this.#follow(event);
    if (kind === 'start-writeback') this.started_bytes += event.bytes;
    if (kind === 'start-writeback' || kind === 'find-writeback') postMoves(book, start, writing);
    else if (kind === 'end-writeback') postMoves(book, answer, writing);
    else if ((kind === 'adopt' || kind === 'disown') && event.account === 'writeback') {
      const sign = kind === 'adopt' ? 1 : -1;
      // Counted as anybody's until now: what it would have moved for bdi 0 is taken back.
      book.add('NR_WRITEBACK', -sign * pages);
      book.add('NR_ZONE_WRITE_PENDING', -sign * pages);
      book.add('WB_WRITEBACK', -sign * pages, 0);
      postMoves(book, start, { wb, pages: sign * pages, entries: sign * entries });
    } else return false;
    this.copies = book.get('NR_WRITEBACK_TEMP');
    this.most_copies = Math.max(this.most_copies, this.copies);
    return true;
  }

  #follow({ kind, bytes, ts_ns }: DataEvent): void {
    if (kind === 'dirty' || kind === 'find-dirty' || kind === 'find-writeback') {
      this.syncs.add(bytes);
    } else if (kind === 'adopt') this.syncs.add(bytes);
    else if (kind === 'end-writeback' || kind === 'cancel' || kind === 'discard') {
      this.syncs.remove(bytes, ts_ns);
    } else if (kind === 'disown') this.syncs.remove(bytes, ts_ns);
  }

  observe(event: HistoryEvent, { book }: Desk): void {
    this.last_ns = event.ts_ns;
    this.writeout?.observe(event, { book });
    if (event.type === 'limits') this.#limits(event, book);
    else if (event.type === 'sync') {
      if (event.wb < 0 || this.isFuse(event.wb)) {
        this.syncs.ask(event.call, event.pid, event.ts_ns);
      }
    } else if (event.type === 'request') {
      const sign = event.change === 'sent' ? 1 : -1;
      book.add('fuse_requests', sign, event.wb);
      book.add('fuse_request_bytes', sign * event.bytes, event.wb);
      if (event.change === 'sent') this.syncs.send(event.ts_ns);
      else this.syncs.answer(event.ts_ns);
    }
  }

  #limits(
    { ts_ns, thresh, background }: Extract<HistoryEvent, { type: 'limits' }>,
    book: Desk['book'],
  ): void {
    const { switches, page_size, fuse_wbs } = this.facts;
    const strictlimit = switches['fuse.strictlimit'] ?? true;
    const percent = switches['fuse.max-ratio'] ?? FUSE_MAX_RATIO;
    const own = fuseLimits(thresh, background, percent, { strictlimit });
    this.setpoint_pages = own.setpoint;
    this.cap_pages = own.thresh;
    if (this.stuck !== undefined) this.stuck.room_bytes = own.thresh * page_size;
    let isOver = false;
    for (const wb of fuse_wbs ?? []) {
      const level = this.strictLevel(book, wb);
      isOver ||= level !== undefined && level.dirty > level.freerun;
    }
    this.share.look(ts_ns, isOver);
  }

  /** FUSE has BDI_CAP_STRICTLIMIT: its writers are paused by its own share alone. */
  strictLevel(book: Desk['book'], wb: number): Level | undefined {
    const strictlimit = this.facts.switches['fuse.strictlimit'] ?? true;
    if (!strictlimit || !this.isFuse(wb) || Number.isNaN(this.cap_pages)) return undefined;
    const dirty = book.of('WB_RECLAIMABLE', wb) + book.of('WB_WRITEBACK', wb);
    return { dirty, thresh: this.cap_pages, freerun: this.setpoint_pages };
  }
}

function fuse(era: CopyEra): PolicyFactory {
  return (facts): Policy => {
    const run = new FuseRun(era, facts);
    return {
      counters: waitsForAnswer(era) ? OWN : [...OWN, ...COPIED],
      // Only a stopped server and the limit of 32 change what was recorded.
      ...(run.stuck === undefined && run.gate === undefined
        ? {}
        : { expand: (event: HistoryEvent, emit: Emit) => run.expand(event, emit) }),
      account: (event, desk) => run.account(event, desk),
      observe: (event, desk) => run.observe(event, desk),
      strictLevel: (book, wb) => run.strictLevel(book, wb),
      inputs(book, inputs) {
        if (facts.switches['fuse.count-temp']) inputs.nr_writeback += book.get('NR_WRITEBACK_TEMP');
      },
      usage(usage) {
        usage.memory_bytes += run.copies * facts.page_size;
        usage.written_bytes += run.started_bytes;
      },
      peakMemory: () => run.most_copies * facts.page_size,
      notes: () => fuseNotes(run),
    };
  };
}

export const design2007 = fuse('design-2007');
export const tempPages = fuse('temp-pages');
export const perEntry = fuse('per-entry');
export const inPlace = fuse('in-place');

/** Beside a policy of block state, which counts what is written itself. */
export const besideBlocks =
  (make: PolicyFactory): PolicyFactory =>
  (facts) => {
    const policy = make(facts);
    return {
      ...policy,
      usage(usage) {
        const own = { memory_bytes: 0, written_bytes: 0 };
        policy.usage?.(own);
        usage.memory_bytes += own.memory_bytes;
      },
    };
  };
