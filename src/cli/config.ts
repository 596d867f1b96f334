/** Options as commander hands them over → checked and typed. */
import * as z from 'zod';
import { STALL_PLACES } from '../derive/stalls/stall.ts';
import { UsageError } from '../trace/errors.ts';

const SEVERITIES = ['info', 'notice', 'warning', 'critical'] as const;

const path = z.string().min(1, 'needs a file name');
const SIZE_UNITS: Readonly<Record<string, number>> = { '': 0, K: 1, M: 2, G: 3, T: 4 };

/** `512M`, `16G`, `1000000` (bytes); units are powers of 1024. */
const size = z
  .string()
  .regex(/^\d{1,12}[KMGT]?$/i, 'is not a size such as 512M or 16G')
  .transform((text) => {
    const unit = SIZE_UNITS[text.replace(/\d+/, '').toUpperCase()] ?? 0;
    return Number.parseInt(text, 10) * 1024 ** unit;
  })
  .refine((bytes) => bytes > 0 && bytes <= 2 ** 50, 'is not between 1 byte and 1024T');
const seconds = z
  .string()
  .regex(/^[-+]?\d{1,12}(\.\d{1,9})?$/, 'is not a number of seconds')
  .transform(Number);

const common = {
  vmstat: path.optional(),
  meta: path.optional(),
  clockOffset: seconds.optional(),
  maxUnpacked: size.optional(),
  quiet: z.boolean().default(false),
};

export const InspectOptions = z.object({ ...common, json: z.boolean().default(false) });
export const ReplayOptions = InspectOptions;
export const TablesOptions = z
  .object({
    ...common,
    event: z.string().min(1, 'needs the name of an event').optional(),
    csv: z.boolean().default(false),
    json: z.boolean().default(false),
  })
  .refine(({ csv, json }) => !(csv && json), '--csv and --json exclude each other');
export const StallsOptions = z.object({
  ...common,
  json: z.boolean().default(false),
  place: z.enum(STALL_PLACES, `is none of ${STALL_PLACES.join(', ')}`).optional(),
  task: z.string().min(1, 'needs a pid or a name').optional(),
  bdi: z.string().min(1, 'needs a bdi, e.g. 7:0').optional(),
  limit: z
    .string()
    .regex(/^\d{1,7}$/, 'is not a number of rows')
    .transform(Number)
    .optional(),
});
export const DiagnoseOptions = z
  .object({
    ...common,
    json: z.boolean().default(false),
    markdown: z.boolean().default(false),
    failOn: z.enum(SEVERITIES, `is none of ${SEVERITIES.join(', ')}`).optional(),
    config: path.optional(),
  })
  .refine(({ json, markdown }) => !(json && markdown), '--json and --markdown exclude each other');
/** `4.5,9`: seconds since the trace began. */
const window = z
  .string()
  .regex(/^\d{1,9}(\.\d{1,9})?,\d{1,9}(\.\d{1,9})?$/, 'is not FROM,TO in seconds, e.g. 4.5,9')
  .transform((text) => text.split(',').map((part) => Math.round(Number(part) * 1e9)))
  .refine(([from = 0, to = 0]) => from < to, 'ends before it begins')
  .transform(([from = 0, to = 0]) => [from, to] as const);
/** `workload`, `start`, or seconds of the capture before and of the one after. */
const align = z.union(
  [
    z.enum(['workload', 'start']),
    z
      .string()
      .regex(/^\d{1,9}(\.\d{1,9})?,\d{1,9}(\.\d{1,9})?$/)
      .transform((text) => text.split(',').map(Number) as unknown as readonly [number, number]),
  ],
  'is neither workload, start nor BEFORE_S,AFTER_S in seconds, e.g. 4.5,6',
);
const line = z.string().min(1, 'needs a text').max(2000, 'is longer than 2000 characters');

export const ReportOptions = z
  .object({
    ...common,
    output: path.default('report.html'),
    json: path.optional(),
    markdown: path.optional(),
    svg: path.optional(),
    png: path.optional(),
    other: path.optional(),
    against: path.optional(),
    align: align.optional(),
    window: window.optional(),
    title: line.optional(),
    note: line.optional(),
    redact: z.boolean().default(false),
    config: path.optional(),
  })
  .refine(({ output, json, markdown }) => {
    const named = [output, json, markdown].filter((name) => name !== undefined);
    return new Set(named).size === named.length;
  }, 'two of -o, --json and --markdown name the same file')
  .refine(
    ({ other, against }) => other === undefined || against === undefined,
    'a second capture is either named after the first or with --against, not both',
  )
  .refine(
    ({ other, against, align: times }) => times === undefined || (other ?? against) !== undefined,
    '--align needs a second capture',
  );

const TWO_SYSTEMS = 'needs two of them: --system A --system B (tidemark systems lists them)';
export const CompareOptions = z.object({
  ...common,
  json: z.boolean().default(false),
  system: z
    .array(z.string())
    .default([])
    .pipe(z.tuple([z.string(), z.string()], TWO_SYSTEMS)),
  set: z.array(z.string()).default([]),
  output: path.optional(),
});
export const SystemsOptions = z.object({ json: z.boolean().default(false) });

export const WatchOptions = z.object({
  quiet: z.boolean().default(false),
  once: z.boolean().default(false),
  redact: z.boolean().default(false),
  output: path.optional(),
  port: z
    .string()
    .regex(/^\d{1,5}$/, 'is not the number of a port')
    .transform(Number)
    .refine((port) => port <= 65_535, 'is above 65535')
    .default(8377),
  every: z
    .string()
    .regex(/^\d{1,5}(\.\d{1,3})?$/, 'is not a number of seconds')
    .transform(Number)
    .refine((value) => value >= 0.1, 'is less than a tenth of a second')
    .default(2),
});

/** Throws UsageError, which names the option. */
export function parseOptions<T extends z.ZodType>(schema: T, raw: unknown): z.infer<T> {
  const result = schema.safeParse(raw);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const option = (issue?.path.join('.') ?? '').replace(
    /[A-Z]/g,
    (char) => `-${char.toLowerCase()}`,
  );
  throw new UsageError(option === '' ? `${issue?.message}` : `--${option} ${issue?.message}`);
}
