/**
 * The verdict of every recorded incident whose cause is known. The captures lie outside of the
 * repository; the rules are written from mechanisms, and these are a check, not a source.
 */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { openTrace } from '../../parsers/index.ts';
import { diagnose } from '../../src/findings/diagnose.ts';
import { ORDER } from '../../src/findings/verdict.ts';
import { ROOT } from '../helpers/bytes.ts';
import { soundly } from '../helpers/sound-diagnosis.ts';

const SHARED = `${ROOT}../shared/captures/incidents/`;

/** Who must be among the victims, and on which bdi; only where the answer names somebody. */
const INCIDENTS: readonly (readonly [name: string, victim?: string])[] = [
  ['bdi-limit', 'fio'],
  ['btrfs-meta', 'python3'],
  ['fsync-bulk', 'fio'],
  ['fuse-stuck', 'fio'],
  ['healthy'],
  ['journal', 'sync'],
  ['knob', 'fio'],
  ['lossy', 'fio'],
  ['memcg', 'fio'],
  ['noisy-bdi', 'fio'],
  ['periodic', 'fio'],
  ['pressure'],
  ['slow-device', 'fio'],
  ['small-limit', 'fio'],
  ['sync-storm', 'sync'],
];

type Truth = {
  readonly root_cause: string;
  readonly bdi?: string;
  readonly victim_bdi?: string;
  readonly lost_events?: boolean;
};

describe.skipIf(!existsSync(SHARED))('verdicts of recorded incidents', () => {
  test.each(INCIDENTS)('%s', { timeout: 60_000 }, async (name, victim) => {
    const truth: Truth = JSON.parse(readFileSync(`${SHARED}${name}/truth.json`, 'utf8'));
    const trace = await openTrace(`${SHARED}${name}/trace.dat.gz`);
    const { verdict, judgements } = soundly(trace);
    const named = verdict.most_likely ?? verdict.root_cause;
    expect(named).toBe(truth.root_cause);
    if (truth.lost_events === true) {
      expect(verdict.confidence).toBeLessThan(0.5);
      expect(verdict.confidence_reasons.join(' ')).toMatch(/lost/);
    } else {
      expect(verdict.root_cause).toBe(truth.root_cause);
      expect(verdict.confidence).toBeGreaterThan(0.5);
    }
    const judgement = judgements.find(({ definition }) => definition.id === named);
    if (truth.root_cause === 'none') {
      const found = judgements.flatMap(({ ranked }) => (ranked === undefined ? [] : [ranked]));
      const loud = found.filter(
        ({ severity }) => ORDER.indexOf(severity) > ORDER.indexOf('notice'),
      );
      expect(loud.map(({ definition }) => definition.id)).toEqual([]);
      return;
    }
    if (victim !== undefined) {
      expect(judgement?.victims.map(({ comm }) => comm)).toContain(victim);
    }
    const bdi = truth.victim_bdi ?? truth.bdi;
    if (bdi !== undefined) expect(judgement?.ranked?.outcome.bdi).toBe(bdi);
    expect(judgement?.ranked?.outcome.evidence.length).toBeGreaterThan(0);
    expect(judgement?.ranked?.outcome.advice.length).toBeGreaterThan(0);
  });

  test('windows of the two that have a beginning and an end', async () => {
    // In both, the workload was told when to begin: see the README of the captures.
    const window = async (name: string) => {
      const trace = await openTrace(`${SHARED}${name}/trace.dat.gz`);
      const { judgements, verdict } = diagnose(trace);
      const found = judgements.find(({ definition }) => definition.id === verdict.root_cause);
      const start = Number((trace.host.workload_start_ns ?? 0n) - trace.meta.origin_ns);
      return found?.ranked?.outcome.window_ns.map((ns) => (ns - start) / 1e9) ?? [];
    };
    const [changed] = await window('knob');
    expect(Math.abs((changed ?? 0) - 5)).toBeLessThan(0.2);
    const [stopped = 0, resumed = 0] = await window('fuse-stuck');
    expect(Math.abs(stopped - 3)).toBeLessThan(0.2);
    expect(Math.abs(resumed - 9)).toBeLessThan(0.2);
  });
});
