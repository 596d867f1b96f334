/** Reclaim spends its time inside of a shrinker: a cache that must write or lock to give memory. */
import { isKernelThread } from '../../derive/stalls.ts';
import { type CauseDefinition, type CauseOutcome, clear } from '../cause.ts';
import { claimedWindow, StallClaims } from '../claims.ts';
import type { Facts } from '../facts.ts';
import { count, duration } from '../format.ts';
import { rowEvidence } from './from-stalls.ts';

export const shrinkerStall: CauseDefinition = {
  id: 'shrinker-stall',
  title: 'A shrinker holds up memory reclaim',
  question: 'Did tasks that needed memory wait inside of a shrinker?',
  needs: [['mm_shrink_slab_start'], ['mm_shrink_slab_end']],
  precedes: ['global-reclaim-dirty', 'memcg-reclaim-dirty'],
  links: [
    'mm/shrinker.c, do_shrink_slab',
    'Documentation/admin-guide/sysctl/vm.rst, vfs_cache_pressure',
  ],
  evaluate,
};

function evaluate(facts: Facts): CauseOutcome {
  const least_ns = facts.settings['stall.least_ms'] * 1e6;
  const byShrinker = new Map<string, { claims: StallClaims; longest: number; stall: number }>();
  facts.stalls.forEach((stall, index) => {
    if (stall.place !== 'shrinker' || isKernelThread(stall.comm)) return;
    if (stall.duration_ns < least_ns) return;
    const name = stall.reason ?? 'unknown';
    const entry = byShrinker.get(name) ?? { claims: new StallClaims(), longest: 0, stall: index };
    for (const member of facts.nested(index)) entry.claims.add(member, facts.stallNs(member));
    if (stall.duration_ns > entry.longest) {
      entry.longest = stall.duration_ns;
      entry.stall = index;
    }
    byShrinker.set(name, entry);
  });
  const [worst] = [...byShrinker].sort(([, a], [, b]) => b.claims.total_ns() - a.claims.total_ns());
  if (worst === undefined) return clear('No shrinker kept a task waiting.');
  const [name, { longest, stall: index }] = worst;
  const claims = new StallClaims();
  for (const entry of byShrinker.values()) {
    for (const [stall, ns] of entry.claims.entries()) claims.add(stall, ns);
  }
  const rows = facts.stalls[index]?.evidence ?? [];
  return {
    status: 'found',
    claims,
    window_ns: claimedWindow(facts.stalls, claims),
    summary:
      `Tasks that needed memory lost ${duration(claims.total_ns())} inside of ` +
      `${count(byShrinker.size, 'shrinker')}; ${name} took ${duration(longest)} at once.`,
    culprits: [...byShrinker.keys()].map((shrinker) => ({ kind: 'kernel', name: shrinker })),
    numbers: [
      {
        name: 'longest call of a shrinker',
        value: longest / 1e9,
        unit: 's',
        relation: '>',
        threshold: least_ns / 1e9,
        source: 'mm_shrink_slab_start to mm_shrink_slab_end; setting stall.least_ms',
      },
    ],
    evidence: rows.flatMap(({ table, row }) => rowEvidence(facts, table, [row])),
    counter_evidence: [
      {
        question: 'Was the shrinker on its CPU all that time, with much to free?',
        seen: 'not told by these events',
        result: 'unknown',
      },
    ],
    confidence: 0.8,
    confidence_reasons: ['Whether it slept or worked is not recorded (sched_switch would tell).'],
    advice: [
      {
        kind: 'sysctl',
        text: 'Have fewer objects to reclaim under pressure: shrink the caches earlier.',
        command: 'sysctl -w vm.vfs_cache_pressure=200 vm.watermark_scale_factor=100',
        unpredicted:
          'when kswapd would have run depends on free memory; sample /proc/vmstat beside the ' +
          'trace and compare after the change',
      },
    ],
  };
}
