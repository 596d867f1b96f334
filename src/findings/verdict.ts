/**
 * One root cause out of all that were found. Each found cause has claimed stalls. Where a cause
 * precedes another (a lowered threshold precedes the throttling that follows it), the stalls that
 * both claim are counted for the first; what remains is weighed by task-seconds and confidence.
 */
import type { CauseDefinition, CauseFound, Severity } from './cause.ts';
import type { StallClaims } from './claims.ts';
import type { Settings } from './settings.ts';

export type Candidate = {
  readonly definition: Pick<CauseDefinition, 'id' | 'title' | 'precedes'>;
  readonly outcome: CauseFound;
  /** The rule's confidence after loss and gaps were counted in. */
  readonly confidence: number;
};

export type Ranked = Candidate & {
  /** Claims that no preceding cause explains. */
  readonly own: StallClaims;
  readonly own_s: number;
  readonly claimed_s: number;
  readonly severity: Severity;
  /** The cause that explains most of what it claims as well, if one does. */
  readonly explained_by: string | undefined;
};

/** What a loss is measured by (facts.ts). */
export type Measures = {
  readonly observed_ns: number;
  readonly notable_s: number;
  readonly settings: Settings;
};

/** Found causes, the weightiest first. */
export function rank(
  candidates: readonly Candidate[],
  { observed_ns, notable_s, settings }: Measures,
): readonly Ranked[] {
  const preceding = transitive(candidates);
  const ranked = candidates.map((candidate): Ranked => {
    const { definition, outcome } = candidate;
    const before = candidates.filter((other) => preceding(other.definition.id, definition.id));
    const own = outcome.claims.without((stall) =>
      Math.max(0, ...before.map((other) => other.outcome.claims.of(stall))),
    );
    const own_s = own.total_ns() / 1e9;
    const claimed_s = outcome.claims.total_ns() / 1e9;
    return {
      ...candidate,
      own,
      own_s,
      claimed_s,
      severity: worse(
        own_s === 0 && claimed_s > 0
          ? 'info'
          : severityOf(own_s, { observed_ns, notable_s, settings }),
        outcome.impact?.severity,
      ),
      explained_by: own_s < claimed_s / 2 ? mostShared(candidate, before) : undefined,
    };
  });
  return ranked.sort(
    (left, right) =>
      right.own_s * right.confidence - left.own_s * left.confidence ||
      ORDER.indexOf(right.severity) - ORDER.indexOf(left.severity) ||
      right.claimed_s - left.claimed_s ||
      (left.definition.id < right.definition.id ? -1 : 1),
  );
}

export const ORDER: readonly Severity[] = ['info', 'notice', 'warning', 'critical'];

function worse(left: Severity, right: Severity | undefined): Severity {
  return right !== undefined && ORDER.indexOf(right) > ORDER.indexOf(left) ? right : left;
}

function mostShared(candidate: Candidate, before: readonly Candidate[]): string | undefined {
  const shared = (other: Candidate) => {
    let ns = 0;
    for (const [stall, claimed] of candidate.outcome.claims.entries()) {
      if (other.outcome.claims.has(stall)) ns += claimed;
    }
    return ns;
  };
  // Of two that share as much, the one that comes before the other.
  const precedes = (first: Candidate, second: Candidate) =>
    Number(first.definition.precedes.includes(second.definition.id));
  const [most] = [...before].sort(
    (left, right) => shared(right) - shared(left) || precedes(right, left) - precedes(left, right),
  );
  return most?.definition.id;
}

/** Does the first cause come before the second, directly or through others that were found? */
function transitive(candidates: readonly Candidate[]): (first: string, second: string) => boolean {
  const direct = new Map(
    candidates.map(({ definition }) => [definition.id, new Set(definition.precedes)]),
  );
  const reaches = (first: string, second: string, seen: ReadonlySet<string>): boolean => {
    const next = direct.get(first);
    if (next === undefined || seen.has(first)) return false;
    if (next.has(second)) return true;
    const been = new Set(seen).add(first);
    return [...next].some((id) => reaches(id, second, been));
  };
  return (first, second) => first !== second && reaches(first, second, new Set());
}

/** How much a loss of that many task-seconds matters in a capture of that length. */
function severityOf(lost_s: number, { observed_ns, notable_s, settings }: Measures): Severity {
  if (lost_s < notable_s) return lost_s > 0 ? 'info' : 'notice';
  const share = observed_ns > 0 ? lost_s / (observed_ns / 1e9) : 0;
  if (share >= settings['critical.share']) return 'critical';
  return share >= settings['warning.share'] ? 'warning' : 'notice';
}
