/** Diagnosis grows with the capture and not with its square: eight times the waits, eight times the time. */
import { expect, test } from 'vitest';
import { Context } from '../../src/findings/context.ts';
import { diagnose } from '../../src/findings/diagnose.ts';
import { SECTIONS } from '../../src/findings/index.ts';
import { runFindings } from '../../src/findings/run.ts';
import type { Trace } from '../../src/trace/trace.ts';
import {
  commit,
  dirtying,
  flushing,
  fsync,
  reclaiming,
  sceneTrace,
  throttled,
} from '../helpers/scenes.ts';
import type { EventRow } from '../helpers/trace-builder.ts';

/** Waits of 1 ms, one after the other, by one task: whatever looks at pairs of them shows. */
const each = (waits: number, one: (from_s: number) => EventRow[]): EventRow[] =>
  Array.from({ length: waits }, (_, nth) => one(1 + nth / 500)).flat();

const SCENES: Readonly<Record<string, (waits: number) => EventRow[]>> = {
  pauses: (waits) => throttled({ until_s: 1 + waits / 500, every_ms: 2, pause_ms: 1 }),
  fsyncs: (waits) => [
    ...each(waits, (from_s) => fsync({ from_s, for_s: 0.001 })),
    ...each(waits, (from_s) => commit({ from_s, for_s: 0.0005 })),
    ...each(waits, (from_s) => flushing({ from_s, for_s: 0.001, mib: 1, reason: 'background' })),
    ...dirtying({ mib: waits / 256, ino: 50, single: true, until_s: 1 + waits / 500 }),
  ],
  reclaims: (waits) => each(waits, (from_s) => reclaiming({ from_s, for_s: 0.001, dirty: 9 })),
};

function elapsed_ms(trace: Trace): number {
  const start = performance.now();
  // Every wait counts, so that all of them are claimed.
  diagnose(trace, { settings: { 'stall.least_ms': 0.01 } });
  return performance.now() - start;
}

const FEW = 2000;
const TIMES = 8;

test.each(Object.keys(SCENES))('%s', { timeout: 60_000 }, (name) => {
  const trace = (waits: number) =>
    sceneTrace(SCENES[name]?.(waits) ?? [], { end_s: 2 + waits / 500 });
  const [few, many] = [trace(FEW), trace(TIMES * FEW)];
  elapsed_ms(few);
  const least = Math.min(elapsed_ms(few), elapsed_ms(few));
  const most = elapsed_ms(many);
  // Linear is 8, quadratic 64; a machine at work on other things makes it vary.
  expect(most / least).toBeLessThan(30);
});

test('sections hold of more waits than a call has arguments', () => {
  const rows = [
    ...throttled({ until_s: 2, every_ms: 100, pause_ms: 1 }),
    ...each(10, (from_s) => fsync({ from_s, for_s: 0.001 })),
  ];
  const diagnosis = diagnose(sceneTrace(rows, { end_s: 3 }));
  const { stalls } = diagnosis.facts;
  const many = Array.from({ length: 300_000 }, (_, nth) => stalls[nth % stalls.length]);
  Object.defineProperty(diagnosis.facts, 'stalls', { value: many });
  const asked = SECTIONS.filter(({ id }) => ['dirty-throttling', 'other-waits'].includes(id));
  const found = runFindings(asked, new Context(diagnosis));
  expect(found.map(({ status }) => status)).toEqual(['found', 'found']);
});
