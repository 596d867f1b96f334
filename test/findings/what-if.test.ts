/** What advice says of its effect, against recordings of the same work under another setting. */
import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { openTrace } from '../../parsers/index.ts';
import { diagnose } from '../../src/findings/diagnose.ts';
import { throttleFacts } from '../../src/findings/facts/throttle.ts';
import { journalCaveat, predictPauses } from '../../src/findings/facts/what-if.ts';
import { mostDirtiedIn, predictWait } from '../../src/findings/facts/what-if-sync.ts';
import type { Facts } from '../../src/findings/facts.ts';
import { CAPTURES } from '../helpers/bytes.ts';
import { dirtying, sceneTrace, throttled } from '../helpers/scenes.ts';

const MIB = 2 ** 20;
const WHATIF = `${CAPTURES}/whatif`;

/** A writer of 400 MiB on a device of 40 MiB/s, paused at 220 of 256 MiB. */
const scene = (rows: Parameters<typeof sceneTrace>[0] = []): Facts =>
  diagnose(sceneTrace([...throttled({}), ...dirtying({ mib: 400, until_s: 9 }), ...rows])).facts;

const textOf = (effect: object) => Object.values(effect).join();

describe('pauses', () => {
  test('a model that does not give what was recorded predicts nothing, and says both', () => {
    const effect = predictPauses(scene(), '7:0', { dirty_bytes: 512 * MIB });
    expect(Object.keys(effect)).toEqual(['unpredicted']);
    expect(textOf(effect)).toMatch(/the model gives .* of pauses where 7\.\d+\ss was recorded/);
  });

  test('without what was dirtied it says what to record', () => {
    const { facts } = diagnose(sceneTrace(throttled({})));
    const effect = predictPauses(facts, '7:0', { dirty_bytes: 512 * MIB });
    expect(textOf(effect)).toMatch(/record writeback:writeback_dirty_folio/);
  });

  test('several devices are not modelled', () => {
    const facts = scene(dirtying({ mib: 400, until_s: 9, pid: 101, bdi: '8:0' }));
    expect(textOf(predictPauses(facts, '7:0', {}))).toMatch(/several devices/);
  });
});

describe('a journal that held up writers for longer than any pause', () => {
  const commit = (event: string, ts_ns: number) => {
    const about = { dev: 7 * 2 ** 20, transaction: 2, sync_commit: 0 };
    return { event, ts_ns, pid: 90, comm: 'jbd2/loop0-8', ...about };
  };
  const facts = scene([
    commit('jbd2_start_commit', 5e9),
    commit('jbd2_commit_locking', 5.001e9),
    commit('jbd2_commit_flushing', 8e9),
    commit('jbd2_commit_logging', 8.001e9),
    commit('jbd2_end_commit', 8.1e9),
  ]);
  const pauses = [{ duration_ns: 2e8 }];

  test('is said', () => {
    expect(journalCaveat(facts, '7:0', pauses)).toMatch(/for up to 3\.1\ss here/);
  });

  test('but not of another device, nor where pauses were as long', () => {
    expect(journalCaveat(facts, '8:0', pauses)).toBeUndefined();
    expect(journalCaveat(facts, '7:0', [{ duration_ns: 4e9 }])).toBeUndefined();
    expect(journalCaveat(scene(), '7:0', pauses)).toBeUndefined();
  });
});

describe('waits', () => {
  const facts = scene();

  test('amount over rate, where that is what was recorded', () => {
    const effect = predictWait(facts, { bytes: 400 * MIB, took_ns: 1e10 }, 40 * MIB, 'was dirty');
    expect(textOf(effect)).toMatch(/^at most 40\sMiB was dirty: 1\ss instead of 10\ss/);
  });

  test('a wait that the amount does not explain is not predicted', () => {
    const effect = predictWait(facts, { bytes: 4 * MIB, took_ns: 1e10 }, MIB, 'was dirty');
    expect(textOf(effect)).toMatch(/something besides the amount decides/);
  });

  test('no less than before is no effect', () => {
    const was = { bytes: 400 * MIB, took_ns: 1e10 };
    expect(textOf(predictWait(facts, was, 500 * MIB, 'x'))).toMatch(/no less than/);
    expect(textOf(predictWait(facts, was, undefined, 'x'))).toMatch(/not recorded/);
  });

  test('the most that became dirty in any stretch', () => {
    const most = mostDirtiedIn(facts, '7:0', 1e9) ?? 0;
    expect(most / MIB).toBeGreaterThan(40);
    expect(most / MIB).toBeLessThan(50);
    expect(mostDirtiedIn(facts, '7:0', 1e11)).toBe(400 * MIB);
  });
});

describe.skipIf(!existsSync(WHATIF))('recordings of the same work under other limits', () => {
  const load = async (name: string): Promise<Facts> =>
    diagnose(await openTrace(`${WHATIF}/${name}`, {})).facts;
  const recordedPeak = ({ dirty, pageSize }: Facts) =>
    Math.max(...(dirty?.level_pages ?? [])) * pageSize;

  test.each(['dirty-bytes-64M', 'dirty-bytes-128M'])(
    '%s under 512 MiB: no pause, and the level of the recording',
    async (name) => {
      const [facts, other] = [await load(name), await load('dirty-bytes-512M')];
      const trial = { dirty_bytes: 512 * MIB, background_bytes: 256 * MIB };
      const text = textOf(predictPauses(facts, '7:0', trial));
      expect(other.once(throttleFacts).pauses).toEqual([]);
      expect(text).toMatch(/^none of the \d+\spauses would have been/);
      const [, peak = 'NaN'] = /with up to (\d+)\sMiB dirty/.exec(text) ?? [];
      expect(Math.abs(Number(peak) * MIB - recordedPeak(other))).toBeLessThan(10 * MIB);
    },
    60_000,
  );

  test('64 MiB under 128 MiB: within 5 % of the recording', async () => {
    const [facts, other] = [await load('dirty-bytes-64M'), await load('dirty-bytes-128M')];
    const trial = { dirty_bytes: 128 * MIB, background_bytes: 64 * MIB };
    const text = textOf(predictPauses(facts, '7:0', trial));
    const [, lost = 'NaN'] = /^about ([\d.]+)\ss lost/.exec(text) ?? [];
    const recorded = other.once(throttleFacts).paused_ns / 1e9;
    expect(Math.abs(Number(lost) - recorded)).toBeLessThan(0.05 * recorded);
  }, 60_000);
});
