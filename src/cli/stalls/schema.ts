/** The document that `tidemark stalls --json` prints, as a schema. Times in ms, on the trace's clock. */
import * as z from 'zod';
import { STALL_ENDS, STALL_PLACES } from '../../derive/stalls.ts';

/** Raised when a key changes its meaning or goes; new keys do not raise it. */
export const STALLS_VERSION = 1;

const ms = z.number().nonnegative();
const count = z.number().int().nonnegative();
const place = z.enum(STALL_PLACES);
/** Whose waits: the kernel's own threads wait as part of their work. */
const by = z.enum(['tasks', 'kernel-threads']);

const percentiles = z.strictObject({
  min: ms,
  ...{ p1: ms, p5: ms, p10: ms, p25: ms, p50: ms, p75: ms, p90: ms, p95: ms, p99: ms },
  ...{ max: ms, mean: ms },
});

/** How many lie between two bounds; `to_ms` is null in the last one, which has no upper bound. */
const bucket = z.strictObject({ from_ms: ms, to_ms: ms.nullable(), count });

const spread = {
  count,
  /** Sum of the durations; waits inside of others are in both. */
  total_ms: ms,
  percentiles_ms: percentiles,
  buckets: z.array(bucket),
};

const totals = {
  ...spread,
  place,
  by,
  tasks: count,
  /** Each moment of a task in its innermost wait only. */
  own_ms: ms,
  /** What the kernel asked for, where it says so. */
  asked_ms: ms,
  /** Of the count: end not recorded, place concluded, events lost in between. */
  open: count,
  uncertain: count,
  across_loss: count,
};

const task = z.strictObject({
  pid: z.number().int(),
  comm: z.string(),
  by,
  cgroup: z.string().nullable(),
  count,
  lost_ms: ms,
  /** Of the window; more than 1 only where waits began before it. */
  share: z.number().nonnegative(),
  longest_ms: ms,
  /** Outermost: what the task was in from its own view; and innermost, where most time was. */
  place,
  mostly: place,
  mostly_ms: ms,
  on: z.string().nullable(),
});

const episode = z.strictObject({
  place,
  event: z.string(),
  reason: z.string().nullable(),
  pid: z.number().int(),
  comm: z.string(),
  by,
  cgroup: z.string().nullable(),
  bdi: z.string().nullable(),
  /** Device as major:minor. */
  dev: z.string().nullable(),
  ino: z.string().nullable(),
  /** Since the capture's first event; negative where the kernel's measure reaches back further. */
  start_ms: z.number(),
  duration_ms: ms,
  /** Without the gaps between joined waits; and what the kernel asked for, where it says so. */
  waited_ms: ms,
  asked_ms: ms.nullable(),
  stalls: count,
  /** How many follow an earlier one after a gap, and why they are one wait nevertheless. */
  joined: count,
  joined_by: z.enum(['allowance', 'tick']).nullable(),
  mostly: place,
  mostly_ms: ms,
  /** How its end is known, hence what the duration is to the true one. */
  end: z.enum(STALL_ENDS),
  bound: z.enum(['exact', 'at-most', 'at-least']),
  open: z.boolean(),
  begun_before: z.boolean(),
  certainty: z.enum(['certain', 'likely', 'possible']),
  across_loss: z.boolean(),
  /** Rows of `tidemark tables --event <table>`, counted from 0. */
  evidence: z.array(z.strictObject({ table: z.string(), row: count, seq: count })),
});

const requests = z.strictObject({
  dev: z.string(),
  kind: z.enum(['read', 'write', 'flush', 'discard', 'other']),
  ...spread,
  /** Before the device got them, of those that were seen queued. */
  queued: z.strictObject(spread),
  unfinished: count,
  slowest: z.array(
    z.strictObject({
      start_ms: ms,
      duration_ms: ms,
      sector: z.number(),
      sectors: count,
      seq: count,
    }),
  ),
});

export const StallsDocument = z.strictObject({
  version: z.literal(STALLS_VERSION),
  /** From 0, the capture's first event, to its last. */
  window_ns: z.tuple([z.number(), z.number()]),
  /** Absolute time of the first event on the trace's clock; a string, for it needs 64 bits. */
  origin_ns: z.string(),
  places: z.array(z.strictObject(totals)),
  /** The same by bdi, or else device; empty where neither is known. */
  devices: z.array(z.strictObject({ ...totals, on: z.string() })),
  tasks: z.array(task),
  episodes: z.array(episode),
  block_requests: z.array(requests),
  /** Rows left out by --limit. */
  omitted: z.strictObject({ tasks: count, episodes: count }),
  /** What weakens the numbers, each a sentence. */
  notes: z.array(z.string()),
});

export type StallsDocument = z.infer<typeof StallsDocument>;
