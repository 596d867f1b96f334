/** FUSE writeback through its designs: what counters show, who waits, and for what. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dirtyableMemory, domainDirtyLimits, freerunCeiling } from '../../../src/model/limits.ts';
import { decidePause } from '../../../src/model/pause.ts';
import { CounterBook } from '../../../src/model/policies/counters.ts';
import { design2007, inPlace, perEntry, tempPages } from '../../../src/model/policies/fuse/fuse.ts';
import {
  clippedLimit2007,
  fuseLimits,
  NUMWRITE_LIMIT,
} from '../../../src/model/policies/fuse/fuse-limits.ts';
import {
  COPY_ERAS,
  COPY_MOVES,
  type CopyEra,
  postFailedCopy,
  postMoves,
  syncWaits,
} from '../../../src/model/policies/fuse/writeback-copy.ts';
import type { HistoryEvent } from '../../../src/model/policies/history.ts';
import type { PolicyFactory, RunFacts } from '../../../src/model/policies/policy.ts';
import { SystemRun } from '../../../src/model/policies/system-run.ts';
import { positionRatio } from '../../../src/model/position-ratio.ts';
import { updateTaskRatelimit } from '../../../src/model/ratelimit.ts';
import type { SwitchValues } from '../../../src/model/switches.ts';
import { asPages } from '../../../src/trace/units.ts';
import { data, facts, history, PAGE } from './histories.ts';

const POLICIES: Readonly<Record<CopyEra, PolicyFactory>> = {
  'design-2007': design2007,
  'temp-pages': tempPages,
  'per-entry': perEntry,
  'in-place': inPlace,
};

const fuseFacts = (switches: SwitchValues = {}): RunFacts => ({
  ...facts(switches),
  fuse_wbs: new Set([1]),
});

const runOf = (era: CopyEra, switches: SwitchValues = {}) =>
  new SystemRun({ copy: POLICIES[era] }, fuseFacts(switches));

describe('the share of a connection', () => {
  test('of a machine with 16 GiB available', () => {
    const settings = {
      dirty_ratio: 20,
      background_ratio: 10,
      dirty_bytes: 0,
      background_bytes: 0,
    };
    const available = dirtyableMemory(asPages(4_194_303), asPages(0), asPages(0), asPages(0));
    const rules = { page_size: PAGE, boost: 'none' } as const;
    const { thresh, background } = domainDirtyLimits(settings, available, asPages(0), rules);
    expect([thresh, background]).toEqual([838_656, 418_816]);
    expect(fuseLimits(thresh, background)).toEqual({
      thresh: 8386,
      background: 4187,
      setpoint: 6286,
    });
    expect(freerunCeiling(thresh, background)).toBe(628_736);
    expect(((6286 * PAGE) / 2 ** 20).toFixed(1)).toBe('24.6');
  });

  test('writers are first paused at 24.6 MiB of it, far below the freerun of the machine', () => {
    const at = (pages: number) => {
      const run = runOf('in-place');
      run.feed(data('dirty', { bytes: pages * PAGE }));
      run.feed({ type: 'limits', ts_ns: 1e9, thresh: 838_656, background: 418_816 });
      expect(run.level()?.dirty).toBeLessThan(run.level()?.freerun ?? Number.NaN);
      return run.notes()[0];
    };
    expect(at(6286)).toContain('never held by their own limit');
    expect(at(6287)).toContain('share of 8386 pages is steered from 6286 pages on');
  });

  test('a task is paused for the share of the connection that it writes to, no other task', () => {
    const write = (switches: SwitchValues) => {
      const run = runOf('in-place', switches);
      const limits = { type: 'limits', thresh: 838_656, background: 418_816 } as const;
      run.feed({ ...limits, ts_ns: 0 });
      for (let page = 0; page < 6500; page++) {
        for (const wb of [1, 2]) {
          const at = { start: page * PAGE, ts_ns: page + 1, pid: 10 + wb, wb, file: wb };
          run.feed(data('dirty', at));
        }
      }
      run.feed({ ...limits, ts_ns: 1e9 });
      const throttled = (pid: number) => run.entries().find((task) => task.pid === pid)?.throttled;
      return { fuse: throttled(11), other: throttled(12), stretches: run.throttled.length };
    };
    // 213 pages above the 6286 where pauses begin; a new task looks every 32 pages.
    expect(write({})).toEqual({ fuse: Math.ceil(213 / 32), other: 0, stretches: 1 });
    expect(write({ 'fuse.strictlimit': false })).toEqual({ fuse: 0, other: 0, stretches: 0 });
  });

  test('of a limit of 1 GiB', () => {
    expect(fuseLimits(262_144, 131_072).thresh).toBe(2621);
  });

  test.each([
    [1, 2621],
    [5, 13_107],
    [100, 262_144],
  ])('max_ratio %i: %i pages', (percent, pages) => {
    expect(fuseLimits(262_144, 131_072, percent).thresh).toBe(pages);
  });

  test('of a bdi that nothing was written to: none until 6.12, the whole cap since 6.17', () => {
    const fraction = { numerator: 0, denominator: 1 };
    expect(fuseLimits(262_144, 131_072, 1, { fraction }).thresh).toBe(0);
    expect(fuseLimits(262_144, 131_072, 1, { fraction, dirty: 0 }).thresh).toBe(2621);
  });

  test('until 6.12 the first 8 pages pass at double rate, then nothing does', () => {
    const ratio = (wb_dirty: number, floored: boolean, wb_thresh: number) =>
      positionRatio(
        {
          thresh: 262_144,
          background: 131_072,
          limit: 262_144,
          dirty: 0,
          wb_thresh,
          wb_background: Math.floor(wb_thresh / 2),
          wb_dirty,
        },
        0,
        { strictlimit: true, floored },
      );
    expect([ratio(0, false, 0), ratio(7, false, 0), ratio(8, false, 0)]).toEqual([2048, 2048, 0]);
    expect(ratio(8, true, 2621)).toBeGreaterThan(1024);
    expect(ratio(2621, true, 2621)).toBe(0);
  });

  test('the first design leaves a bdi what the machine has left', () => {
    const held = { dirty: 600, writeback: 200, unstable: 0, temp: 100, own: 50 };
    expect(clippedLimit2007(400, 1000, held)).toBe(150);
    expect(clippedLimit2007(100, 1000, held)).toBe(100);
  });
});

describe('a server that hangs while a writer goes on', () => {
  const cap = 2621;

  /** The writer dirties, the flusher writes, nobody answers after the first page. */
  function hung(era: CopyEra) {
    const run = runOf(era, { 'fuse.stuck-at': 0 });
    run.feed({ type: 'limits', ts_ns: 0, thresh: 262_144, background: 131_072 });
    for (let page = 0; page < 2 * cap; page++) {
      const at = { start: page * PAGE, ts_ns: page + 1 };
      run.feed(data('dirty', { ...at, pid: 7 }));
      run.feed(data('claim', at));
      run.feed(data('start-writeback', at));
      run.feed(data('end-writeback', at));
    }
    return run;
  }

  test('with copies: they fill the share, the machine does not see them', () => {
    const { book } = hung('temp-pages');
    expect(book.get('NR_WRITEBACK')).toBe(0);
    expect(book.get('NR_WRITEBACK_TEMP')).toBe(cap);
    expect(hung('temp-pages').usage().memory_bytes).toBe(10_735_616);
    expect(hung('temp-pages').inputs()).toMatchObject({ nr_dirty: 0, nr_writeback: 0 });
    expect(hung('temp-pages').wbDirty(1)).toBe(cap);
  });

  test('copies may be made to count', () => {
    const run = new SystemRun({ copy: tempPages }, fuseFacts({ 'fuse.count-temp': true }));
    run.feed(data('dirty', {}));
    run.feed(data('claim', {}));
    run.feed(data('start-writeback', {}));
    expect(run.inputs()).toMatchObject({ nr_dirty: 0, nr_writeback: 1 });
  });

  test.each(['per-entry', 'in-place'] as const)('%s: pages stay under writeback', (era) => {
    const run = hung(era);
    expect(run.book.get('NR_WRITEBACK')).toBe(cap);
    expect(run.inputs()).toMatchObject({ nr_writeback: cap });
    expect(run.usage().memory_bytes).toBe(0);
    expect(run.wbDirty(1)).toBe(cap);
  });

  test('the writer is then allowed nothing', () => {
    const at = {
      thresh: 262_144,
      background: 131_072,
      limit: 262_144,
      dirty: 0,
      wb_thresh: cap,
      wb_background: 1310,
      wb_dirty: cap,
    };
    const ratio = positionRatio(at, 0, { strictlimit: true, floored: true });
    expect(ratio).toBe(0);
    const jiffies = 250 / 5;
    const plan = { max_pause: jiffies, min_pause: jiffies / 2, next_dirtied_pause: 32 };
    const decision = { sleeps: false, printed_pause: 0, period: 0, now_advance: 0, raw_pause: 0 };
    decidePause(32, updateTaskRatelimit(1000, ratio), 0, plan, 250, decision);
    expect(decision).toMatchObject({ sleeps: true, printed_pause: jiffies });
    expect((1000 * jiffies) / 250).toBe(200);
  });

  test('it goes on after a while, and everything is answered', () => {
    const run = runOf('temp-pages', { 'fuse.stuck-at': 0, 'fuse.stuck-for': 1 });
    for (const kind of ['dirty', 'claim', 'start-writeback', 'end-writeback'] as const) {
      run.feed(data(kind, { ts_ns: 5 }));
    }
    expect(run.book.get('NR_WRITEBACK_TEMP')).toBe(1);
    run.feed({ type: 'limits', ts_ns: 2e9, thresh: 262_144, background: 131_072 });
    expect(run.book.get('NR_WRITEBACK_TEMP')).toBe(0);
    expect(run.book.get('WB_WRITTEN')).toBe(1);
  });
});

test.each([
  ['temp-pages', 1000, 0],
  ['in-place', 0, 0],
  ['per-entry', 0, 0],
] as const)('%s, 1000 pages at once: %i written at once, %i for the bdi', (era, node, wb) => {
  const run = runOf(era);
  for (let page = 0; page < 1000; page++) {
    for (const kind of ['dirty', 'claim', 'start-writeback'] as const) {
      run.feed(data(kind, { start: page * PAGE }));
    }
  }
  expect(run.book.get('NR_WRITTEN')).toBe(node);
  expect(run.book.get('WB_WRITTEN')).toBe(wb);
  for (let page = 0; page < 1000; page++) {
    run.feed(data('end-writeback', { start: page * PAGE, ts_ns: 1e6 * (page + 1) }));
    expect(run.book.get('WB_WRITTEN')).toBe(page + 1);
    expect(run.book.get('NR_WRITTEN')).toBe(era === 'temp-pages' ? 1000 : page + 1);
  }
});

test('6.16 and 6.17: a folio of 2 MiB in one entry is 512 pages of the node, 1 of the bdi', () => {
  const run = runOf('per-entry', { 'fuse.entry-pages': 512 });
  for (const kind of ['dirty', 'claim', 'start-writeback'] as const) {
    run.feed(data(kind, { bytes: 512 * PAGE }));
  }
  expect(run.book.get('NR_WRITEBACK')).toBe(512);
  expect(run.book.get('WB_WRITEBACK')).toBe(1);
});

describe('allocating tasks sleep', () => {
  const sleeps = (pages: number, switches: SwitchValues, thresh = 10_000) => {
    const run = runOf('in-place', switches);
    const bytes = pages * PAGE;
    for (const kind of ['dirty', 'claim', 'start-writeback'] as const)
      run.feed(data(kind, { bytes }));
    run.feed({ type: 'limits', ts_ns: 1e9, thresh, background: thresh / 2 });
    run.feed({ type: 'limits', ts_ns: 2e9, thresh, background: thresh / 2 });
    return run.notes().some((note) => note.startsWith('allocating tasks sleep'));
  };

  test('above 1.1 times the limit until 4.8: 11,000 pages of 10,000', () => {
    const rule = { 'vm.throttle-writeout': 'limit' } as const;
    expect([sleeps(11_000, rule), sleeps(11_001, rule)]).toEqual([false, true]);
    expect(sleeps(20_000, {})).toBe(false);
  });

  test('by the alternative at three quarters of a zone: 3072 of 4096', () => {
    const rule = { 'vm.throttle-writeout': 'zone', 'vm.zone-pages': 4096 } as const;
    expect([sleeps(3071, rule), sleeps(3072, rule)]).toEqual([false, true]);
  });
});

test('the first design: the 33rd page waits', () => {
  const run = runOf('design-2007');
  for (let page = 0; page < 33; page++) {
    for (const kind of ['dirty', 'claim', 'start-writeback'] as const) {
      run.feed(data(kind, { start: page * PAGE }));
    }
  }
  expect(run.book.get('NR_WRITEBACK_TEMP')).toBe(32);
  expect(run.notes().join('\n')).toContain('1 page writes wait');
  run.feed(data('end-writeback', {}));
  expect(run.book.get('NR_WRITEBACK_TEMP')).toBe(32);
  expect(run.book.get('WB_WRITTEN')).toBe(1);
});

test.each([
  ['design-2007', 'sync', false, false],
  ['temp-pages', 'sync', false, false],
  ['per-entry', 'sync', false, true],
  ['in-place', 'sync', true, false],
  ['in-place', 'sync', false, true],
  ['temp-pages', 'fsync', false, true],
  ['in-place', 'fsync', true, true],
] as const)('%s: does %s wait for a hung server (skipped: %s)? %s', (era, call, skips, waits) => {
  expect(syncWaits(era, call, skips)).toBe(waits);
});

test('syncs that would have waited are told, with how long', () => {
  const feed = (era: CopyEra) => {
    const run = runOf(era);
    const request = { type: 'request', wb: 1, bytes: 4176 } as const;
    const events: HistoryEvent[] = [
      data('dirty', { ts_ns: 1e9 }),
      { ...request, change: 'sent', ts_ns: 2e9 },
      { type: 'sync', call: 'sync', ts_ns: 3e9, pid: 5, wb: -1 },
      { ...request, change: 'answered', ts_ns: 8e9 },
      data('claim', { ts_ns: 8.5e9 }),
      data('start-writeback', { ts_ns: 8.5e9 }),
      data('end-writeback', { ts_ns: 9e9 }),
    ];
    for (const event of events) run.feed(event);
    return run.notes().join('\n');
  };
  expect(feed('per-entry')).toContain(
    'sync(2) of task 5 at 3.000 s waits at least 5.000 s, at most 6.000 s',
  );
  expect(feed('per-entry')).toContain('no answer from 2.000 s to 8.000 s');
  expect(feed('temp-pages')).toContain('0 of 1 recorded syncs wait');
  expect(feed('in-place')).toContain('a sync(2) called then returns');
});

test('at the instant of the copy a page is in both counts, and never after it', () => {
  const book = new CounterBook();
  const one = { wb: 1, pages: 1, entries: 1 };
  const sums = COPY_MOVES['temp-pages'].start.map((move) => {
    postMoves(book, [move], one);
    return book.get('NR_WRITEBACK') + book.get('NR_WRITEBACK_TEMP');
  });
  expect(Math.max(...sums)).toBe(2);
  expect(sums.at(-1)).toBe(1);
});

test('a copy that cannot be allocated: written all the same, except in 6.12', () => {
  for (const [allocatesFirst, written] of [
    [false, 3],
    [true, 0],
  ] as const) {
    const book = new CounterBook();
    postFailedCopy(book, 3, allocatesFirst);
    expect(book.get('NR_WRITTEN')).toBe(written);
    expect(book.get('NR_WRITEBACK_TEMP')).toBe(0);
  }
});

describe('for every history', () => {
  const anyHistory = history({ folioPages: [1, 8] });

  test.each(COPY_ERAS)('%s conserves pages', (era) => {
    const property = fc.property(anyHistory, (events) => {
      const run = runOf(era);
      const of = (name: Parameters<typeof run.book.get>[0]) => run.book.get(name);
      const cancelled = () => of('cancelled_write_bytes') / PAGE;
      const claimed = () =>
        of('WB_DIRTIED') -
        of('WB_RECLAIMABLE') -
        of('WB_WRITEBACK') -
        of('WB_WRITTEN') -
        cancelled();
      for (const event of events) {
        run.feed(event);
        // Pages that were taken for writing and not yet started are in no count.
        expect(claimed()).toBeGreaterThanOrEqual(0);
        for (const name of run.counters) expect(of(name), name).toBeGreaterThanOrEqual(0);
      }
      expect(claimed()).toBe(0);
      expect(of('NR_DIRTIED')).toBe(of('NR_FILE_DIRTY') + of('NR_WRITTEN') + cancelled());
    });
    fc.assert(property, { numRuns: 150 });
  });

  test('a server that answers at once makes copies and pages in place the same', () => {
    const property = fc.property(anyHistory, (events) => {
      const runs = (['temp-pages', 'in-place', 'per-entry'] as const).map((era) => runOf(era));
      for (const event of events) {
        if (event.type === 'data' && event.kind === 'end-writeback') continue;
        for (const run of runs) {
          run.feed(event);
          if (event.type !== 'data' || event.kind !== 'start-writeback') continue;
          run.feed({ ...event, kind: 'end-writeback' });
        }
        const seen = runs.map((run) => [run.wbDirty(1), run.book.get('WB_WRITTEN')]);
        expect(seen[1]).toEqual(seen[0]);
        expect(seen[2]).toEqual(seen[0]);
        expect(runs.map(({ book }) => book.get('NR_WRITEBACK_TEMP'))).toEqual([0, 0, 0]);
      }
    });
    fc.assert(property, { numRuns: 150 });
  });

  test('of other bdis every design counts alike', () => {
    const property = fc.property(anyHistory, fc.constantFrom(...COPY_ERAS), (events, era) => {
      const own = new SystemRun({ copy: POLICIES[era] }, { ...facts(), fuse_wbs: new Set([2]) });
      const plain = new SystemRun({}, facts());
      for (const event of events) {
        own.feed(event);
        plain.feed(event);
      }
      for (const name of plain.counters) expect(own.book.get(name)).toBe(plain.book.get(name));
    });
    fc.assert(property, { numRuns: 80 });
  });

  test('never more than 32 pages are in flight in the first design', () => {
    const property = fc.property(history({ folioPages: [1, 8, 64] }), (events) => {
      const run = runOf('design-2007');
      for (const event of events) {
        run.feed(event);
        expect(run.book.get('NR_WRITEBACK_TEMP')).toBeLessThanOrEqual(NUMWRITE_LIMIT);
      }
      expect(run.book.get('NR_WRITEBACK_TEMP')).toBe(0);
    });
    fc.assert(property, { numRuns: 100 });
  });
});
