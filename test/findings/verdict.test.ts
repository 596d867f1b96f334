import { describe, expect, test } from 'vitest';
import type { CauseFound } from '../../src/findings/cause.ts';
import { StallClaims } from '../../src/findings/claims.ts';
import { SETTINGS } from '../../src/findings/settings.ts';
import { type Candidate, rank } from '../../src/findings/verdict.ts';

const MEASURES = { observed_ns: 10e9, notable_s: 0.25, settings: SETTINGS };

/** A found cause that claims those stalls, seconds by number. */
function candidate(
  id: string,
  seconds: Readonly<Record<number, number>>,
  options: { precedes?: string[]; confidence?: number; impact?: CauseFound['impact'] } = {},
): Candidate {
  const claims = new StallClaims();
  for (const [stall, s] of Object.entries(seconds)) claims.add(Number(stall), s * 1e9);
  const outcome: CauseFound = {
    status: 'found',
    summary: id,
    claims,
    window_ns: [0, 1],
    culprits: [],
    numbers: [],
    evidence: [],
    counter_evidence: [],
    confidence: 1,
    confidence_reasons: [],
    advice: [],
    impact: options.impact,
  };
  const definition = { id, title: id, precedes: options.precedes ?? [] };
  return { definition, outcome, confidence: options.confidence ?? 1 };
}

describe('ranking', () => {
  test('most task-seconds first, weighed by confidence', () => {
    const ranked = rank(
      [candidate('sure', { 0: 2 }), candidate('doubtful', { 1: 3 }, { confidence: 0.5 })],
      MEASURES,
    );
    expect(ranked.map(({ definition }) => definition.id)).toEqual(['sure', 'doubtful']);
  });

  test('what a preceding cause explains is counted once, for it', () => {
    const ranked = rank(
      [
        candidate('consequence', { 0: 2, 1: 3 }),
        candidate('origin', { 0: 2 }, { precedes: ['consequence'] }),
      ],
      MEASURES,
    );
    const own = Object.fromEntries(ranked.map(({ definition, own_s }) => [definition.id, own_s]));
    expect(own).toEqual({ consequence: 3, origin: 2 });
  });

  test('precedence reaches through others that were found', () => {
    const ranked = rank(
      [
        candidate('last', { 0: 2 }),
        candidate('middle', { 0: 2 }, { precedes: ['last'] }),
        candidate('first', { 0: 2 }, { precedes: ['middle'] }),
      ],
      MEASURES,
    );
    const last = ranked.find(({ definition }) => definition.id === 'last');
    expect(last?.own_s).toBe(0);
    expect(last?.explained_by).toBeDefined();
    expect(ranked[0]?.definition.id).toBe('first');
  });

  test('a ring of precedences ends', () => {
    const ring = [
      candidate('a', { 0: 1 }, { precedes: ['b'] }),
      candidate('b', { 0: 1 }, { precedes: ['a'] }),
    ];
    expect(rank(ring, MEASURES)).toHaveLength(2);
  });

  test('severity by share of the time observed; an impact can only raise it', () => {
    const severity = (seconds: number, impact?: CauseFound['impact']) =>
      rank([candidate('x', { 0: seconds }, { impact })], MEASURES)[0]?.severity;
    expect(severity(0.1)).toBe('info');
    expect(severity(0.3)).toBe('notice');
    expect(severity(1)).toBe('warning');
    expect(severity(5)).toBe('critical');
    expect(severity(0.1, { severity: 'warning', why: '' })).toBe('warning');
    expect(severity(5, { severity: 'notice', why: '' })).toBe('critical');
  });
});
