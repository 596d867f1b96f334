/**
 * The JSON of three incidents, shortened to what a reader compares: texts of evidence are cut, and
 * of findings that are not found only the status stays.
 */
import { expect, test } from 'vitest';
import { openTrace } from '../../parsers/index.ts';
import type { DiagnosisDocument } from '../../reports/schema/diagnosis.ts';
import { documentOf } from '../../src/cli/report/diagnosis-document.ts';
import { ROOT } from '../helpers/bytes.ts';
import { expectGolden, goldenJson } from '../helpers/golden.ts';
import { soundly } from '../helpers/sound-diagnosis.ts';

const INCIDENTS = ['6.18-ext4/slow-writer', '6.18-ext4/lossy', '6.18-xfs/two-writers'];

test.each(INCIDENTS)('%s', { timeout: 30_000 }, async (name) => {
  const file = `${ROOT}fixtures/trace-dat/${name}.dat.gz`;
  const document = documentOf(file, soundly(await openTrace(file)));
  const golden = `${ROOT}test/findings/goldens/${name.replace('/', '-')}.golden.json`;
  const text = goldenJson(shortened(document));
  expect(text.split('\n').length).toBeLessThan(200);
  expectGolden(golden, text);
});

const SHOWN = 100;

function shortened({ generator: _, findings, quality, ...rest }: DiagnosisDocument): unknown {
  return {
    ...rest,
    quality: { ...quality, diagnostics: quality.diagnostics.map(({ code }) => code) },
    found: findings
      .filter(({ status }) => status === 'found')
      .map(({ title: _title, question: _question, links: _links, ...found }) => ({
        ...found,
        victims: found.victims.map((victim) => Object.values(victim).join(' ')),
        culprits: found.culprits.map((culprit) => Object.values(culprit).join(' ')),
        numbers: found.numbers.map(
          ({ name, value, relation, threshold, unit }) =>
            `${name}: ${value} ${relation} ${threshold} ${unit}`,
        ),
        evidence: found.evidence.map(({ table, row, text }) =>
          `${table} ${row} ${text}`.slice(0, SHOWN),
        ),
        counter_evidence: found.counter_evidence.map(
          ({ question, seen, result }) => `${result}: ${question} ${seen}`,
        ),
        advice: found.advice.map(({ kind, command }) => `${kind}: ${command ?? ''}`),
      })),
    others: Object.fromEntries(
      findings.filter(({ status }) => status !== 'found').map(({ id, status }) => [id, status]),
    ),
  };
}
