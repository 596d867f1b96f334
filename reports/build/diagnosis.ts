/** A diagnosis becomes its JSON document. Same input, same bytes. */
import type { Diagnosis, Judgement } from '../../src/findings/diagnose.ts';
import {
  DIAGNOSIS_SCHEMA,
  DIAGNOSIS_VERSION,
  type DiagnosisDocument,
  type DiagnosisFinding,
} from '../schema/diagnosis.ts';
import { clip, finite, jsonNumber } from './values.ts';

export type DiagnosisInput = {
  readonly generator: DiagnosisDocument['generator'];
  readonly input: DiagnosisDocument['input'];
  readonly diagnosis: Diagnosis;
  readonly quality: DiagnosisDocument['quality'];
};

const MOST_ROWS = 20;

/** What `diagnose --json` prints, checked by `diagnosisSchema`. */
export function buildDiagnosis(given: DiagnosisInput): DiagnosisDocument {
  const { verdict, judgements, next_capture } = given.diagnosis;
  const named = judgements.find(
    ({ definition }) => definition.id === (verdict.most_likely ?? verdict.root_cause),
  );
  return {
    schema: DIAGNOSIS_SCHEMA,
    version: DIAGNOSIS_VERSION,
    generator: given.generator,
    input: given.input,
    verdict: {
      root_cause: verdict.root_cause,
      ...optional('most_likely', verdict.most_likely),
      title: named?.definition.title ?? TITLES[verdict.root_cause] ?? verdict.root_cause,
      severity: verdict.severity,
      confidence: round(verdict.confidence, 3),
      confidence_reasons: verdict.confidence_reasons.map(clip),
      summary: clip(verdict.summary),
      ...optional('bdi', named?.ranked?.outcome.bdi),
      window_ns: pair(named?.ranked?.outcome.window_ns),
      time_lost_s: round(named?.ranked?.own_s ?? 0, 6),
      also: [...verdict.also],
    },
    findings: judgements.map((judgement) => finding(judgement, given.diagnosis)),
    stalls: stalls(given.diagnosis),
    quality: given.quality,
    next_capture: {
      reasons: [...next_capture.reasons],
      command: next_capture.command,
      ...optional('samples', next_capture.samples),
    },
  };
}

const TITLES: Readonly<Record<string, string>> = {
  none: 'Nothing stalled',
  inconclusive: 'No cause can be named',
};

function finding(judgement: Judgement, { facts }: Diagnosis): DiagnosisFinding {
  const { definition, status, summary, numbers, victims, confidence_reasons, ranked } = judgement;
  const found = ranked?.outcome;
  const lost_s = ranked?.own_s ?? 0;
  return {
    id: definition.id,
    title: definition.title,
    question: definition.question,
    status,
    severity: ranked?.severity ?? 'info',
    summary: clip(summary),
    confidence: ranked === undefined ? null : round(ranked.confidence, 3),
    confidence_reasons: confidence_reasons.map(clip),
    ...optional('bdi', found?.bdi),
    time_lost_s: round(lost_s, 6),
    claimed_s: round(ranked?.claimed_s ?? 0, 6),
    share_of_window: round(lost_s / Math.max(1e-9, facts.duration_ns / 1e9), 4),
    window_ns: pair(found?.window_ns),
    victims: victims.slice(0, MOST_ROWS).map((victim) => ({
      comm: clip(victim.comm),
      pid: victim.pid,
      ...optional('cgroup', victim.cgroup),
      ...optional('bdi', victim.bdi),
      time_lost_s: round(victim.time_lost_s, 6),
      stalls: victim.stalls,
    })),
    culprits: (found?.culprits ?? []).slice(0, MOST_ROWS).map((culprit) => ({
      kind: culprit.kind,
      name: clip(culprit.name),
      ...optional('pid', culprit.pid),
      ...optional('bdi', culprit.bdi),
      ...optional('ino', culprit.ino),
      ...optional('bytes', culprit.bytes),
      ...optional('share', culprit.share === undefined ? undefined : round(culprit.share, 4)),
    })),
    numbers: (found?.numbers ?? numbers).map((entry) => ({
      name: clip(entry.name),
      value: jsonNumber(entry.value),
      unit: entry.unit,
      relation: entry.relation,
      threshold: jsonNumber(entry.threshold ?? Number.NaN),
      source: entry.source,
    })),
    evidence: (found?.evidence ?? []).slice(0, MOST_ROWS).map(({ table, row, ts_ns, text }) => {
      return { table, row, ts_ns, text: clip(text) };
    }),
    counter_evidence: (found?.counter_evidence ?? []).map((entry) => ({ ...entry })),
    ...optional('explained_by', ranked?.explained_by),
    advice: (found?.advice ?? []).map(({ kind, text, command, predicted, unpredicted }) => ({
      kind,
      text: clip(text),
      ...optional('command', command),
      ...optional('predicted', predicted),
      ...optional('unpredicted', unpredicted),
    })),
    links: [...definition.links],
  };
}

/** Waits by place, the one that cost most first. */
function stalls({ facts }: Diagnosis): DiagnosisDocument['stalls'] {
  const by = new Map<string, { lengths: number[]; own: number }>();
  facts.stalls.forEach(({ place, duration_ns }, index) => {
    let entry = by.get(place);
    if (entry === undefined) {
      entry = { lengths: [], own: 0 };
      by.set(place, entry);
    }
    entry.lengths.push(duration_ns);
    entry.own += facts.stallNs(index);
  });
  const places = [...by].map(([place, { lengths, own }]) => {
    lengths.sort((left, right) => left - right);
    const at = (share: number) => lengths[Math.ceil(share * lengths.length) - 1] ?? 0;
    const total = lengths.reduce((sum, value) => sum + value, 0);
    return {
      place,
      count: lengths.length,
      total_ms: ms(total),
      own_ms: ms(own),
      p50_ms: ms(at(0.5)),
      p99_ms: ms(at(0.99)),
      max_ms: ms(at(1)),
    };
  });
  places.sort((left, right) => right.own_ms - left.own_ms || (left.place < right.place ? -1 : 1));
  return {
    count: facts.stalls.length,
    own_ms: round(
      places.reduce((sum, { own_ms }) => sum + own_ms, 0),
      3,
    ),
    places,
  };
}

function ms(ns: number): number {
  return round(finite(ns) / 1e6, 3);
}

function round(value: number, digits: number): number {
  const factor = 10 ** digits;
  return Math.round(finite(value) * factor) / factor;
}

function pair(window: readonly [number, number] | undefined): [number, number] | null {
  if (window === undefined || !window.every(Number.isFinite)) return null;
  return [window[0], window[1]];
}

/** A key only where there is a value. */
function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}
