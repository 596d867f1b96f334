/** Options as commander hands them over → checked and typed. */
import { z } from 'zod';
import { UsageError } from '../trace/errors.ts';

const path = z.string().min(1, 'needs a file name');
const common = {
  vmstat: path.optional(),
  meta: path.optional(),
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
  const option = issue?.path.join('.') ?? '';
  throw new UsageError(option === '' ? `${issue?.message}` : `--${option}: ${issue?.message}`);
}
