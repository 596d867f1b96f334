/**
 * Asks every cause, weighs the answers and names one root cause: the diagnosis. Also what should
 * have been recorded to say more.
 */
import { isKernelThread, PLACE_WORDS } from '../derive/stalls.ts';
import { tableWith } from '../trace/table.ts';
import { type Trace, totalEvents } from '../trace/trace.ts';
import type { CauseDefinition, CauseOutcome, Comparison, Severity, Victim } from './cause.ts';
import { CAUSES } from './causes/index.ts';
import { victimsOf } from './claims.ts';
import { Facts } from './facts.ts';
import { duration, percent } from './format.ts';
import { type CaptureAdvice, nextCapture } from './next-capture.ts';
import { askedQuality, dataQuality, type Quality, seenQuality } from './quality.ts';
import { lostShare } from './run.ts';
import { SETTINGS, type Settings } from './settings.ts';
import { type Ranked, rank } from './verdict.ts';

export type Judgement = {
  readonly definition: CauseDefinition;
  readonly status: CauseOutcome['status'] | 'error' | 'off';
  readonly summary: string;
  readonly numbers: readonly Comparison[];
  /** Present when found. */
  readonly ranked?: Ranked;
  readonly victims: readonly Victim[];
  readonly confidence_reasons: readonly string[];
};

export type Verdict = {
  /** The id of a cause, `none` or `inconclusive`. */
  readonly root_cause: string;
  /** With `inconclusive`: what it most likely is. */
  readonly most_likely: string | undefined;
  readonly confidence: number;
  readonly confidence_reasons: readonly string[];
  readonly severity: Severity;
  /** One sentence with numbers. */
  readonly summary: string;
  /** Causes that explain nearly as much; the reader must weigh them. */
  readonly also: readonly string[];
};

export type Diagnosis = {
  readonly trace: Trace;
  readonly facts: Facts;
  readonly verdict: Verdict;
  /** Found causes first, in order of weight; then the others in the order of the list. */
  readonly judgements: readonly Judgement[];
  readonly next_capture: CaptureAdvice;
};

export type DiagnoseOptions = {
  readonly settings?: Partial<Settings> | undefined;
  /** Ids of causes that are not asked. */
  readonly off?: readonly string[] | undefined;
  /** Instead of the built-in list (tests). */
  readonly causes?: readonly CauseDefinition[] | undefined;
};

/**
 * Names the root cause of what stalled, with all that was asked. A cause whose check fails is
 * reported as failed; nothing is thrown for what a capture holds or lacks.
 */
export function diagnose(given: Trace, options: DiagnoseOptions = {}): Diagnosis {
  const settings: Settings = { ...SETTINGS, ...options.settings };
  const facts = new Facts(given, settings);
  const { trace } = facts;
  const off = new Set(options.off ?? []);
  const answers = (options.causes ?? CAUSES).map((definition) => ({
    definition,
    outcome: off.has(definition.id) ? ('off' as const) : ask(definition, facts),
  }));
  const quality = dataQuality(facts);
  const candidates = answers.flatMap(({ definition, outcome }) => {
    if (outcome === 'off' || outcome.status !== 'found') return [];
    const asked = askedQuality(definition, facts);
    const confidence = outcome.confidence * asked.factor * quality.factor;
    const confidence_reasons = [...outcome.confidence_reasons, ...asked.reasons];
    return [{ definition, outcome: { ...outcome, confidence_reasons }, confidence }];
  });
  const ranked = rank(candidates, facts);
  const judgements = judge(answers, ranked, facts, quality.reasons);
  return {
    trace,
    facts,
    verdict: decide(ranked, facts, quality),
    judgements,
    next_capture: nextCapture(trace, judgements),
  };
}

type Answer = {
  readonly definition: CauseDefinition;
  readonly outcome: CauseOutcome | { status: 'error'; summary: string } | 'off';
};

/** One cause that fails takes nothing else down. */
function ask(definition: CauseDefinition, facts: Facts): Exclude<Answer['outcome'], 'off'> {
  const { trace } = facts;
  for (const group of definition.needs) {
    if (group.some((name) => isUsable(trace, name))) continue;
    const silent = group.filter((name) => trace.meta.silent_events.includes(name));
    if (silent.length === 0) return { status: 'unknown', summary: missing(trace, group) };
    const names = anyOf(silent);
    if (trace.losses.length > 0) {
      return { status: 'unknown', summary: `No ${names} was kept, but events were lost.` };
    }
    return { status: 'clear', summary: `Recorded, and it never happened: ${names}.` };
  }
  try {
    const outcome = withoutGaps(definition.evaluate(facts), facts);
    if (outcome.status !== 'clear' || lostShare(trace) < facts.settings['loss.much_share']) {
      return outcome;
    }
    const why = `Not seen, but ${percent(lostShare(trace))} of the events were lost.`;
    return { ...outcome, status: 'unknown', summary: `${why} ${outcome.summary}` };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { status: 'error', summary: `This check failed: ${reason}` };
  }
}

/** Columns without which an event cannot be judged. */
const COLUMNS: Readonly<Record<string, readonly string[]>> = {
  balance_dirty_pages: ['bdi', 'pause_ms', 'limit_pages', 'setpoint_pages', 'dirty_pages'],
  global_dirty_state: [
    'nr_dirty_pages',
    'nr_writeback_pages',
    'background_thresh_pages',
    'dirty_thresh_pages',
    'dirty_limit_pages',
  ],
  writeback_dirty_folio: ['bdi', 'ino', 'index'],
  writeback_single_inode: ['bdi', 'ino', 'wrote_pages'],
  mm_vmscan_lru_shrink_inactive: ['nr_scanned_pages'],
  fuse_request_send: ['connection', 'unique'],
};

function isUsable({ tables }: Trace, name: string): boolean {
  const columns = COLUMNS[name];
  return columns === undefined ? tables.has(name) : tableWith(tables, name, columns) !== undefined;
}

/** What of a group of events is missing: all of it, or columns of what is there. */
function missing({ tables }: Trace, group: readonly string[]): string {
  const there = group.find((name) => tables.has(name));
  const table = there === undefined ? undefined : tables.get(there);
  if (there === undefined || table === undefined) return `Not recorded: ${anyOf(group)}.`;
  const lacks = (COLUMNS[there] ?? []).filter((id) => !(id in table.columns));
  return `${there} was recorded without ${lacks.join(', ')}.`;
}

const LISTED = 4;

function anyOf(names: readonly string[]): string {
  if (names.length <= LISTED + 1) return names.join(' or ');
  return `${names.slice(0, LISTED).join(' or ')} or ${names.length - LISTED} others`;
}

/** Numbers that cannot be told are left out; windows end where the capture does. */
function withoutGaps(outcome: CauseOutcome, { duration_ns }: Facts): CauseOutcome {
  const numbers = (outcome.numbers ?? []).flatMap((entry) => {
    if (!Number.isFinite(entry.value)) return [];
    const isKnown = entry.threshold !== undefined && Number.isFinite(entry.threshold);
    return [{ ...entry, threshold: isKnown ? entry.threshold : undefined }];
  });
  if (outcome.status !== 'found') return { ...outcome, numbers };
  const inside = (ns: number) => Math.max(0, Math.min(duration_ns, ns));
  const [from_ns, to_ns] = outcome.window_ns;
  return { ...outcome, numbers, window_ns: [inside(from_ns), inside(to_ns)] };
}

function judge(
  answers: readonly Answer[],
  ranked: readonly Ranked[],
  facts: Facts,
  weakened: readonly string[],
): readonly Judgement[] {
  const order = new Map(ranked.map(({ definition }, index) => [definition.id, index]));
  const at = ({ definition }: Answer) => order.get(definition.id) ?? Number.POSITIVE_INFINITY;
  const sorted = answers
    .map((answer, index) => ({ answer, index }))
    .sort((left, right) => {
      const [a, b] = [at(left.answer), at(right.answer)];
      return a === b ? left.index - right.index : a - b;
    });
  return sorted.map(({ answer }): Judgement => {
    const { definition, outcome } = answer;
    const place = order.get(definition.id);
    const found = place === undefined ? undefined : ranked[place];
    if (outcome === 'off') {
      const summary = 'Switched off in the configuration.';
      const base = { definition, summary, numbers: [], victims: [], confidence_reasons: [] };
      return { ...base, status: 'off' };
    }
    const numbers = 'numbers' in outcome ? (outcome.numbers ?? []) : [];
    const base = { definition, status: outcome.status, summary: outcome.summary, numbers };
    if (found === undefined) return { ...base, victims: [], confidence_reasons: [] };
    return {
      ...base,
      ranked: found,
      victims: victimsOf(facts.stalls, found.outcome.claims),
      confidence_reasons: [...found.outcome.confidence_reasons, ...weakened],
    };
  });
}

/** A second cause this near to the first must be named with it. */
const NEAR = 0.8;
/** Below even odds a cause is a guess. */
const EVEN = 0.5;

function decide(ranked: readonly Ranked[], facts: Facts, quality: Quality): Verdict {
  const isHole = quality.factor < EVEN;
  const notable = ranked.filter(
    ({ severity, own_s, outcome }) =>
      // Where most is lost, the little that was seen is all there is to judge by.
      (severity !== 'info' || isHole) && (own_s > 0 || outcome.impact !== undefined),
  );
  const [heaviest] = notable;
  const hasUnits = facts.trace.diagnostics.every(({ code }) => code !== 'clock_not_nanoseconds');
  if (heaviest === undefined || !hasUnits) return withoutCause(ranked, facts, quality, hasUnits);
  const first = root(heaviest, notable);
  const also = notable.filter((other) => other !== first && weight(other) >= NEAR * weight(first));
  const isGuess = first.confidence < EVEN;
  const hint = isGuess ? 'Most likely: ' : '';
  return {
    root_cause: isGuess ? 'inconclusive' : first.definition.id,
    most_likely: isGuess ? first.definition.id : undefined,
    confidence: first.confidence,
    confidence_reasons: [...first.outcome.confidence_reasons, ...quality.reasons],
    severity: first.severity,
    summary: `${hint}${first.outcome.summary}`,
    also: also.map(({ definition }) => definition.id),
  };
}

function weight({ own_s, confidence }: Ranked): number {
  return own_s * confidence;
}

/** From this share of its consequence's weight on, what comes first in the causal order wins. */
const SUBSTANTIAL = 0.25;

/**
 * A slow device pauses its own writers, rightly; that it pauses those of other devices is the fault
 * to name. So a cause that precedes the heaviest one, and costs a good part of it, is the root.
 */
function root(heaviest: Ranked, notable: readonly Ranked[]): Ranked {
  const before = notable.filter(
    (other) =>
      other.definition.precedes.includes(heaviest.definition.id) &&
      weight(other) >= SUBSTANTIAL * weight(heaviest),
  );
  const [first] = before;
  return first === undefined
    ? heaviest
    : root(
        first,
        notable.filter((other) => other !== heaviest),
      );
}

/** Time that nobody explains is said; with too little data it makes the verdict inconclusive. */
function withoutCause(
  ranked: readonly Ranked[],
  facts: Facts,
  quality: Quality,
  hasUnits: boolean,
): Verdict {
  const window = duration(facts.duration_ns);
  const unexplained_ns = unexplained(ranked, facts);
  const base = { most_likely: undefined, confidence_reasons: quality.reasons, also: [] };
  if (!hasUnits) {
    const summary =
      'The clock of this capture does not count nanoseconds: how long anything took cannot be ' +
      'told. Record with the clock mono.';
    return { ...base, root_cause: 'inconclusive', confidence: 0, severity: 'notice', summary };
  }
  if (quality.factor < EVEN || totalEvents(facts.trace.meta) === 0) {
    const summary = `Too much is missing from this capture of ${window} to name a cause.`;
    return { ...base, root_cause: 'inconclusive', confidence: 0, severity: 'notice', summary };
  }
  if (!facts.canSeeStalls) {
    const summary =
      `This capture of ${window} has no event that would show a wait, ` +
      'so that nothing can be said about stalls.';
    return { ...base, root_cause: 'inconclusive', confidence: 0, severity: 'notice', summary };
  }
  if (facts.duration_ns === 0) {
    const summary = 'This capture is of one moment: it does not tell how long anything took.';
    return { ...base, root_cause: 'inconclusive', confidence: 0, severity: 'notice', summary };
  }
  const worst = facts.worstStall;
  const lost = ranked.reduce((sum, { own_s }) => sum + own_s, 0);
  if (unexplained_ns / 1e9 >= facts.notable_s && worst !== undefined) {
    const summary =
      `Tasks waited ${duration(unexplained_ns)} in ${window} and no known cause explains it; ` +
      `the longest wait was ${duration(worst.duration_ns)} of ${worst.comm} (pid ${worst.pid}) ` +
      `in ${PLACE_WORDS[worst.place]}.`;
    return { ...base, root_cause: 'inconclusive', confidence: 0, severity: 'notice', summary };
  }
  const most =
    worst === undefined
      ? 'no task waited for writeback'
      : `the longest wait was ${duration(worst.duration_ns)}, by ${worst.comm} in ` +
        PLACE_WORDS[worst.place];
  const least_ns = facts.settings['stall.least_ms'] * 1e6;
  const isCalm = worst === undefined || worst.duration_ns < least_ns;
  const summary = `${isCalm ? 'Nothing stalled' : 'Little stalled'} in ${window}: ${most}.`;
  const seen = seenQuality(facts);
  const confidence = quality.factor * seen.factor * (lost > 0 ? 0.9 : 1);
  const confidence_reasons = [...quality.reasons, ...seen.reasons];
  return { ...base, root_cause: 'none', confidence, confidence_reasons, severity: 'info', summary };
}

/** Time that tasks lost in stalls which no found cause claims. */
function unexplained(ranked: readonly Ranked[], facts: Facts): number {
  const least_ns = facts.settings['stall.least_ms'] * 1e6;
  const claimed = (stall: number) => ranked.some(({ outcome }) => outcome.claims.has(stall));
  return facts.stalls.reduce(
    (sum, { comm, duration_ns }, index) =>
      claimed(index) || isKernelThread(comm) || duration_ns < least_ns
        ? sum
        : sum + facts.stallNs(index),
    0,
  );
}
