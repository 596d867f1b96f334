/** What weakens every answer: each weakness lowers the confidence and is named. */
import { describe, expect, test } from 'vitest';
import { diagnose } from '../../src/findings/diagnose.ts';
import { DiagnosticCollector } from '../../src/trace/diagnostics.ts';
import type { Loss, Trace } from '../../src/trace/trace.ts';
import { withoutEvents } from '../helpers/cause-tests.ts';
import { fsync, level, readings, sceneTrace, sync, throttled } from '../helpers/scenes.ts';

const STORM = [...readings({ dirty: 200 }), ...sync({ from_s: 2, for_s: 4 })];
const verdictOf = (trace: Trace) => diagnose(trace).verdict;
const usual = verdictOf(sceneTrace(STORM)).confidence;

function damaged(...add: Parameters<DiagnosticCollector['add']>): Trace {
  const collector = new DiagnosticCollector();
  collector.add(...add);
  return { ...sceneTrace(STORM), diagnostics: collector.list() };
}

describe('loss', () => {
  const lossy = (count: number | undefined) => {
    const loss: Loss = { cpu: 1, from_ns: 7e9, ts_ns: 9e9, count };
    return verdictOf(sceneTrace(STORM, { losses: [loss] }));
  };

  test('in proportion to what was lost; the count is named once', () => {
    const { confidence, confidence_reasons } = lossy(103 / 3);
    expect(confidence).toBeCloseTo(0.75 * usual, 1);
    expect(confidence_reasons.filter((reason) => /lost/.test(reason))).toHaveLength(1);
  });

  test('most lost: below even odds, so that nothing is named for sure', () => {
    const verdict = lossy(500);
    expect(verdict).toMatchObject({ root_cause: 'inconclusive', most_likely: 'sync-storm' });
    expect(verdict.confidence).toBeLessThan(0.45);
  });

  test('an unknown number of lost events counts by the time of the gaps', () => {
    const { confidence, confidence_reasons } = lossy(undefined);
    expect(confidence).toBeCloseTo(0.8 * usual, 2);
    expect(confidence_reasons.join()).toMatch(/were lost while recording, in 2\ss of the capture/);
  });
});

describe('damage', () => {
  test('records that could not be read', () => {
    const { confidence, confidence_reasons } = verdictOf(damaged('record_damaged', 12, {}));
    expect(confidence).toBeCloseTo(0.9 * usual, 5);
    expect(confidence_reasons[1]).toMatch(/^12 damaged records/);
  });

  test('notices weaken nothing', () => {
    expect(verdictOf(damaged('page_size_assumed', undefined)).confidence).toBe(usual);
  });

  test('a counter below zero weakens where causes judge by it', () => {
    const subject = (name: string) =>
      verdictOf(damaged('counter_below_zero', 3, { subject: name }));
    expect(subject('global_dirty_state.dirty_thresh_pages').confidence).toBeLessThan(usual);
    // That is what counter-underflow finds by itself.
    expect(subject('global_dirty_state.nr_dirty_pages').confidence).toBe(usual);
    expect(subject('block_rq_complete.sector').confidence).toBe(usual);
  });
});

test('numbers that do not obey the laws: this kernel may decide otherwise', () => {
  // The limit of each event is not the threshold of the reading before it.
  const odd = throttled({}).map((row) =>
    row.event === 'balance_dirty_pages' ? { ...row, limit_pages: 70000 } : row,
  );
  const { confidence, confidence_reasons } = verdictOf(sceneTrace(odd));
  expect(confidence_reasons.join()).toMatch(/Only [\d.]+% of the kernel's numbers obey/);
  expect(confidence).toBeLessThan(0.9);
});

test('a moment is not a capture', () => {
  const short = verdictOf(sceneTrace(fsync({ from_s: 0.1, for_s: 0.3 }), { end_s: 0.5 }));
  expect(short.confidence_reasons.join()).toMatch(/no more than 500\sms/);
});

describe('nothing stalled', () => {
  const silent = ['balance_dirty_pages', 'sys_enter_fsync', 'mm_vmscan_direct_reclaim_begin'];
  const calm = sceneTrace([level(1)], { silent });

  test('is sure where every kind of wait would have been seen', () => {
    expect(verdictOf(calm)).toMatchObject({ root_cause: 'none', confidence: 1 });
  });

  test('is less sure for each kind that was not recorded', () => {
    const { confidence, confidence_reasons } = verdictOf(withoutEvents(calm, silent.slice(1)));
    expect(confidence).toBeCloseTo(0.64, 5);
    expect(confidence_reasons).toEqual([
      'Waits in fsync and sync were not recorded (sys_enter_fsync).',
      'Waits in memory reclaim were not recorded (mm_vmscan_direct_reclaim_begin).',
    ]);
  });

  test('cannot be said where no wait would have been seen', () => {
    expect(verdictOf(withoutEvents(calm, silent)).root_cause).toBe('inconclusive');
  });
});

test('a table without the columns that are needed is not recorded, and says which', () => {
  const bare = throttled({}).map(({ event, ts_ns, pid = 1, comm = '', ...fields }) => {
    const { limit_pages: _, ...others } = fields;
    return { event, ts_ns, pid, comm, ...others };
  });
  const { judgements } = diagnose(sceneTrace(bare));
  const judgement = judgements.find(({ definition }) => definition.id === 'bdi-limited');
  expect(judgement).toMatchObject({
    status: 'unknown',
    summary: 'balance_dirty_pages was recorded without limit_pages.',
  });
});
