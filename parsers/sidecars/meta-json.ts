/**
 * meta.json beside a trace: what the recorder wrote down of the machine. Checked, never trusted.
 */
import * as z from 'zod';
import { UsageError } from '../../src/trace/errors.ts';
import type { HostFacts } from '../../src/trace/trace.ts';
import type { ByteSource } from '../bytes/source.ts';
import { readBytes } from '../bytes/source.ts';

const MAX_META_BYTES = 16 << 20;

const textMap = z.record(z.string(), z.coerce.string());
const seconds = z.number().nonnegative().max(1e12);

/** Unknown keys are allowed: recorders write down more than Tidemark reads. */
const Meta = z.looseObject({
  kernel: z.string().max(200).optional(),
  machine: z.string().max(100).optional(),
  cpus: z.number().int().min(1).max(16384).optional(),
  page_size: z
    .number()
    .int()
    .min(1024)
    .max(1 << 20)
    .refine((size) => (size & (size - 1)) === 0, 'not a power of two')
    .optional(),
  /** Bytes of a btrfs tree node, as `btrfs inspect-internal dump-super` calls nodesize. */
  node_size: z
    .number()
    .int()
    .min(1024)
    .max(65536)
    .refine((size) => (size & (size - 1)) === 0, 'not a power of two')
    .optional(),
  hz: z.number().int().min(10).max(10_000).optional(),
  trace_clock: z.string().max(50).optional(),
  samples_clock: z.string().max(50).optional(),
  sysctl: textMap.optional(),
  bdi: z.record(z.string(), textMap).optional(),
  zoneinfo: z.string().optional(),
  meminfo: z.string().optional(),
  workload: z.looseObject({ start: seconds.optional(), end: seconds.optional() }).optional(),
});

/** Throws UsageError with the key that is wrong. */
export function readMetaJson(source: ByteSource): HostFacts {
  if (source.size > MAX_META_BYTES) {
    throw new UsageError(`${source.name} is too large for a meta.json (${source.size} bytes)`);
  }
  const text = new TextDecoder().decode(readBytes(source, 0, source.size));
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new UsageError(
      `${source.name} is not JSON: ${error instanceof Error ? error.message : ''}`,
    );
  }
  const result = Meta.safeParse(json);
  if (!result.success) {
    const [issue] = result.error.issues;
    const key = issue?.path.join('.') ?? '';
    throw new UsageError(`${source.name}: ${key === '' ? 'the document' : key}: ${issue?.message}`);
  }
  const { workload, ...facts } = result.data;
  return {
    kernel: facts.kernel,
    machine: facts.machine,
    cpus: facts.cpus,
    page_size: facts.page_size,
    node_size: facts.node_size,
    hz: facts.hz,
    trace_clock: facts.trace_clock,
    samples_clock: facts.samples_clock,
    sysctl: facts.sysctl,
    bdi: facts.bdi,
    zoneinfo: facts.zoneinfo,
    meminfo: facts.meminfo,
    workload_start_ns: nanoseconds(workload?.start),
    workload_end_ns: nanoseconds(workload?.end),
  };
}

function nanoseconds(value: number | undefined): bigint | undefined {
  return value === undefined ? undefined : BigInt(Math.round(value * 1e6)) * 1000n;
}
