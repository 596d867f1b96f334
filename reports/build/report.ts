/** Findings and facts about the capture become the Report document. Same input, same bytes. */

import type { Comparison } from '../../src/findings/against/comparison.ts';
import type { Cell, Detail, DetailTable, Distribution } from '../../src/findings/detail.ts';
import type { Finding } from '../../src/findings/finding.ts';
import {
  REPORT_SCHEMA,
  REPORT_VERSION,
  type Report,
  type ReportDetail,
  type ReportDiagnosis,
  type ReportDistribution,
  type ReportHeadline,
  type ReportInput,
  type ReportQuality,
  type ReportSection,
  type ReportSubject,
  type ReportTable,
} from '../schema/report.ts';
import { buildComparison } from './comparison.ts';
import { buildHeatmap, buildLanes } from './lanes.ts';
import { buildTimeline } from './timeline.ts';
import { clip, finite, jsonNumber } from './values.ts';

/** What is concluded about one capture. */
export type SubjectInput = {
  readonly input: ReportInput;
  readonly headline: ReportHeadline;
  /** As buildDiagnosis made it. */
  readonly diagnosis: ReportDiagnosis;
  readonly evidence: readonly { readonly cause: string; readonly details: readonly Detail[] }[];
  readonly quality: ReportQuality;
};

export type BuildInput = SubjectInput & {
  readonly generator: Report['generator'];
  readonly title?: string | undefined;
  readonly note?: string | undefined;
  /** What charts and lists show; the whole capture when left out. */
  readonly window_ns?: readonly [number, number] | undefined;
  readonly findings: readonly Finding[];
  /** With two captures: what is different, and what is concluded about the one made before. */
  readonly comparison?: { readonly result: Comparison; readonly before: SubjectInput } | undefined;
};

/** Findings list the rows that matter; this only keeps a page from growing with its capture. */
const MOST_ROWS = 500;
const MOST_BUCKETS = 64;
/** About a megabyte of a page, however many curves it has. */
const MOST_POINTS = 50_000;
const LEAST_POINTS_PER_SERIES = 100;

function buildCell(cell: Cell): string | number | null {
  if (cell === undefined) return null;
  return typeof cell === 'string' ? clip(cell) : jsonNumber(cell);
}

function buildTable(table: DetailTable): ReportTable {
  const rows = table.rows.slice(0, MOST_ROWS);
  return {
    kind: 'table',
    id: clip(table.id),
    title: clip(table.title),
    columns: table.columns.map(({ key, label, unit }) => ({ key, label: clip(label), unit })),
    rows: rows.map((row) => table.columns.map(({ key }) => buildCell(row[key]))),
    omitted: finite(table.omitted) + table.rows.length - rows.length,
    ...(table.windows_ns === undefined
      ? {}
      : { windows_ns: rows.map((_, row) => rowWindow(table.windows_ns?.[row])) }),
  };
}

function rowWindow(window: readonly [number, number] | undefined): [number, number] | null {
  if (window === undefined || !window.every(Number.isFinite)) return null;
  return [finite(window[0]), finite(window[1])];
}

function buildDistribution(distribution: Distribution): ReportDistribution {
  const shown = distribution.buckets.slice(0, MOST_BUCKETS);
  const rest = distribution.buckets.slice(MOST_BUCKETS);
  const sum = (of: 'count' | 'total') => rest.reduce((all, bucket) => all + bucket[of], 0);
  const buckets = shown.map(({ label, count, total }) => ({
    label: clip(label),
    count: finite(count),
    total: finite(total),
  }));
  if (rest.length > 0) {
    buckets.push({
      label: `${rest.length} more`,
      count: finite(sum('count')),
      total: finite(sum('total')),
    });
  }
  return {
    kind: 'distribution',
    id: clip(distribution.id),
    title: clip(distribution.title),
    subtitle: clip(distribution.subtitle),
    unit: distribution.unit,
    buckets,
  };
}

function buildDetail(detail: Detail, points?: number): ReportDetail {
  const { side, zero } = detail;
  return {
    ...buildKind(detail, points),
    ...(side === undefined ? {} : { side }),
    ...(zero === undefined ? {} : { zero: clip(zero) }),
  };
}

function buildKind(detail: Detail, points: number | undefined): ReportDetail {
  switch (detail.kind) {
    case 'timeline':
      return buildTimeline(detail, points);
    case 'lanes':
      return buildLanes(detail);
    case 'heatmap':
      return buildHeatmap(detail);
    case 'distribution':
      return buildDistribution(detail);
    case 'table':
      return buildTable(detail);
    case 'note':
      return { kind: 'note', id: clip(detail.id), text: clip(detail.text) };
  }
}

function buildSection(finding: Finding, points: number): ReportSection {
  return {
    id: clip(finding.id),
    title: clip(finding.title),
    question: clip(finding.question),
    status: finding.status,
    summary: clip(finding.summary),
    ...(finding.summaries === undefined
      ? {}
      : { summaries: [clip(finding.summaries[0]), clip(finding.summaries[1])] }),
    weakened_by: finding.weakenedBy.map(clip),
    ...(finding.level === undefined ? {} : { level: finding.level }),
    details: finding.details.map((detail) => buildDetail(detail, points)),
  };
}

/** Points that each curve may have, so that all together stay within bounds. */
function pointsPerSeries(findings: readonly Finding[]): number {
  const series = findings
    .flatMap(({ details }) => details)
    .reduce((sum, detail) => sum + (detail.kind === 'timeline' ? detail.series.length : 0), 0);
  return Math.max(LEAST_POINTS_PER_SERIES, Math.floor(MOST_POINTS / Math.max(1, series)));
}

function buildInputFacts(input: ReportInput): ReportInput {
  return {
    name: clip(input.name),
    format: clip(input.format),
    ...(input.kernel === undefined ? {} : { kernel: clip(input.kernel) }),
    ...(input.machine === undefined ? {} : { machine: clip(input.machine) }),
    clock: clip(input.clock),
    duration_ns: finite(input.duration_ns),
    cpus: finite(input.cpus),
    events: finite(input.events),
  };
}

const OVER_TIME: readonly ReportDetail['kind'][] = ['timeline', 'lanes', 'heatmap'];

/** The chart that was asked for, else the first over time that a section brought. */
function mainChart(wanted: string | undefined, sections: readonly ReportSection[]) {
  const charts = sections
    .flatMap((section) => section.details)
    .filter(({ kind }) => OVER_TIME.includes(kind));
  return (charts.find((detail) => detail.id === wanted) ?? charts[0])?.id;
}

function buildHeadline(headline: ReportHeadline, sections: readonly ReportSection[]) {
  const chart = mainChart(headline.chart_id, sections);
  return {
    sentence: clip(headline.sentence),
    facts: headline.facts.map(({ label, value, unit, text }) => ({
      label: clip(label),
      value: value === null ? null : jsonNumber(value),
      unit,
      text: clip(text),
    })),
    confidence: headline.confidence,
    confidence_reasons: headline.confidence_reasons.map(clip),
    ...(chart === undefined ? {} : { chart_id: chart }),
  };
}

function buildQuality(quality: ReportQuality): ReportQuality {
  return {
    duration_ns: finite(quality.duration_ns),
    lost_events: finite(quality.lost_events),
    events: quality.events.map(({ name, count }) => ({ name: clip(name), count: finite(count) })),
    clock: clip(quality.clock),
    not_recorded: quality.not_recorded.map(({ name, why }) => ({
      name: clip(name),
      why: clip(why),
    })),
    diagnostics: quality.diagnostics.map(({ code, severity, message, count }) => ({
      code: clip(code),
      severity,
      message: clip(message),
      count: finite(count),
    })),
  };
}

/** Only what the schema names: a whole diagnosis may be handed over. */
function pickDiagnosis(diagnosis: ReportDiagnosis): ReportDiagnosis {
  const { verdict, findings, stalls, quality, next_capture } = diagnosis;
  return { verdict, findings, stalls, quality, next_capture };
}

function buildSubject(from: SubjectInput, sections: readonly ReportSection[]): ReportSubject {
  return {
    input: buildInputFacts(from.input),
    headline: buildHeadline(from.headline, sections),
    diagnosis: pickDiagnosis(from.diagnosis),
    evidence: from.evidence.map(({ cause, details }) => ({
      cause: clip(cause),
      details: details.map((detail) => buildDetail(detail)),
    })),
    quality: buildQuality(from.quality),
  };
}

/** The document that all outputs are made from: numbers finite, texts no longer than a path. */
export function buildReport(from: BuildInput): Report {
  const points = pointsPerSeries(from.findings);
  const sections = from.findings.map((finding) => buildSection(finding, points));
  const [from_ns, to_ns] = from.window_ns ?? [0, from.input.duration_ns];
  const { input, headline, diagnosis, evidence, quality } = buildSubject(from, sections);
  const { comparison } = from;
  return {
    schema: REPORT_SCHEMA,
    version: REPORT_VERSION,
    generator: { name: from.generator.name, version: from.generator.version },
    ...(from.title === undefined ? {} : { title: clip(from.title) }),
    ...(from.note === undefined ? {} : { note: clip(from.note) }),
    redacted: false,
    input,
    window_ns: [finite(from_ns), finite(to_ns)],
    headline,
    diagnosis,
    evidence,
    sections,
    quality,
    ...(comparison === undefined
      ? {}
      : {
          comparison: {
            ...buildComparison(comparison.result),
            before: buildSubject(comparison.before, sections),
          },
        }),
  };
}
