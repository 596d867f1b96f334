/**
 * What kernels do differently where the trace's format does not show it: one row a behaviour. This
 * is the only place that compares versions. Evidence in the trace wins over the release, because
 * distributions carry changes back.
 */
import { isAtLeast, parseRelease } from './release.ts';

type FeatureRow = {
  /** First release that has it. */
  readonly since: readonly [major: number, minor: number];
  readonly subject: string;
};

const FEATURES = {
  /**
   * `limit` of balance_dirty_pages is max(thresh, dirty_limit) of the domain that was chosen;
   * before, it was the global dirty_limit alone.
   */
  limit_of_domain: {
    since: [6, 14],
    subject: 'mm/page-writeback.c: dtc->limit is taken in wb_position_ratio',
  },
} as const satisfies Record<string, FeatureRow>;

export type Feature = keyof typeof FEATURES;

/** How the answer was found; shown beside every result that depends on it. */
export type FeatureState = {
  readonly on: boolean;
  readonly because: 'evidence' | 'release' | 'assumed';
  readonly subject: string;
};

/**
 * `evidence`: what the records themselves prove, undefined when they leave it open. Without
 * evidence and release the newest behaviour is assumed, and said to be.
 */
export function resolveFeature(
  feature: Feature,
  release: string | undefined,
  evidence: boolean | undefined,
): FeatureState {
  const { since, subject }: FeatureRow = FEATURES[feature];
  if (evidence !== undefined) return { on: evidence, because: 'evidence', subject };
  const parsed = parseRelease(release);
  if (parsed === undefined) return { on: true, because: 'assumed', subject };
  return { on: isAtLeast(parsed, ...since), because: 'release', subject };
}
