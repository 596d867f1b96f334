/**
 * The documents that `tidemark compare --json` and `tidemark systems --json` print, as schemas.
 * Times are nanoseconds since the capture's first event.
 */
import * as z from 'zod';

/** Raised when a key changes its meaning or goes; new keys do not raise it. */
export const COMPARE_VERSION = 2;
export const SYSTEMS_VERSION = 1;

const count = z.number().int().nonnegative();
const switches = z.record(z.string(), z.union([z.number(), z.boolean(), z.string()]));
const unit = z.enum(['pages', 'bytes', 'events', 'percent']);

const series = z.strictObject({
  counter: z.string(),
  unit,
  /** Null for the node, or for the sum over all bdis. */
  bdi: z.string().nullable(),
  /** One for each of the document's `t_ns`; null before the counter is known. */
  values: z.array(z.number().nullable()),
});

const about = { id: z.string(), title: z.string(), switches };

const replayed = z.strictObject({
  ...about,
  status: z.literal('replayed'),
  throttling: z.strictObject({
    first_ns: z.number().nullable(),
    total_ns: z.number(),
    stretches: z.array(z.strictObject({ from_ns: z.number(), to_ns: z.number() })),
    omitted: count,
  }),
  memory_bytes: z.strictObject({ mean: z.number(), peak: z.number(), end: z.number() }),
  written_bytes: z.number(),
  tasks: z.array(
    z.strictObject({
      pid: z.number().int(),
      comm: z.string(),
      /** Pages, or nodes where the system charges one for each. */
      charged: z.number(),
      /** Came to balance_dirty_pages; of these, above freerun. */
      entries: count,
      throttled: count,
      first_throttled_ns: z.number().nullable(),
      /** Recorded above freerun; null where that was not recorded. */
      recorded: count.nullable(),
    }),
  ),
  notes: z.array(z.string()),
  series: z.array(series),
});

const notApplicable = z.strictObject({
  ...about,
  status: z.literal('not-applicable'),
  needs: z.array(
    z.strictObject({
      need: z.string(),
      events: z.array(z.string()),
      why: z.string(),
      /** The events were recorded, and there is nothing of that sort among them. */
      recorded: z.boolean(),
    }),
  ),
});

/** How well the recorded system is predicted (level b). */
const fit = z.strictObject({
  of: z.string(),
  n: count,
  within_drift: count,
  drift_bound_pages: z.number(),
  max_abs_pages: z.number(),
});

export const CompareDocument = z.strictObject({
  version: z.literal(COMPARE_VERSION),
  window_ns: z.tuple([z.number(), z.number()]),
  page_size: count,
  /** Of the systems: counterfactual. The fits are those of level (b). */
  level: z.literal('c'),
  fits: z.array(fit),
  t_ns: z.array(z.number()),
  systems: z.tuple([
    z.discriminatedUnion('status', [replayed, notApplicable]),
    z.discriminatedUnion('status', [replayed, notApplicable]),
  ]),
  /** Second system minus first. */
  differences: z.array(
    z.strictObject({
      counter: z.string(),
      unit,
      largest: z.number(),
      at_ns: z.number(),
      mean: z.number(),
      end: z.number(),
      fit: fit.nullable(),
    }),
  ),
  assumptions: z.array(z.string()),
  notes: z.array(z.string()),
});
export type CompareDocument = z.infer<typeof CompareDocument>;

export const SystemsDocument = z.strictObject({
  version: z.literal(SYSTEMS_VERSION),
  systems: z.array(
    z.strictObject({
      ...about,
      modelled: z.string(),
      not_modelled: z.string(),
      sources: z.array(z.string()),
      needs: z.array(
        z.strictObject({ need: z.string(), events: z.array(z.string()), why: z.string() }),
      ),
      listens: z.array(z.string()),
    }),
  ),
  switches: z.array(
    z.strictObject({
      name: z.string(),
      values: z.string(),
      meaning: z.string(),
      otherwise: z.string(),
    }),
  ),
});
export type SystemsDocument = z.infer<typeof SystemsDocument>;
