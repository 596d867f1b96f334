/** Options as commander hands them over → checked and typed. */
import { z } from 'zod';
import { UsageError } from '../trace/errors.ts';

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
export const ReportOptions = z
  .object({ ...common, output: path.default('report.html'), json: path.optional() })
  .refine(({ output, json }) => output !== json, '-o and --json name the same file');

export function parseOptions<T extends z.ZodType>(schema: T, raw: unknown): z.infer<T> {
  const result = schema.safeParse(raw);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const option = (issue?.path.join('.') ?? '').replace(
    /[A-Z]/g,
    (char) => `-${char.toLowerCase()}`,
  );
  throw new UsageError(option === '' ? `${issue?.message}` : `--${option}: ${issue?.message}`);
}
