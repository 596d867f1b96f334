/**
 * The Report document: what Tidemark concluded about one capture, as plain JSON. It is the stable
 * artefact: pages, terminal text and later tools are made from it alone. Numbers are in base units
 * (bytes, nanoseconds since the trace's start); a gap is `null`, since JSON has no NaN.
 */
import { z } from 'zod';

export const REPORT_SCHEMA = 'tidemark-report';
export const REPORT_VERSION = 1;

const gap = z.number().nullable();

export const unitSchema = z.enum([
  'bytes',
  'bytes_per_s',
  'pages',
  'ms',
  'ns',
  's',
  'count',
  'percent',
  'none',
]);

const intervalSchema = z.object({ from_ns: z.number(), to_ns: z.number(), label: z.string() });

const seriesSchema = z
  .object({
    id: z.string(),
    label: z.string(),
    role: z.enum(['recorded', 'sampled', 'predicted', 'limit']),
    shape: z.enum(['step', 'linear', 'point']),
    /** Points that the capture holds; the arrays below hold those that are drawn. */
    points: z.number(),
    /** Width of the bins that the drawn points were chosen from; 0: every change is drawn. */
    bin_ns: z.number(),
    t_ns: z.array(z.number()),
    values: z.array(gap),
    error_bound: z.number().optional(),
  })
  .refine((series) => series.t_ns.length === series.values.length, {
    message: 't_ns and values must have the same length',
  });

const timelineSchema = z.object({
  kind: z.literal('timeline'),
  id: z.string(),
  title: z.string(),
  subtitle: z.string(),
  unit: unitSchema,
  /** How the points were chosen, in a sentence for the reader. */
  caption: z.string(),
  window_ns: z.tuple([z.number(), z.number()]),
  series: z.array(seriesSchema),
  bands: z.array(intervalSchema),
  lost: z.array(intervalSchema),
});

const distributionSchema = z.object({
  kind: z.literal('distribution'),
  id: z.string(),
  title: z.string(),
  subtitle: z.string(),
  unit: unitSchema,
  buckets: z.array(z.object({ label: z.string(), count: z.number(), total: z.number() })),
});

const tableSchema = z.object({
  kind: z.literal('table'),
  id: z.string(),
  title: z.string(),
  columns: z.array(z.object({ key: z.string(), label: z.string(), unit: unitSchema })),
  /** One array per row, in the order of the columns. */
  rows: z.array(z.array(z.union([z.string(), gap]))),
  omitted: z.number(),
});

const noteSchema = z.object({ kind: z.literal('note'), id: z.string(), text: z.string() });

const detailSchema = z.discriminatedUnion('kind', [
  timelineSchema,
  distributionSchema,
  tableSchema,
  noteSchema,
]);

const sectionSchema = z.object({
  id: z.string(),
  title: z.string(),
  question: z.string(),
  status: z.enum(['found', 'clear', 'not-applicable', 'unknown', 'error']),
  summary: z.string(),
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

const headlineSchema = z.object({
  sentence: z.string(),
  facts: z.array(z.object({ label: z.string(), value: gap, unit: unitSchema, text: z.string() })),
  confidence: z.enum(['high', 'reduced', 'low']),
  confidence_reasons: z.array(z.string()),
  /** The timeline that proves the sentence; it is drawn on the first screen. */
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

export const reportSchema = z.object({
  schema: z.literal(REPORT_SCHEMA),
  version: z.literal(REPORT_VERSION),
  generator: z.object({ name: z.string(), version: z.string() }),
  input: inputSchema,
  headline: headlineSchema,
  sections: z.array(sectionSchema),
  quality: qualitySchema,
});

export type Report = z.infer<typeof reportSchema>;
export type Unit = z.infer<typeof unitSchema>;
export type ReportInput = z.infer<typeof inputSchema>;
export type ReportHeadline = z.infer<typeof headlineSchema>;
export type ReportQuality = z.infer<typeof qualitySchema>;
export type ReportSection = z.infer<typeof sectionSchema>;
export type ReportDetail = z.infer<typeof detailSchema>;
export type ReportTimeline = z.infer<typeof timelineSchema>;
export type ReportSeries = z.infer<typeof seriesSchema>;
export type ReportDistribution = z.infer<typeof distributionSchema>;
export type ReportTable = z.infer<typeof tableSchema>;
export type ReportInterval = z.infer<typeof intervalSchema>;

/** A Report read back from JSON text; throws an error that says which field is wrong. */
export function parseReport(text: string): Report {
  return reportSchema.parse(JSON.parse(text));
}
