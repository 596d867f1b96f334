import { describe, expect, test } from 'vitest';
import { compareCaptures } from '../../../src/findings/against/compare.ts';
import type { Comparison } from '../../../src/findings/against/comparison.ts';
import { Context } from '../../../src/findings/context.ts';
import { diagnose } from '../../../src/findings/diagnose.ts';
import { dirtyLevels } from '../../../src/findings/sections/dirty-levels.ts';
import { stallList } from '../../../src/findings/sections/stall-list.ts';
import type { Trace } from '../../../src/trace/trace.ts';
import { withLoss } from '../../helpers/cause-tests.ts';
import { dirtying, fsync, level, sceneTrace, throttled } from '../../helpers/scenes.ts';

const SECTIONS = [dirtyLevels, stallList];
const WORK = dirtying({ mib: 300, until_s: 9 });
const READINGS = Array.from({ length: 100 }, (_, nth) => ({
  ...level(nth / 10, { pid: 9, comm: 'reader', written: nth }),
  nr_dirtied_pages: nth * 768,
}));

const slow = (pause_ms = 180) => sceneTrace([...READINGS, ...throttled({ pause_ms }), ...WORK]);
const free = sceneTrace([...READINGS, ...WORK], { silent: ['balance_dirty_pages'] });

function compare(
  before: Trace,
  after: Trace,
  options: Partial<Parameters<typeof compareCaptures>[2]> = {},
): Comparison {
  const [first, second] = [before, after].map((trace) => new Context(diagnose(trace))) as [
    Context,
    Context,
  ];
  return compareCaptures(first, second, { sections: SECTIONS, ...options });
}

const numberOf = ({ numbers }: Comparison, name: string) =>
  numbers.find((entry) => entry.name === name);
const ALL = 'Waited, all tasks together';

describe('the answer', () => {
  test('the same capture is called that, and nothing is compared', () => {
    const found = compare(slow(), slow());
    expect(found.answer).toBe('same-capture');
    expect(found.sentence).toMatch(/^These are the same/);
    expect(found.setup).toEqual([]);
    expect(new Set(found.numbers.map(({ judged }) => judged))).toEqual(new Set(['same']));
  });

  test('waits that are gone are better', () => {
    const found = compare(slow(), free);
    expect(found.answer, found.sentence).toBe('better');
    expect(found.sentence).toMatch(
      /^It became better: tasks waited 7\.\d+\ss before and not at all/,
    );
    expect(numberOf(found, ALL)).toMatchObject({ judged: 'better', after: 0 });
    expect(found.causes[0]).toMatchObject({ judged: 'better', before: 'found', after: 'clear' });
  });

  test('and the other way round worse', () => {
    const found = compare(free, slow());
    expect(found.answer, found.sentence).toBe('worse');
    expect(found.detail).toMatch(/^Most time is now lost to: /);
  });

  test('what ticks could make is no difference', () => {
    const found = compare(slow(180), slow(176));
    expect(numberOf(found, ALL)?.judged).toBe('same');
    expect(found.answer, found.sentence).toBe('no-difference');
  });

  test('other work is named, and nothing of it praised', () => {
    const backup = dirtying({ mib: 300, until_s: 9, pid: 77, comm: 'backup' });
    const other = sceneTrace([...READINGS, ...backup], { silent: ['balance_dirty_pages'] });
    const found = compare(slow(), other);
    expect(found.answer).toBe('other-work');
    expect(found.sentence).toMatch(/nothing of what was dirtied was dirtied by tasks of the same/);
    expect(found.numbers.map(({ judged }) => judged)).not.toContain('better');
    expect(found.setup.map(({ name }) => name)).toContain('Who dirtied');
  });

  test('a program that syncs is other work than one that does not', () => {
    const syncs = Array.from({ length: 30 }, (_, nth) =>
      fsync({ from_s: 1 + nth / 10, for_s: 0.02 }),
    );
    const quiet = sceneTrace([...READINGS, ...WORK], { silent: ['sys_enter_fsync'] });
    const found = compare(quiet, sceneTrace([...READINGS, ...WORK, ...syncs.flat()]));
    expect(found.answer).toBe('other-work');
    expect(found.sentence).toMatch(/fsync and sync were called 0 times before, 30 after/);
  });

  test('with most events lost nothing can be told, and values are lower ends', () => {
    const found = compare(withLoss(slow(), 0.9), free);
    expect(found.answer).toBe('unknown');
    expect(found.sentence).toMatch(/90% of the events before were lost.*at least 7/);
    // What was seen is a lower end: it proves a fall, and no rise.
    expect(numberOf(found, ALL)?.judged).toBe('better');
    expect(numberOf(compare(withLoss(slow(), 0.9), slow(199)), ALL)?.judged).toBe('unclear');
    expect(found.reasons.join()).toMatch(/lower ends/);
  });

  test('nothing is known of a place that one capture did not watch', () => {
    const blind = sceneTrace([...READINGS, ...WORK]);
    const found = compare(slow(), blind);
    expect(numberOf(found, 'Pauses of writers')?.judged).toBe('unknown');
    expect(found.setup.find(({ name }) => name === 'Events only there')?.before).toMatch(
      /balance_dirty_pages/,
    );
  });
});

describe('the set-up', () => {
  test('knobs, kernel and length are said', () => {
    const before = { ...slow(), host: { sysctl: { 'vm.dirty_bytes': '268435456' } } };
    const host = { sysctl: { 'vm.dirty_bytes': '67108864' } };
    const meta = { ...free.meta, kernel: '6.19.0', duration_ns: 4e9 };
    const { setup } = compare(before, { ...free, host, meta });
    const said = setup.map(({ name, before: a, after: b }) => `${name}: ${a}, ${b}`);
    expect(said).toContain('vm.dirty_bytes: 256\u00a0MiB, 64\u00a0MiB');
    expect(said.join('; ')).toMatch(/Kernel: .*, 6\.19\.0/);
    expect(said.join('; ')).toMatch(/Length: 10\ss, 4\ss/);
  });
});

describe('the axis', () => {
  test('zero is where the work began, stated or seen', () => {
    const late = sceneTrace([...READINGS, ...dirtying({ mib: 300, from_s: 2, until_s: 9 })]);
    const { alignment, sections } = compare(slow(), late);
    expect(alignment.by).toBe('workload');
    expect(alignment.origins_ns).toEqual({ before: 0, after: 2e9 });
    expect(alignment.window_ns).toEqual([-2e9, 10e9]);
    const charts = sections.flatMap(({ details }) =>
      details.filter(({ kind }) => kind === 'timeline'),
    );
    for (const chart of charts) {
      expect(chart).toMatchObject({ window_ns: [-2e9, 10e9], zero: 'the work began' });
    }
  });

  test('a stated start counts when it lies in the capture', () => {
    const stated = (trace: Trace, s: number): Trace => {
      const workload_start_ns = trace.meta.origin_ns + BigInt(s * 1e9);
      return { ...trace, host: { workload_start_ns } };
    };
    const { origins_ns } = compare(stated(slow(), 1), stated(free, 3)).alignment;
    expect(origins_ns).toEqual({ before: 1e9, after: 3e9 });
    const far = compare(stated(slow(), 1), stated(free, 300)).alignment;
    expect(far.origins_ns).toEqual({ before: 0, after: 0 });
  });

  test('or as somebody says', () => {
    expect(compare(slow(), free, { align: 'start' }).alignment).toMatchObject({
      by: 'start',
      window_ns: [0, 10e9],
    });
    const { alignment } = compare(slow(), free, { align: [1, 4] });
    expect(alignment.origins_ns).toEqual({ before: 1e9, after: 4e9 });
  });

  test('each section has both, on one scale; rows keep their times and jump on the axis', () => {
    const { sections } = compare(slow(), slow(100), { align: [1, 4] });
    const levels = sections.find(({ id }) => id === 'dirty-levels')?.details ?? [];
    expect(levels.map(({ id, side }) => [id, side])).toEqual([
      ['before-dirty-levels', 'before'],
      ['after-dirty-levels', 'after'],
    ]);
    const extents = levels.map((one) => (one.kind === 'timeline' ? one.extent : undefined));
    expect(extents[0]).toEqual(extents[1]);
    const list = sections.find(({ id }) => id === 'stall-list')?.details ?? [];
    const [, after] = list;
    if (after?.kind !== 'table') throw new Error('a table of each');
    const [row] = after.rows;
    expect((after.windows_ns?.[0]?.[0] ?? 0) / 1e9).toBeCloseTo(Number(row?.at) - 4, 6);
  });
});
