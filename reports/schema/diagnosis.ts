/**
 * The diagnosis as JSON: what `tidemark diagnose --json` prints and other programs read. Times are
 * nanoseconds since the trace's start, sizes bytes; a number that JSON cannot hold is `null`.
 */
import * as z from 'zod';
import { unitSchema } from './details.ts';

export const DIAGNOSIS_SCHEMA = 'tidemark-diagnosis';
export const DIAGNOSIS_VERSION = 1;

const number = z.number().nullable();
const window = z.tuple([z.number(), z.number()]).nullable();

const severitySchema = z.enum(['info', 'notice', 'warning', 'critical']);

const victimSchema = z.object({
  comm: z.string(),
  pid: z.number(),
  cgroup: z.string().optional(),
  bdi: z.string().optional(),
  time_lost_s: z.number(),
  stalls: z.number(),
});

const culpritSchema = z.object({
  kind: z.enum(['task', 'cgroup', 'inode', 'bdi', 'device', 'server', 'setting', 'kernel']),
  name: z.string(),
  pid: z.number().optional(),
  bdi: z.string().optional(),
  ino: z.string().optional(),
  bytes: z.number().optional(),
  share: z.number().optional(),
});

const comparisonSchema = z.object({
  name: z.string(),
  value: number,
  unit: unitSchema,
  relation: z.enum(['<', '>', '≤', '≥', '=', '≠', 'of']),
  threshold: number,
  source: z.string(),
});

const evidenceSchema = z.object({
  table: z.string(),
  row: z.number(),
  ts_ns: z.number(),
  text: z.string(),
});

const adviceSchema = z.object({
  kind: z.enum(['sysctl', 'bdi', 'mount', 'cgroup', 'application', 'device', 'kernel']),
  text: z.string(),
  command: z.string().optional(),
  predicted: z.string().optional(),
  /** Why what it would have done cannot be told, and what to measure. */
  unpredicted: z.string().optional(),
});

const findingSchema = z.object({
  id: z.string(),
  title: z.string(),
  question: z.string(),
  status: z.enum(['found', 'clear', 'not-applicable', 'unknown', 'error', 'off']),
  severity: severitySchema,
  summary: z.string(),
  confidence: number,
  confidence_reasons: z.array(z.string()),
  bdi: z.string().optional(),
  /** Task-seconds that no preceding cause explains, and all that it claims. */
  time_lost_s: z.number(),
  claimed_s: z.number(),
  /** Time lost as a share of the capture's length; above 1 when several tasks waited. */
  share_of_window: z.number(),
  window_ns: window,
  victims: z.array(victimSchema),
  culprits: z.array(culpritSchema),
  numbers: z.array(comparisonSchema),
  evidence: z.array(evidenceSchema),
  counter_evidence: z.array(
    z.object({
      question: z.string(),
      seen: z.string(),
      result: z.enum(['for', 'against', 'unknown']),
    }),
  ),
  /** The cause that explains most of what this one claims as well. */
  explained_by: z.string().optional(),
  advice: z.array(adviceSchema),
  links: z.array(z.string()),
});

const placeSchema = z.object({
  place: z.string(),
  count: z.number(),
  total_ms: z.number(),
  own_ms: z.number(),
  p50_ms: z.number(),
  p99_ms: z.number(),
  max_ms: z.number(),
});

export const diagnosisSchema = z.object({
  schema: z.literal(DIAGNOSIS_SCHEMA),
  version: z.literal(DIAGNOSIS_VERSION),
  generator: z.object({ name: z.string(), version: z.string() }),
  input: z.object({
    name: z.string(),
    format: z.string(),
    kernel: z.string().optional(),
    duration_ns: z.number(),
    events: z.number(),
  }),
  verdict: z.object({
    root_cause: z.string(),
    most_likely: z.string().optional(),
    title: z.string(),
    severity: severitySchema,
    confidence: z.number(),
    confidence_reasons: z.array(z.string()),
    summary: z.string(),
    bdi: z.string().optional(),
    window_ns: window,
    time_lost_s: z.number(),
    /** Causes that explain nearly as much. */
    also: z.array(z.string()),
  }),
  findings: z.array(findingSchema),
  stalls: z.object({
    count: z.number(),
    own_ms: z.number(),
    places: z.array(placeSchema),
  }),
  quality: z.object({
    lost_events: z.number(),
    lost_share: z.number(),
    /** Length in which no CPU lacks events. */
    observed_ns: z.number(),
    /** The kernel's numbers that were checked against its laws, and how many obeyed. */
    checks: z.number(),
    checks_exact: z.number(),
    diagnostics: z.array(
      z.object({ code: z.string(), severity: z.string(), message: z.string(), count: z.number() }),
    ),
  }),
  next_capture: z.object({
    reasons: z.array(z.string()),
    command: z.string(),
    samples: z.string().optional(),
  }),
});

export type DiagnosisDocument = z.infer<typeof diagnosisSchema>;
export type DiagnosisFinding = z.infer<typeof findingSchema>;

/** A diagnosis read back from JSON text; throws an error that says which field is wrong. */
export function parseDiagnosis(text: string): DiagnosisDocument {
  return diagnosisSchema.parse(JSON.parse(text));
}
