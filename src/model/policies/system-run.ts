/**
 * One system living through a history: every event is expanded by the system's policies, posted by
 * the one whose business it is, and the book then shows what this system's kernel would have shown.
 */
import { divide, mulDiv } from '../../kernel/arithmetic.ts';
import { CounterBook, type CounterName } from './counters.ts';
import type { DataEvent, HistoryEvent } from './history.ts';
import { ordinary } from './ordinary.ts';
import type {
  BandwidthInputs,
  Charge,
  Desk,
  Level,
  Policy,
  PolicyChoice,
  RunFacts,
  ThrottleInputs,
  Usage,
} from './policy.ts';
import { type TaskEntries, ThrottleEntry } from './throttle-entry.ts';

/**
 * A stretch in which dirty + writeback was above freerun, of the machine or of a bdi with a limit
 * of its own: whoever dirtied there then was paused.
 */
export type ThrottledStretch = { readonly from_ns: number; to_ns: number };

export class SystemRun {
  readonly book = new CounterBook();
  readonly facts: RunFacts;
  /** In the order in which they expand and post; the last one takes what is left. */
  readonly #policies: readonly Policy[];
  readonly #accounting: readonly Policy[];
  readonly #observing: readonly Policy[];
  /** Each hands the event to the next policy that expands, the last one posts it. */
  readonly #first: (event: HistoryEvent) => void;
  readonly #entry: ThrottleEntry;
  readonly #desk: Desk;
  #limits: { readonly thresh: number; readonly background: number } | undefined;
  readonly #stretches: ThrottledStretch[] = [];
  #isThrottled = false;

  constructor(choice: PolicyChoice, facts: RunFacts) {
    this.facts = facts;
    const { treeWriting, metadata, copy, blockState, reclaim } = choice;
    const factories = [treeWriting, blockState, copy, metadata, reclaim, ordinary];
    this.#policies = factories.flatMap((make) => (make === undefined ? [] : [make(facts)]));
    this.#accounting = this.#policies.filter(({ account }) => account !== undefined);
    this.#observing = this.#policies.filter(({ observe }) => observe !== undefined);
    this.#first = this.#policies.reduceRight<(event: HistoryEvent) => void>(
      (next, policy) =>
        policy.expand === undefined ? next : (event) => policy.expand?.(event, next),
      (event) => this.#post(event),
    );
    this.#entry = new ThrottleEntry(facts.page_size, facts.cpus);
    for (const { counters } of this.#policies) this.book.declare(...counters);
    this.#desk = {
      book: this.book,
      facts,
      charge: (charge) => this.#charge(charge),
    };
  }

  feed(event: HistoryEvent): void {
    this.#first(event);
  }

  #post(event: HistoryEvent): void {
    if (event.type === 'data') this.#account(event);
    else if (event.type === 'limits') this.#onLimits(event);
    else if (event.type === 'allowance') this.#entry.allow(event.pid, event.pages);
    for (const policy of this.#observing) policy.observe?.(event, this.#desk);
  }

  #account(event: DataEvent): void {
    for (const policy of this.#accounting) if (policy.account?.(event, this.#desk)) return;
  }

  #charge(charge: Charge): void {
    // Nobody in particular: sums of what several tasks dirtied.
    if (charge.pid < 0) return;
    this.#entry.charge(this.#vetted(charge), this);
  }

  /** A policy of tree writing may keep a task from being balanced. */
  #vetted(charge: Charge): Charge {
    let vetted = charge;
    for (const { vet } of this.#policies) if (vet !== undefined) vetted = vet(vetted, this.book);
    return vetted;
  }

  #onLimits({ ts_ns, thresh, background }: Extract<HistoryEvent, { type: 'limits' }>): void {
    this.#limits = { thresh, background };
    const isThrottled = isOver(this.level()) || this.#isStrictlyThrottled();
    if (isThrottled && !this.#isThrottled) this.#stretches.push({ from_ns: ts_ns, to_ns: ts_ns });
    const last = this.#stretches.at(-1);
    if (last !== undefined && (isThrottled || this.#isThrottled)) last.to_ns = ts_ns;
    this.#isThrottled = isThrottled;
  }

  /** What balance_dirty_pages would compare now; undefined before any threshold is known. */
  level(): Level | undefined {
    if (this.#limits === undefined) return undefined;
    const { nr_dirty, nr_writeback, dirtyable_delta } = this.inputs();
    const { dirty_ratio, background_ratio } = this.facts;
    const thresh = shifted(this.#limits.thresh, dirty_ratio, dirtyable_delta, this.facts);
    const background = shifted(
      this.#limits.background,
      background_ratio,
      dirtyable_delta,
      this.facts,
    );
    return { dirty: nr_dirty + nr_writeback, thresh, freerun: divide(thresh + background, 2) };
  }

  /** The same for a task that dirties this bdi: its own limit may hold in place of the machine's. */
  levelFor(wb: number): Level | undefined {
    for (const { strictLevel } of this.#policies) {
      const own = strictLevel?.(this.book, wb);
      if (own !== undefined) return own;
    }
    return this.level();
  }

  #isStrictlyThrottled(): boolean {
    for (const wb of this.facts.fuse_wbs ?? []) if (isOver(this.levelFor(wb))) return true;
    return false;
  }

  inputs(): ThrottleInputs {
    const inputs: ThrottleInputs = { nr_dirty: 0, nr_writeback: 0, dirtyable_delta: 0 };
    for (const policy of this.#policies) policy.inputs?.(this.book, inputs);
    return inputs;
  }

  /** wb_dirty of balance_dirty_pages for one bdi, pages. */
  wbDirty(wb: number): number {
    return this.#policies.reduce((sum, policy) => sum + (policy.wbDirty?.(this.book, wb) ?? 0), 0);
  }

  /** What the bandwidth and rate estimates of a bdi are made from, pages. */
  bandwidth(wb: number): BandwidthInputs {
    for (const policy of this.#policies) {
      if (policy.bandwidth !== undefined) return policy.bandwidth(this.book, wb);
    }
    return { dirtied: 0, written: 0 };
  }

  /** A bdi's part of all completions, of 1: without the decay of 3 s periods. */
  completionShare(wb: number): number {
    const all = this.book.get('completions');
    return all === 0 ? 0 : this.book.of('completions', wb) / all;
  }

  usage(): Usage {
    const usage: Usage = { memory_bytes: 0, written_bytes: 0 };
    for (const policy of this.#policies) policy.usage?.(usage);
    return usage;
  }

  /** At least so much memory was taken at some moment. */
  peakMemory(): number {
    return Math.max(0, ...this.#policies.map((policy) => policy.peakMemory?.() ?? 0));
  }

  get counters(): readonly CounterName[] {
    return this.book.declared;
  }

  get throttled(): readonly ThrottledStretch[] {
    return this.#stretches;
  }

  entries(): readonly TaskEntries[] {
    return this.#entry.list();
  }

  notes(): readonly string[] {
    return this.#policies.flatMap((policy) => policy.notes?.() ?? []);
  }
}

function isOver(level: Level | undefined): boolean {
  return level !== undefined && level.dirty > level.freerun;
}

/** A threshold that is a share of a memory which differs by `delta` pages. */
function shifted(pages: number, percent: number, delta: number, { page_size }: RunFacts): number {
  if (percent === 0 || delta === 0) return pages;
  const ratio = divide(percent * page_size, 100);
  const change = mulDiv(ratio, Math.abs(delta), page_size);
  return Math.max(0, pages + Math.sign(delta) * change);
}
