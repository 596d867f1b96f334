/**
 * Two captures compared, as part of a Report: the answer, what was not the same about the two, and
 * every number of both with what became of it. The document itself is about the capture made after;
 * what it says of that one stands here, under `before`, of the other.
 */
import * as z from 'zod';
import { gap, unitSchema, windowSchema } from './details.ts';

const judgedSchema = z.enum(['better', 'worse', 'changed', 'same', 'unclear', 'unknown']);

const numberSchema = z.object({
  group: z.string(),
  name: z.string(),
  unit: unitSchema,
  before: gap,
  after: gap,
  judged: judgedSchema,
  /** What both rest on: how many samples, how long, and why a difference is none. */
  basis: z.string(),
  /** On the first screen. */
  is_key: z.boolean(),
});

const statusSchema = z.enum(['found', 'clear', 'not-applicable', 'unknown', 'error', 'off']);

const causeSchema = z.object({
  id: z.string(),
  title: z.string(),
  before: statusSchema,
  after: statusSchema,
  /** Task-seconds; null where it was not judged. */
  before_s: gap,
  after_s: gap,
  judged: judgedSchema,
});

const differenceSchema = z.object({
  /** `knob`: what may have been changed on purpose. */
  kind: z.enum(['machine', 'knob', 'work', 'recording']),
  name: z.string(),
  before: z.string(),
  after: z.string(),
});

const alignmentSchema = z.object({
  by: z.enum(['workload', 'start', 'given']),
  zero: z.string(),
  sentence: z.string(),
  /** Time of each capture, nanoseconds since its beginning, that is zero on the charts' axis. */
  origins_ns: z.object({ before: z.number(), after: z.number() }),
  window_ns: windowSchema,
});

export const comparisonSchema = z.object({
  answer: z.enum([
    'same-capture',
    'better',
    'worse',
    'mixed',
    'no-difference',
    'other-work',
    'unknown',
  ]),
  sentence: z.string(),
  detail: z.string(),
  reasons: z.array(z.string()),
  setup: z.array(differenceSchema),
  numbers: z.array(numberSchema),
  causes: z.array(causeSchema),
  alignment: alignmentSchema,
  /** Charts and lists show a part of the axis. */
  is_part: z.boolean(),
});

export type ReportComparison = z.infer<typeof comparisonSchema>;
export type ReportComparedNumber = z.infer<typeof numberSchema>;
export type ReportComparedCause = z.infer<typeof causeSchema>;
export type ReportJudged = z.infer<typeof judgedSchema>;
