/**
 * A cause: one mechanism that makes tasks wait, asked of a capture. Its answer names who waited and
 * who is behind it, compares the numbers that decide with their thresholds, and says what would
 * have contradicted it. A cause claims the stalls that it explains; the verdict weighs the claims
 * (verdict.ts).
 */
import type { StallClaims } from './claims.ts';
import type { DetailUnit } from './detail.ts';
import type { Facts } from './facts.ts';

export type Severity = 'info' | 'notice' | 'warning' | 'critical';

/** A task that waited. */
export type Victim = {
  readonly comm: string;
  readonly pid: number;
  readonly cgroup?: string | undefined;
  readonly bdi?: string | undefined;
  readonly time_lost_s: number;
  /** Waits; what lies within another one is part of it. */
  readonly stalls: number;
};

/** What made it wait: who dirtied, which device or server was slow, which setting is too low. */
export type Culprit = {
  readonly kind: 'task' | 'cgroup' | 'inode' | 'bdi' | 'device' | 'server' | 'setting' | 'kernel';
  /** `fio (pid 812)`, `7:0`, `vm.dirty_bytes`. */
  readonly name: string;
  readonly pid?: number | undefined;
  readonly bdi?: string | undefined;
  readonly ino?: string | undefined;
  /** What it dirtied or holds, where that is the point. */
  readonly bytes?: number | undefined;
  /** Its part of the whole, 0 to 1. */
  readonly share?: number | undefined;
};

/** A measured number beside what it was compared with, and where that comes from. */
export type Comparison = {
  readonly name: string;
  readonly value: number;
  readonly unit: DetailUnit;
  readonly relation: '<' | '>' | '≤' | '≥' | '=' | '≠' | 'of';
  readonly threshold: number | undefined;
  /** `recorded`, `meta.json`, `kernel: mm/page-writeback.c, …`, `setting drain_s`. */
  readonly source: string;
};

/** A row that can be opened: the table's name, its row, and the same in words. */
export type Evidence = {
  readonly table: string;
  readonly row: number;
  readonly ts_ns: number;
  readonly text: string;
};

export type Advice = {
  readonly kind: 'sysctl' | 'bdi' | 'mount' | 'cgroup' | 'application' | 'device' | 'kernel';
  readonly text: string;
  /** Exactly what to type, where there is such a thing. */
  readonly command?: string | undefined;
  /** What it would have done, when a model can say so; with its comparison level. */
  readonly predicted?: string | undefined;
  /** Else why nothing can be said, and what would have to be measured. */
  readonly unpredicted?: string | undefined;
};

/** Spread into an advice. */
export type Effect = { readonly predicted: string } | { readonly unpredicted: string };

/** What would have shown that this is not the cause, and what was seen instead. */
export type CounterEvidence = {
  readonly question: string;
  readonly seen: string;
  /** `against`: it was seen, so the cause is doubtful; `unknown`: not recorded. */
  readonly result: 'for' | 'against' | 'unknown';
};

export type CauseFound = {
  readonly status: 'found';
  /** One or two sentences with the numbers, for a reader in a hurry. */
  readonly summary: string;
  /** Stalls that it explains. Empty for states that cost nobody time yet. */
  readonly claims: StallClaims;
  /** When it was at work, nanoseconds since the trace's start. */
  readonly window_ns: readonly [number, number];
  readonly culprits: readonly Culprit[];
  readonly numbers: readonly Comparison[];
  readonly evidence: readonly Evidence[];
  readonly counter_evidence: readonly CounterEvidence[];
  /** 0 to 1 as far as the rule itself can tell; loss of data lowers it further (diagnose.ts). */
  readonly confidence: number;
  readonly confidence_reasons: readonly string[];
  readonly advice: readonly Advice[];
  /**
   * How serious it is when the harm is not, or not only, in tasks that were seen waiting: reclaim
   * that finds nothing clean burns CPUs and evicts what is needed long before anybody sleeps.
   */
  readonly impact?: { readonly severity: Severity; readonly why: string } | undefined;
  /** The bdi that it is about, where there is one. */
  readonly bdi?: string | undefined;
};

export type CauseNotFound = {
  readonly status: 'clear' | 'not-applicable' | 'unknown';
  readonly summary: string;
  /** What was looked at, when it was. */
  readonly numbers?: readonly Comparison[];
};

export type CauseOutcome = CauseFound | CauseNotFound;

export type CounterQuestion = {
  /** One of them is enough. */
  readonly events: readonly string[];
  /** What they would have told, to stand after "it would tell". */
  readonly asks: string;
};

export type CauseDefinition = {
  /** A noun that names the failing state; file name, test name and JSON id. */
  readonly id: string;
  readonly title: string;
  readonly question: string;
  /**
   * Events that the question needs: every group needs at least one of its events. A group of which
   * nothing was recorded makes the answer `unknown`; recorded and silent makes it `clear`.
   */
  readonly needs: readonly (readonly string[])[];
  /** Events that could have shown the contrary: without them, what is found is less sure. */
  readonly contradicted_by?: readonly CounterQuestion[];
  /** Causes whose stalls this one explains better where both claim them: it comes before them. */
  readonly precedes: readonly string[];
  /** Documentation by name: `Documentation/admin-guide/sysctl/vm.rst, dirty_bytes`. */
  readonly links: readonly string[];
  evaluate(facts: Facts): CauseOutcome;
};

/** The answers that need nothing but words. */
export function clear(summary: string, numbers?: readonly Comparison[]): CauseNotFound {
  return { status: 'clear', summary, ...(numbers === undefined ? {} : { numbers }) };
}

export function notApplicable(summary: string): CauseNotFound {
  return { status: 'not-applicable', summary };
}

export function unknown(summary: string): CauseNotFound {
  return { status: 'unknown', summary };
}
