/**
 * What a report shows, as plain JSON: charts, tables and notes. Numbers are in base units (bytes,
 * nanoseconds since the trace's start); a gap is `null`, since JSON has no NaN.
 */
import * as z from 'zod';

export const gap = z.number().nullable();

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

export const windowSchema = z.tuple([z.number(), z.number()]);

const intervalSchema = z.object({
  from_ns: z.number(),
  to_ns: z.number(),
  label: z.string(),
});

/** Where two captures are compared: which of them it is about. */
const sideSchema = z.enum(['before', 'after']);
/** Of every detail of a comparison; `zero` is what the axis of time counts from. */
const ofPair = { side: sideSchema.optional(), zero: z.string().optional() };

const seriesSchema = z
  .object({
    id: z.string(),
    label: z.string(),
    side: sideSchema.optional(),
    role: z.enum(['recorded', 'sampled', 'inferred', 'predicted', 'counterfactual', 'limit']),
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
  ...ofPair,
  title: z.string(),
  subtitle: z.string(),
  unit: unitSchema,
  /** How the points were chosen, in a sentence for the reader. */
  caption: z.string(),
  window_ns: windowSchema,
  series: z.array(seriesSchema),
  /** What the axis holds besides, so that it is the one of another chart. */
  extent: windowSchema.optional(),
  bands: z.array(intervalSchema),
  lost: z.array(intervalSchema),
});

/** Stretches in lanes, e.g. who waited when; colours by kind. */
const lanesSchema = z.object({
  kind: z.literal('lanes'),
  id: z.string(),
  ...ofPair,
  title: z.string(),
  subtitle: z.string(),
  caption: z.string(),
  window_ns: windowSchema,
  lanes: z.array(z.string()),
  kinds: z.array(z.string()),
  bars: z.array(
    z.object({
      from_ns: z.number(),
      to_ns: z.number(),
      lane: z.number(),
      kind: z.number(),
      text: z.string(),
      /** How many stretches are drawn as this one, since they touch on a screen. */
      count: z.number(),
    }),
  ),
  lost: z.array(intervalSchema),
});

/** How many fell into each cell of time and size. */
const heatmapSchema = z.object({
  kind: z.literal('heatmap'),
  id: z.string(),
  ...ofPair,
  title: z.string(),
  subtitle: z.string(),
  caption: z.string(),
  window_ns: windowSchema,
  bin_ns: z.number(),
  /** Names of the rows, the lowest first. */
  rows: z.array(z.string()),
  counted: z.string(),
  /** [column, row, count] of cells that are not empty. */
  cells: z.array(z.tuple([z.number(), z.number(), z.number()])),
  lost: z.array(intervalSchema),
});

const distributionSchema = z.object({
  kind: z.literal('distribution'),
  id: z.string(),
  ...ofPair,
  title: z.string(),
  subtitle: z.string(),
  unit: unitSchema,
  buckets: z.array(z.object({ label: z.string(), count: z.number(), total: z.number() })),
});

const tableSchema = z.object({
  kind: z.literal('table'),
  id: z.string(),
  ...ofPair,
  title: z.string(),
  columns: z.array(z.object({ key: z.string(), label: z.string(), unit: unitSchema })),
  /** One array per row, in the order of the columns. */
  rows: z.array(z.array(z.union([z.string(), gap]))),
  omitted: z.number(),
  /** What each row is about in time; rows without are null. */
  windows_ns: z.array(windowSchema.nullable()).optional(),
});

const noteSchema = z.object({
  kind: z.literal('note'),
  id: z.string(),
  ...ofPair,
  text: z.string(),
});

export const detailSchema = z.discriminatedUnion('kind', [
  timelineSchema,
  lanesSchema,
  heatmapSchema,
  distributionSchema,
  tableSchema,
  noteSchema,
]);

export type ReportSide = z.infer<typeof sideSchema>;
export type Unit = z.infer<typeof unitSchema>;
export type ReportDetail = z.infer<typeof detailSchema>;
export type ReportTimeline = z.infer<typeof timelineSchema>;
export type ReportSeries = z.infer<typeof seriesSchema>;
export type ReportLanes = z.infer<typeof lanesSchema>;
export type ReportHeatmap = z.infer<typeof heatmapSchema>;
export type ReportDistribution = z.infer<typeof distributionSchema>;
export type ReportTable = z.infer<typeof tableSchema>;
export type ReportInterval = z.infer<typeof intervalSchema>;
