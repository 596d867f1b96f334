/** The frame around causes: what is asked, what a loss of data does, and what is left unexplained. */
import { describe, expect, test } from 'vitest';
import type { CauseDefinition, CauseOutcome } from '../../src/findings/cause.ts';
import { StallClaims } from '../../src/findings/claims.ts';
import { diagnose } from '../../src/findings/diagnose.ts';
import type { Facts } from '../../src/findings/facts.ts';
import { makeTrace } from '../helpers/trace-builder.ts';

function cause(
  id: string,
  evaluate: (facts: Facts) => CauseOutcome,
  options: Partial<CauseDefinition> = {},
): CauseDefinition {
  return {
    id,
    title: id,
    question: `${id}?`,
    needs: [['sys_enter_fsync']],
    precedes: [],
    links: [],
    evaluate,
    ...options,
  };
}

/** Claims all stalls in full. */
const claimAll = (facts: Facts, confidence = 0.9): CauseOutcome => {
  const claims = new StallClaims();
  for (const index of facts.stalls.keys()) claims.add(index, facts.stallNs(index));
  return {
    status: 'found',
    summary: 'all of it',
    claims,
    window_ns: [0, 1],
    culprits: [],
    numbers: [],
    evidence: [],
    counter_evidence: [],
    confidence,
    confidence_reasons: [],
    advice: [],
  };
};

/** One fsync of that many seconds in ten. */
function fsyncTrace(seconds: number, facts: Parameters<typeof makeTrace>[1] = {}) {
  return makeTrace(
    [
      { event: 'sys_enter_fsync', ts_ns: 1e9, pid: 7, comm: 'db' },
      { event: 'sys_exit_fsync', ts_ns: 1e9 + seconds * 1e9, pid: 7, comm: 'db' },
      { event: 'sys_enter_fsync', ts_ns: 10e9, pid: 7, comm: 'db' },
      { event: 'sys_exit_fsync', ts_ns: 10e9, pid: 7, comm: 'db' },
    ],
    facts,
  );
}

describe('verdict', () => {
  test('names the found cause, its victims and its time', () => {
    const { verdict, judgements } = diagnose(fsyncTrace(2), { causes: [cause('x', claimAll)] });
    expect(verdict).toMatchObject({ root_cause: 'x', confidence: 0.9, severity: 'warning' });
    expect(judgements[0]?.victims).toMatchObject([{ comm: 'db', pid: 7, time_lost_s: 2 }]);
  });

  test('none when nothing was lost, inconclusive when time was lost to nothing known', () => {
    const clearly = cause('x', () => ({ status: 'clear', summary: '' }));
    expect(diagnose(fsyncTrace(0.001), { causes: [clearly] }).verdict.root_cause).toBe('none');
    const { verdict } = diagnose(fsyncTrace(2), { causes: [clearly] });
    expect(verdict).toMatchObject({ root_cause: 'inconclusive', confidence: 0 });
    expect(verdict.summary).toContain('db');
  });

  test('below even odds it is inconclusive, with the most likely cause', () => {
    const guess = cause('x', (facts) => claimAll(facts, 0.3));
    const { verdict } = diagnose(fsyncTrace(2), { causes: [guess] });
    expect(verdict).toMatchObject({ root_cause: 'inconclusive', most_likely: 'x' });
  });

  test('the first in the causal order wins over a heavier consequence', () => {
    const half = (facts: Facts): CauseOutcome => {
      const outcome = claimAll(facts);
      if (outcome.status !== 'found') return outcome;
      const claims = new StallClaims();
      claims.add(0, facts.stallNs(0) / 2);
      return { ...outcome, claims };
    };
    const trace = makeTrace([
      ...[0, 1, 2].flatMap((pid) => [
        { event: 'sys_enter_fsync', ts_ns: 1e9, pid: pid + 1, comm: 'db' },
        { event: 'sys_exit_fsync', ts_ns: 4e9, pid: pid + 1, comm: 'db' },
      ]),
    ]);
    const causes = [
      cause('consequence', claimAll),
      cause('origin', half, { precedes: ['consequence'] }),
    ];
    const { verdict } = diagnose(trace, { causes });
    // Half of one of three waits is too little to be the root of all of them.
    expect(verdict.root_cause).toBe('consequence');
    const heavier = cause('origin', claimAll, { precedes: ['consequence'] });
    const both = diagnose(trace, { causes: [cause('consequence', claimAll), heavier] });
    expect(both.verdict.root_cause).toBe('origin');
  });
});

describe('what cannot be told', () => {
  const asks = cause('x', claimAll, { needs: [['balance_dirty_pages', 'global_dirty_state']] });

  test('not recorded is unknown, recorded and silent is clear', () => {
    const trace = fsyncTrace(0.001);
    expect(diagnose(trace, { causes: [asks] }).judgements[0]?.status).toBe('unknown');
    const silent = {
      ...trace,
      meta: { ...trace.meta, silent_events: ['balance_dirty_pages'] },
    };
    expect(diagnose(silent, { causes: [asks] }).judgements[0]?.status).toBe('clear');
  });

  test('much lost: what was not seen is unknown, and every confidence sinks', () => {
    const loss = { cpu: 0, ts_ns: 9e9, from_ns: 5e9, count: 100 };
    const trace = fsyncTrace(2, { losses: [loss] });
    const causes = [cause('a', claimAll), cause('b', () => ({ status: 'clear', summary: '' }))];
    const { verdict, judgements } = diagnose(trace, { causes });
    expect(judgements.find(({ definition }) => definition.id === 'b')?.status).toBe('unknown');
    expect(verdict.most_likely).toBe('a');
    expect(verdict.confidence).toBeLessThan(0.5);
    expect(verdict.confidence_reasons.join()).toContain('lost');
  });

  test('a cause that fails takes nothing else down; one switched off is not asked', () => {
    const broken = cause('broken', () => {
      throw new Error('boom');
    });
    const { judgements } = diagnose(fsyncTrace(2), {
      causes: [broken, cause('x', claimAll), cause('y', claimAll)],
      off: ['y'],
    });
    const status = Object.fromEntries(
      judgements.map(({ definition, status: value }) => [definition.id, value]),
    );
    expect(status).toEqual({ broken: 'error', x: 'found', y: 'off' });
  });

  test('says what to record next time', () => {
    const { next_capture } = diagnose(fsyncTrace(0.001), { causes: [asks] });
    expect(next_capture.reasons.join()).toContain('balance_dirty_pages');
    expect(next_capture.command).toMatch(/^trace-cmd record -C mono -b \d+ -e writeback/);
  });
});
