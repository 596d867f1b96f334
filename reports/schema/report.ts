/**
 * The Report document: what Tidemark concluded about one capture, as plain JSON. It is the stable
 * artefact: pages, terminal text and later tools are made from it alone. Numbers are in base units
 * (bytes, nanoseconds since the trace's start); a gap is `null`, since JSON has no NaN.
 */
import * as z from 'zod';
import { comparisonSchema } from './comparison.ts';
import { detailSchema, gap, unitSchema, windowSchema } from './details.ts';
import { diagnosisSchema } from './diagnosis.ts';

export const REPORT_SCHEMA = 'tidemark-report';
export const REPORT_VERSION = 3;

const sectionSchema = z.object({
  id: z.string(),
  title: z.string(),
  question: z.string(),
  status: z.enum(['found', 'shown', 'clear', 'not-applicable', 'unknown', 'error']),
  summary: z.string(),
  /** Of two captures: the answer of the one before, and of the one after. */
  summaries: z.tuple([z.string(), z.string()]).optional(),
  weakened_by: z.array(z.string()),
  level: z.enum(['a', 'b', 'c']).optional(),
  details: z.array(detailSchema),
});

const inputSchema = z.object({
  name: z.string(),
  format: z.string(),
  kernel: z.string().optional(),
  machine: z.string().optional(),
  clock: z.string(),
  duration_ns: z.number(),
  cpus: z.number(),
  events: z.number(),
});

/** Everything of a diagnosis but what the report says itself. */
const reportDiagnosisSchema = diagnosisSchema.omit({
  schema: true,
  version: true,
  generator: true,
  input: true,
});

/** The rows that a found cause rests on, and the waits that it explains. */
const evidenceSchema = z.object({ cause: z.string(), details: z.array(detailSchema) });

const headlineSchema = z.object({
  sentence: z.string(),
  facts: z.array(z.object({ label: z.string(), value: gap, unit: unitSchema, text: z.string() })),
  confidence: z.enum(['high', 'reduced', 'low']),
  confidence_reasons: z.array(z.string()),
  /** The chart that proves the sentence; it is drawn on the first screen. */
  chart_id: z.string().optional(),
});

const qualitySchema = z.object({
  duration_ns: z.number(),
  lost_events: z.number(),
  events: z.array(z.object({ name: z.string(), count: z.number() })),
  clock: z.string(),
  not_recorded: z.array(z.object({ name: z.string(), why: z.string() })),
  diagnostics: z.array(
    z.object({
      code: z.string(),
      severity: z.enum(['info', 'notice', 'data_loss', 'error']),
      message: z.string(),
      count: z.number(),
    }),
  ),
});

/** What a report says of one capture. */
const subjectSchema = z.object({
  input: inputSchema,
  headline: headlineSchema,
  diagnosis: reportDiagnosisSchema,
  evidence: z.array(evidenceSchema),
  quality: qualitySchema,
});

export const reportSchema = z.object({
  schema: z.literal(REPORT_SCHEMA),
  version: z.literal(REPORT_VERSION),
  generator: z.object({ name: z.string(), version: z.string() }),
  /** What its author calls it, and says of it. */
  title: z.string().optional(),
  note: z.string().optional(),
  /** Names of tasks, cgroups, devices and inodes were replaced. */
  redacted: z.boolean(),
  input: inputSchema,
  /** What charts and lists show; conclusions are about the whole capture. */
  window_ns: windowSchema,
  headline: headlineSchema,
  diagnosis: reportDiagnosisSchema,
  evidence: z.array(evidenceSchema),
  sections: z.array(sectionSchema),
  quality: qualitySchema,
  /**
   * With two captures: what is different. Then the rest is about the one made after, but for
   * `window_ns` and the times of `sections`, which are on the common axis.
   */
  comparison: comparisonSchema.extend({ before: subjectSchema }).optional(),
});

export type Report = z.infer<typeof reportSchema>;
export type ReportSubject = z.infer<typeof subjectSchema>;
export type ReportInput = z.infer<typeof inputSchema>;
export type ReportHeadline = z.infer<typeof headlineSchema>;
export type ReportQuality = z.infer<typeof qualitySchema>;
export type ReportSection = z.infer<typeof sectionSchema>;
export type ReportDiagnosis = z.infer<typeof reportDiagnosisSchema>;
export type ReportCause = ReportDiagnosis['findings'][number];
export type {
  ReportComparedCause,
  ReportComparedNumber,
  ReportComparison,
  ReportJudged,
} from './comparison.ts';
export type {
  ReportDetail,
  ReportDistribution,
  ReportHeatmap,
  ReportInterval,
  ReportLanes,
  ReportSeries,
  ReportSide,
  ReportTable,
  ReportTimeline,
  Unit,
} from './details.ts';

/** A Report read back from JSON text; throws an error that says which field is wrong. */
export function parseReport(text: string): Report {
  return reportSchema.parse(JSON.parse(text));
}
