/** What must hold for every diagnosis, whatever the capture. */
import { expect } from 'vitest';
import { diagnosisSchema } from '../../reports/schema/diagnosis.ts';
import { documentOf } from '../../src/cli/report/diagnosis-document.ts';
import { rowText } from '../../src/findings/causes/from-stalls.ts';
import type { DiagnoseOptions, Diagnosis } from '../../src/findings/diagnose.ts';
import { diagnose } from '../../src/findings/diagnose.ts';
import type { Trace } from '../../src/trace/trace.ts';

/** Diagnoses and checks at once. */
export function soundly(trace: Trace, options: DiagnoseOptions = {}): Diagnosis {
  const diagnosis = diagnose(trace, options);
  expectSound(diagnosis);
  return diagnosis;
}

// What a template makes of a number or a name that is not there.
const NO_WORDS = /\b(?:NaN|undefined|Infinity|\[object)\b/;

export function expectSound(diagnosis: Diagnosis): void {
  const { facts, judgements, trace, verdict } = diagnosis;
  for (const { definition, status, summary, ranked, victims } of judgements) {
    const named = (what: string) => `${definition.id}: ${what}`;
    expect(status, named(summary)).not.toBe('error');
    if (ranked === undefined) continue;
    const { outcome, own_s, claimed_s, confidence } = ranked;
    for (const [stall, ns] of outcome.claims.entries()) {
      const whole = facts.stallNs(stall);
      expect(ns, named('claims no more than the stall')).toBeLessThanOrEqual(whole + 1e-6);
    }
    expect(own_s, named('own time')).toBeLessThanOrEqual(claimed_s + 1e-9);
    const lost = victims.reduce((sum, victim) => sum + victim.time_lost_s, 0);
    expect(Math.abs(lost - claimed_s), named('victims lost what is claimed')).toBeLessThan(1e-6);
    expect(confidence, named('confidence')).toBeGreaterThanOrEqual(0);
    expect(confidence, named('confidence')).toBeLessThanOrEqual(1);
    const [from_ns, to_ns] = outcome.window_ns;
    expect(from_ns, named('window')).toBeGreaterThanOrEqual(0);
    expect(to_ns, named('window')).toBeGreaterThanOrEqual(from_ns);
    expect(to_ns, named('window')).toBeLessThanOrEqual(trace.meta.duration_ns);
    for (const { name, value, threshold, source } of outcome.numbers ?? []) {
      expect(Number.isFinite(value), named(name)).toBe(true);
      expect(threshold === undefined || Number.isFinite(threshold), named(name)).toBe(true);
      expect(source, named(name)).not.toBe('');
    }
    for (const { table: name, row, text, ts_ns } of outcome.evidence) {
      const table = trace.tables.get(name);
      expect(table !== undefined && row < table.rows, named(`evidence ${name} ${row}`)).toBe(true);
      if (table !== undefined) expect(text, named('evidence')).toBe(rowText(table, row));
      expect(Number.isFinite(ts_ns), named('evidence')).toBe(true);
    }
  }
  expect(verdict.confidence).toBeGreaterThanOrEqual(0);
  expect(verdict.confidence).toBeLessThanOrEqual(1);
  const document = documentOf('capture', diagnosis);
  const text = JSON.stringify(document);
  expect(diagnosisSchema.parse(JSON.parse(text))).toEqual(document);
  expect(wordsOf(document).filter((words) => NO_WORDS.test(words))).toEqual([]);
}

/** Sentences of the document; what a trace names may be anything. */
function wordsOf(document: ReturnType<typeof documentOf>): string[] {
  const { verdict, findings, next_capture } = document;
  return [
    verdict.summary,
    ...verdict.confidence_reasons,
    ...next_capture.reasons,
    next_capture.command,
    ...findings.flatMap((finding) => [
      finding.summary,
      ...finding.confidence_reasons,
      ...finding.counter_evidence.map(({ seen }) => seen),
      ...finding.advice.flatMap((advice) => [advice.command ?? '', advice.predicted ?? '']),
    ]),
  ];
}
