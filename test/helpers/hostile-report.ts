/** A report in which every text is an attack: on markup, on scripts, on the eye, on the size. */
import { type BuildInput, buildReport } from '../../reports/build/report.ts';
import type { Report, ReportDiagnosis } from '../../reports/schema/report.ts';
import type { Detail } from '../../src/findings/detail.ts';
import { sampleInput } from './sample-report.ts';

export const HOSTILE_NAMES = [
  '</script><script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '<!-- slot: script --><!-- <script>',
  'a\u2028b\u2029c',
  'exe\u202egnp.sh\u2066\u200f',
  '\u0000\u001b[31mred\u0007\u009b',
  'lone \ud800 surrogate',
  '"><svg onload=alert(1)>&amp;{{SCRIPT}}$&',
  'javascript:alert(1)',
  'x'.repeat(10_000),
] as const;

/** Puts hostile names into every text of a detail. */
function poison(detail: Detail, name: string): Detail {
  switch (detail.kind) {
    case 'timeline':
      return {
        ...detail,
        title: name,
        subtitle: name,
        series: detail.series.map((series, i) => ({
          ...series,
          label: HOSTILE_NAMES[i % HOSTILE_NAMES.length] ?? name,
        })),
        bands: detail.bands.map((band) => ({ ...band, label: name })),
        lost: [{ from_ns: 2e9, to_ns: 9e9, label: name }],
      };
    case 'lanes':
      return {
        ...detail,
        title: name,
        subtitle: name,
        lanes: [...HOSTILE_NAMES],
        kinds: [...HOSTILE_NAMES],
        bars: HOSTILE_NAMES.map((text, i) => ({
          from_ns: i * 1e9,
          to_ns: i * 1e9 + 9e8,
          lane: i,
          kind: i,
          text,
        })),
        lost: [{ from_ns: 2e9, to_ns: 9e9, label: name }],
      };
    case 'heatmap':
      return { ...detail, title: name, subtitle: name, rows: [...HOSTILE_NAMES], counted: name };
    case 'distribution':
      return {
        ...detail,
        title: name,
        subtitle: name,
        buckets: HOSTILE_NAMES.map((label, i) => ({ label, count: i, total: i })),
      };
    case 'table':
      return {
        ...detail,
        title: name,
        columns: [{ key: '__proto__', label: name, unit: 'none' as const }, ...detail.columns],
        rows: HOSTILE_NAMES.map((text) =>
          Object.fromEntries(detail.columns.map(({ key }) => [key, text])),
        ),
      };
    case 'note':
      return { ...detail, text: name };
  }
}

/** Every text of a diagnosis, enumerations apart. */
function poisonDiagnosis(diagnosis: ReportDiagnosis): ReportDiagnosis {
  const kept = new Set(['id', 'status', 'severity', 'kind', 'unit', 'relation', 'result']);
  const kinds = new Set(['root_cause', 'most_likely', 'place', 'table']);
  let next = 0;
  const poisoned = (value: unknown, key: string): unknown => {
    if (typeof value === 'string') {
      if (kept.has(key) || kinds.has(key)) return value;
      return HOSTILE_NAMES[next++ % HOSTILE_NAMES.length];
    }
    if (Array.isArray(value)) return value.map((item) => poisoned(item, key));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [name, poisoned(item, name)]),
    );
  };
  return poisoned(diagnosis, '') as ReportDiagnosis;
}

export function hostileInput(): BuildInput {
  const sample = sampleInput();
  return {
    ...sample,
    title: HOSTILE_NAMES[0],
    note: HOSTILE_NAMES.slice(1).join(' '),
    diagnosis: poisonDiagnosis(sample.diagnosis),
    evidence: sample.evidence.map(({ cause, details }) => ({
      cause,
      details: details.map((detail) => poison(detail, HOSTILE_NAMES[1])),
    })),
    input: {
      ...sample.input,
      name: HOSTILE_NAMES[0],
      kernel: HOSTILE_NAMES[9],
      machine: HOSTILE_NAMES[1],
    },
    headline: {
      ...sample.headline,
      sentence: HOSTILE_NAMES.slice(0, 9).join(' '),
      facts: HOSTILE_NAMES.map((text) => ({ label: text, value: Number.NaN, unit: 'none', text })),
      confidence_reasons: [...HOSTILE_NAMES],
    },
    findings: sample.findings.map((finding, i) => {
      const name = HOSTILE_NAMES[i % HOSTILE_NAMES.length] ?? '';
      return {
        ...finding,
        title: name,
        question: name,
        summary: name,
        weakenedBy: [...HOSTILE_NAMES],
        details: finding.details.map((detail) => poison(detail, name)),
      };
    }),
    quality: {
      ...sample.quality,
      lost_events: 7,
      events: HOSTILE_NAMES.map((name) => ({ name, count: 1 })),
      not_recorded: HOSTILE_NAMES.map((name) => ({ name, why: name })),
      diagnostics: HOSTILE_NAMES.map((message) => ({
        code: message,
        severity: 'data_loss',
        message,
        count: 1,
      })),
    },
  };
}

export function hostileReport(): Report {
  return buildReport(hostileInput());
}
