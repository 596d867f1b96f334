/** Findings and facts about the capture become the Report document. Same input, same bytes. */
import type { Cell, Detail, DetailTable, Distribution } from '../src/findings/detail.ts';
import type { Finding } from '../src/findings/finding.ts';
import { buildTimeline } from './build-timeline.ts';
import { clip, finite, jsonNumber } from './build-values.ts';
import {
  REPORT_SCHEMA,
  REPORT_VERSION,
  type Report,
  type ReportDetail,
  type ReportDistribution,
  type ReportHeadline,
  type ReportInput,
  type ReportQuality,
  type ReportSection,
  type ReportTable,
} from './report.ts';

export type BuildInput = {
  readonly generator: Report['generator'];
  readonly input: ReportInput;
  readonly headline: ReportHeadline;
  readonly findings: readonly Finding[];
  readonly quality: ReportQuality;
};

/** Findings list the rows that matter; this only keeps a page from growing with its capture. */
const MOST_ROWS = 500;
const MOST_BUCKETS = 64;

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
  };
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

function buildDetail(detail: Detail): ReportDetail {
  switch (detail.kind) {
    case 'timeline':
      return buildTimeline(detail);
    case 'distribution':
      return buildDistribution(detail);
    case 'table':
      return buildTable(detail);
    case 'note':
      return { kind: 'note', id: clip(detail.id), text: clip(detail.text) };
  }
}

function buildSection(finding: Finding): ReportSection {
  return {
    id: clip(finding.id),
    title: clip(finding.title),
    question: clip(finding.question),
    status: finding.status,
    summary: clip(finding.summary),
    weakened_by: finding.weakenedBy.map(clip),
    ...(finding.level === undefined ? {} : { level: finding.level }),
    details: finding.details.map(buildDetail),
  };
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

/** The chart that was asked for, else the first timeline that a finding brought. */
function mainChart(wanted: string | undefined, sections: readonly ReportSection[]) {
  const timelines = sections
    .flatMap((section) => section.details)
    .filter((detail) => detail.kind === 'timeline');
  return (timelines.find((detail) => detail.id === wanted) ?? timelines[0])?.id;
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

export function buildReport(from: BuildInput): Report {
  const sections = from.findings.map(buildSection);
  return {
    schema: REPORT_SCHEMA,
    version: REPORT_VERSION,
    generator: { name: from.generator.name, version: from.generator.version },
    input: buildInputFacts(from.input),
    headline: buildHeadline(from.headline, sections),
    sections,
    quality: buildQuality(from.quality),
  };
}
