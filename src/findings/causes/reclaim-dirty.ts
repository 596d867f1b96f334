/**
 * Reclaim finds dirty pages instead of clean ones: of one cgroup at its limit, or of the whole
 * machine. Two causes with one mechanism; they differ in whose memory ran short.
 */

import { isKernelThread, type Stall } from '../../derive/stalls.ts';
import {
  type CauseDefinition,
  type CauseOutcome,
  clear,
  type Evidence,
  type Severity,
  unknown,
} from '../cause.ts';
import { StallClaims, victimsOf } from '../claims.ts';
import { dirtyingCulprits } from '../facts/dirtiers.ts';
import { type ReclaimFacts, type ReclaimFound, reclaimFacts } from '../facts/reclaim-found.ts';
import type { Facts } from '../facts.ts';
import { bytes, count, duration, percent } from '../format.ts';
import { rowEvidence, windowOf } from './from-stalls.ts';

const WOKEN = [
  { events: ['writeback_start'], asks: 'whether reclaim had the flushers woken' },
] as const;

export const memcgReclaimDirty: CauseDefinition = {
  id: 'memcg-reclaim-dirty',
  title: 'A cgroup at its memory limit reclaims dirty pages',
  question: 'Did tasks wait in the reclaim of their cgroup because its pages were dirty?',
  needs: [['mm_vmscan_memcg_reclaim_begin']],
  precedes: ['global-reclaim-dirty'],
  contradicted_by: WOKEN,
  links: [
    'Documentation/admin-guide/cgroup-v2.rst, Memory and Writeback',
    'mm/vmscan.c, shrink_folio_list',
  ],
  evaluate: (facts) => evaluate(facts, 'memcg'),
};

export const globalReclaimDirty: CauseDefinition = {
  id: 'global-reclaim-dirty',
  title: 'Reclaim of the whole machine finds dirty pages',
  question: 'Did memory run short while much of the cache was dirty, so that reclaim had to wait?',
  needs: [['mm_vmscan_lru_shrink_inactive']],
  precedes: [],
  contradicted_by: WOKEN,
  links: [
    'mm/vmscan.c, shrink_folio_list and shrink_node',
    'Documentation/admin-guide/sysctl/vm.rst',
  ],
  evaluate: (facts) => evaluate(facts, 'global'),
};

type Scope = 'memcg' | 'global';

/** Of what reclaim looked at; below, dirty pages are an accident and no obstacle. */
const DIRTY_SHARE = 0.02;

function evaluate(facts: Facts, scope: Scope): CauseOutcome {
  const reclaim = facts.once(reclaimFacts);
  const found = reclaim[scope];
  const claims = claimReclaim(facts, scope);
  if (found.batches === 0 && claims.size === 0) {
    return clear(
      scope === 'memcg'
        ? 'No cgroup’s reclaim looked at any page.'
        : 'No page was reclaimed globally.',
    );
  }
  if (!found.counts_dirty) return uncounted(facts, scope, claims);
  const share = (found.dirty_pages + found.immediate_pages) / Math.max(1, found.scanned_pages);
  const reclaimed = found.reclaimed_pages / Math.max(1, found.scanned_pages);
  const woken = wokenBy(reclaim);
  const numbers = numbersOf(facts, found, woken);
  if (share < DIRTY_SHARE) {
    const text = `Reclaim met ${percent(share)} dirty pages among those it looked at.`;
    return clear(text, numbers);
  }
  const window =
    claims.size > 0
      ? windowOf(facts, claims)
      : ([found.first_dirty_ns, found.last_dirty_ns] as const);
  const bdi = bdiOf(facts, scope, claims, reclaim);
  return {
    status: 'found',
    bdi,
    claims,
    window_ns: [
      Math.min(window[0], found.first_dirty_ns),
      Math.max(window[1], found.last_dirty_ns),
    ],
    summary: sentence(facts, scope, found, claims, woken),
    culprits: dirtyingCulprits(facts, [0, found.last_dirty_ns], bdi),
    numbers,
    evidence: rowEvidence(facts, 'mm_vmscan_lru_shrink_inactive', found.dirtiest_rows),
    counter_evidence: [
      {
        question: 'Was what reclaim looked at clean, so that it could simply be dropped?',
        seen: `${percent(share)} of it was dirty, ${percent(reclaimed)} could be reclaimed`,
        result: 'for',
      },
      {
        question: 'Did reclaim do without the flushers?',
        seen: woken > 0 ? `no, it had them woken: ${count(woken, 'start')} of writeback` : 'yes',
        result: woken > 0 || scope === 'memcg' ? 'for' : 'against',
      },
    ],
    confidence: woken > 0 || scope === 'memcg' ? 0.9 : 0.65,
    confidence_reasons:
      woken > 0 || scope === 'memcg' ? [] : ['Reclaim did not have the flushers woken.'],
    impact: impactOf(scope, share, woken),
    advice: scope === 'memcg' ? MEMCG_ADVICE : GLOBAL_ADVICE,
  };
}

function impactOf(
  scope: Scope,
  share: number,
  woken: number,
): { severity: Severity; why: string } | undefined {
  if (scope === 'memcg' || woken === 0) return undefined;
  const why = `reclaim met ${percent(share)} dirty pages and had writeback started for memory`;
  return { severity: share >= 0.1 ? 'warning' : 'notice', why };
}

/**
 * Kernels before 4.10 do not print how much of what reclaim met was dirty. That it slept for
 * writeback (congestion_wait) is a sign of it, but no more: it also sleeps for isolated pages.
 */
function uncounted(facts: Facts, scope: Scope, claims: StallClaims): CauseOutcome {
  const reclaim = facts.once(reclaimFacts);
  const window = windowOf(facts, claims);
  const reason = 'No event of this capture says how many of the pages that reclaim met were dirty.';
  const slept_ns = sleptIn(facts, claims);
  if (slept_ns === 0) return unknown(reason);
  const all_ns = claims.total_ns();
  const share = slept_ns / Math.max(1, all_ns);
  const woken = wokenBy(reclaim);
  return {
    status: 'found',
    claims,
    window_ns: window,
    summary:
      `Tasks lost ${duration(all_ns)} in ${scope === 'memcg' ? 'a cgroup’s' : 'direct'} reclaim, ` +
      `${duration(slept_ns)} of it asleep until writeback had gone on; whether reclaim met dirty ` +
      'pages all the time is not recorded.',
    culprits: dirtyingCulprits(facts, [0, window[1]], busiestBdi(reclaim)),
    numbers: [
      {
        name: 'time in reclaim asleep for writeback',
        value: slept_ns / 1e9,
        unit: 's',
        relation: 'of',
        threshold: all_ns / 1e9,
        source: 'writeback_congestion_wait, writeback_wait_iff_congested; reclaim begin to end',
      },
    ],
    evidence: longestReclaim(facts, claims),
    counter_evidence: [
      {
        question: 'Did reclaim spend most of its time looking at pages instead?',
        seen: `it slept ${percent(share)} of the time`,
        result: share >= 0.5 ? 'for' : 'against',
      },
    ],
    confidence: share >= 0.5 || woken > 0 ? 0.45 : 0.3,
    confidence_reasons: [reason],
    advice: scope === 'memcg' ? MEMCG_ADVICE : GLOBAL_ADVICE,
  };
}

function sleptIn(facts: Facts, claims: StallClaims): number {
  let slept = 0;
  for (const [index, ns] of claims.entries()) {
    if (facts.stalls[index]?.place === 'congestion-wait') slept += ns;
  }
  return slept;
}

/** Rows that show the longest of the claimed stalls. */
function longestReclaim(facts: Facts, claims: StallClaims): Evidence[] {
  let longest: Stall | undefined;
  for (const [index] of claims.entries()) {
    const stall = facts.stalls[index];
    if (stall === undefined || stall.place !== 'reclaim') continue;
    if (longest === undefined || stall.duration_ns > longest.duration_ns) longest = stall;
  }
  return (longest?.evidence ?? []).flatMap(({ table, row }) => rowEvidence(facts, table, [row]));
}

function wokenBy({ vmscan_works }: ReclaimFacts): number {
  return [...vmscan_works.values()].reduce((sum, works) => sum + works, 0);
}

/** Whatever a task waited for inside of its reclaim, it waited for memory. */
function claimReclaim(facts: Facts, scope: Scope): StallClaims {
  const claims = new StallClaims();
  const inMemcg = new Set<number>();
  const add = (index: number) => claims.add(index, facts.stallNs(index));
  facts.stalls.forEach(({ place, event, comm }, index) => {
    if (place !== 'reclaim' || isKernelThread(comm)) return;
    const isMemcg = event.startsWith('mm_vmscan_memcg');
    const members = facts.nested(index);
    if (isMemcg) for (const member of members) inMemcg.add(member);
    if (isMemcg === (scope === 'memcg')) members.forEach(add);
  });
  facts.stalls.forEach(({ place, comm }, index) => {
    if (place !== 'reclaim-throttling' || isKernelThread(comm)) return;
    if (inMemcg.has(index) === (scope === 'memcg')) add(index);
  });
  return claims;
}

function sentence(
  facts: Facts,
  scope: Scope,
  found: ReclaimFound,
  claims: StallClaims,
  woken: number,
): string {
  const met =
    `reclaim met ${bytes(found.dirty_pages * facts.pageSize)} dirty among ` +
    `${bytes(found.scanned_pages * facts.pageSize)} that it looked at`;
  const lost = `tasks lost ${duration(claims.total_ns())} in it`;
  if (scope === 'memcg') return `A cgroup is at its memory limit: ${met}, and ${lost}.`;
  const wake = woken > 0 ? `, started writeback ${count(woken, 'time')}` : '';
  return `Memory ran short while the cache was dirty: ${met}${wake}, and ${lost}.`;
}

function numbersOf(facts: Facts, found: ReclaimFound, woken: number) {
  const source = 'mm_vmscan_lru_shrink_inactive';
  return [
    {
      name: 'dirty pages met by reclaim, of those looked at',
      value: (100 * found.dirty_pages) / Math.max(1, found.scanned_pages),
      unit: 'percent' as const,
      relation: '≥' as const,
      threshold: 100 * DIRTY_SHARE,
      source: `${source} nr_dirty, nr_scanned`,
    },
    {
      name: 'found under writeback',
      value: found.writeback_pages * facts.pageSize,
      unit: 'bytes' as const,
      relation: 'of' as const,
      threshold: found.scanned_pages * facts.pageSize,
      source: `${source} nr_writeback`,
    },
    {
      name: 'writeback started because reclaim asked for it',
      value: woken,
      unit: 'count' as const,
      relation: '≥' as const,
      threshold: 1,
      source: 'writeback_start reason=vmscan',
    },
  ];
}

/** A cgroup's own writers tell where its pages lie; flushers were woken for all devices. */
function bdiOf(
  facts: Facts,
  scope: Scope,
  claims: StallClaims,
  reclaim: ReclaimFacts,
): string | undefined {
  const ofVictim = victimsOf(facts.stalls, claims).find(({ bdi }) => bdi !== undefined)?.bdi;
  return (scope === 'memcg' ? ofVictim : undefined) ?? busiestBdi(reclaim);
}

function busiestBdi({ vmscan_works }: ReclaimFacts): string | undefined {
  return [...vmscan_works].sort(([, left], [, right]) => right - left)[0]?.[0];
}

const MEMCG_ADVICE = [
  {
    kind: 'cgroup' as const,
    text:
      'Give the cgroup more memory, or use cgroup v2 with the io controller, where its writers ' +
      'are paused before its memory is full of dirty pages.',
    command: 'echo 1G > /sys/fs/cgroup/GROUP/memory.max',
    unpredicted: 'what the cgroup would hold then is in no event; sample its memory.stat',
  },
  {
    kind: 'sysctl' as const,
    text:
      'Keep dirty memory below the cgroup’s limit: with cgroup v1 only the global limits pause ' +
      'writers, so that they must be smaller than the smallest cgroup.',
    command: 'sysctl -w vm.dirty_background_bytes=16777216 vm.dirty_bytes=67108864',
    unpredicted:
      'how many of the pages that reclaim meets would be clean depends on their order in its ' +
      'lists, which no event shows; set it, record again and compare',
  },
  {
    kind: 'application' as const,
    text: 'Write with O_DIRECT, or start writeback early with sync_file_range().',
    unpredicted: 'how much it would leave dirty is the program’s choice; try it and compare',
  },
];

const GLOBAL_ADVICE = [
  {
    kind: 'sysctl' as const,
    text: 'Lower the dirty limits, so that most of the cache is clean when memory is needed.',
    command: 'sysctl -w vm.dirty_background_ratio=5 vm.dirty_ratio=10',
    unpredicted:
      'how many of the pages that reclaim meets would be clean depends on their order in its ' +
      'lists, which no event shows; set it, record again and compare',
  },
  {
    kind: 'sysctl' as const,
    text: 'Let kswapd start earlier.',
    command: 'sysctl -w vm.watermark_scale_factor=100',
    unpredicted: 'when kswapd would have run depends on free memory; sample /proc/vmstat',
  },
];
