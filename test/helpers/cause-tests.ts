/** The four tests that every cause must pass, from scenes. */
import { describe, expect, test } from 'vitest';
import type { CauseFound } from '../../src/findings/cause.ts';
import { CAUSES } from '../../src/findings/causes/index.ts';
import type { Judgement } from '../../src/findings/diagnose.ts';
import type { Trace } from '../../src/trace/trace.ts';
import { totalEvents } from '../../src/trace/trace.ts';
import { soundly } from './sound-diagnosis.ts';

export type Expected = {
  readonly scene: Trace;
  /** Who waited, most first; nobody where the fault costs no time by itself. */
  readonly victims: readonly string[];
  readonly bdi?: string;
  /** Seconds that all victims lost. */
  readonly lost_s: number;
  readonly within_s?: number;
  /** Names of culprits that must be among those named. */
  readonly culprits?: readonly string[];
  readonly summary?: RegExp;
  /** What the verdict names, where that is not this cause. */
  readonly verdict?: string;
};

export type CauseScenes = {
  readonly found: Expected;
  readonly clear: Trace;
  /** A capture that cannot have it, where there is such a thing. */
  readonly notApplicable?: Trace;
  /** A capture that does not tell; without its events unless given. */
  readonly unknown?: Trace;
};

export function judgementOf(trace: Trace, id: string): Judgement & { found?: CauseFound } {
  const judgement = soundly(trace).judgements.find(({ definition }) => definition.id === id);
  if (judgement === undefined) throw new Error(`no cause ${id}`);
  const { ranked } = judgement;
  return ranked === undefined ? judgement : { ...judgement, found: ranked.outcome };
}

export function statusOf(trace: Trace, id: string): string {
  return judgementOf(trace, id).status;
}

/** The capture without events that any group of needs asks for. */
export function withoutEvents(trace: Trace, names: readonly string[]): Trace {
  const tables = new Map([...trace.tables].filter(([name]) => !names.includes(name)));
  const silent_events = trace.meta.silent_events.filter((name) => !names.includes(name));
  return { ...trace, tables, meta: { ...trace.meta, silent_events } };
}

/** So many events were lost on a CPU of its own before anything that matters began. */
export function withLoss(trace: Trace, share: number): Trace {
  const kept = totalEvents(trace.meta);
  const count = Math.ceil((kept * share) / (1 - share));
  return { ...trace, losses: [{ cpu: 9, from_ns: 1000, ts_ns: 2000, count }] };
}

export function describeCause(id: string, scenes: CauseScenes): void {
  const definition = CAUSES.find((cause) => cause.id === id);
  describe(id, () => {
    test('found', () => {
      const { scene, victims, bdi, lost_s, within_s = 0.25, culprits = [], summary } = scenes.found;
      const judgement = judgementOf(scene, id);
      expect(judgement.status, judgement.summary).toBe('found');
      expect([...new Set(judgement.victims.map(({ comm }) => comm))]).toEqual(victims);
      expect(Math.abs((judgement.ranked?.claimed_s ?? 0) - lost_s)).toBeLessThanOrEqual(within_s);
      if (bdi !== undefined) expect(judgement.found?.bdi).toBe(bdi);
      expect(judgement.found?.culprits.map(({ name }) => name)).toEqual(
        expect.arrayContaining([...culprits]),
      );
      if (summary !== undefined) expect(judgement.summary).toMatch(summary);
      const { found } = judgement;
      for (const list of [found?.evidence, found?.advice, found?.counter_evidence]) {
        expect(list?.length).toBeGreaterThan(0);
      }
      // What a change would have done, or why that cannot be told: one of them.
      for (const { text, predicted, unpredicted } of found?.advice ?? []) {
        expect([predicted, unpredicted].filter((said) => said !== undefined).length, text).toBe(1);
      }
      const { verdict } = soundly(scene);
      expect(verdict.most_likely ?? verdict.root_cause).toBe(scenes.found.verdict ?? id);
    });

    test('clear', () => {
      const judgement = judgementOf(scenes.clear, id);
      expect(judgement.status, judgement.summary).toBe('clear');
    });

    const { notApplicable } = scenes;
    if (notApplicable !== undefined) {
      test('not applicable', () => {
        expect(statusOf(notApplicable, id)).toBe('not-applicable');
      });
    }

    test('not recorded: unknown, and the reason names the event', () => {
      const [group = []] = definition?.needs ?? [];
      const trace = scenes.unknown ?? withoutEvents(scenes.found.scene, group);
      const judgement = judgementOf(trace, id);
      expect(judgement.status, judgement.summary).toBe('unknown');
      if (scenes.unknown === undefined) expect(judgement.summary).toContain(group[0]);
    });

    test('lost data: what was found is less sure, what was not seen is unknown', () => {
      const whole = judgementOf(scenes.found.scene, id);
      const lossy = judgementOf(withLoss(scenes.found.scene, 0.3), id);
      expect(lossy.status, lossy.summary).toBe('found');
      const lowered = 0.71 * (whole.ranked?.confidence ?? 0);
      expect(lossy.ranked?.confidence).toBeLessThanOrEqual(lowered);
      expect(lossy.confidence_reasons.join()).toMatch(
        /events? \(3\d(?:\.\d+)?%\) (?:was|were) lost/,
      );
      const unseen = judgementOf(withLoss(scenes.clear, 0.3), id);
      expect(unseen.status).toBe('unknown');
      expect(unseen.summary).toMatch(/lost/);
    });
  });
}
