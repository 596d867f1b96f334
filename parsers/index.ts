/** The room's only door: a path (and what lies beside it) becomes a Trace. */
import { DICTIONARY } from '../src/events/index.ts';
import { DiagnosticCollector } from '../src/trace/diagnostics.ts';
import { FormatError, UsageError } from '../src/trace/errors.ts';
import type { Table } from '../src/trace/table.ts';
import type { HostFacts, Trace } from '../src/trace/trace.ts';
import { type ByteSource, fileExists, openSource, readBytes } from './bytes/source.ts';
import { overlapsTrace, readCounters } from './formats/counters-csv/index.ts';
import type { Imported } from './importer.ts';
import { IMPORTERS } from './importers.ts';

export type OpenOptions = {
  /** Counter samples; undefined looks for them beside the trace. */
  readonly vmstat?: string | undefined;
  /** What the recorder wrote down of the machine; undefined looks for it beside the trace. */
  readonly meta?: string | undefined;
  readonly progress?: ((share: number) => void) | undefined;
};

const HEAD_BYTES = 64 << 10;

/**
 * Reads a capture. Throws UsageError or FormatError (one sentence, with the place) when nothing can
 * be made of it; everything less is a diagnostic of the returned trace.
 */
export async function openTrace(path: string, options: OpenOptions = {}): Promise<Trace> {
  const diagnostics = new DiagnosticCollector();
  const source = await openSource(path);
  try {
    const told = await hostFacts(path, options.meta, diagnostics);
    const imported = importTrace(source, told, diagnostics, options.progress ?? (() => {}));
    const host = sameMachine(imported, told, options.meta, diagnostics);
    const samples = await counterSamples(path, options.vmstat, imported, host, diagnostics);
    return {
      meta: {
        ...imported.meta,
        compression: source.compression,
        kernel: imported.meta.kernel ?? host.kernel,
        machine: imported.meta.machine ?? host.machine,
        clock: imported.meta.clock ?? host.trace_clock,
        page_size: imported.meta.page_size ?? host.page_size,
      },
      tables: imported.tables,
      samples,
      host,
      losses: imported.losses,
      diagnostics: diagnostics.list(),
    };
  } finally {
    source.close();
  }
}

function importTrace(
  source: ByteSource,
  host: HostFacts,
  diagnostics: DiagnosticCollector,
  progress: (share: number) => void,
): Imported {
  const head = readBytes(source, 0, HEAD_BYTES);
  const importer = IMPORTERS.find((candidate) => candidate.sniff(head));
  if (importer === undefined) {
    const known = IMPORTERS.map(({ title }) => title).join(', ');
    throw new FormatError(
      `${source.name} is not a trace that Tidemark knows (${known}); it begins with ${preview(head)}`,
    );
  }
  return importer.read(source, {
    dictionary: DICTIONARY,
    diagnostics,
    pageSize: host.page_size,
    progress,
  });
}

/** The first bytes as a reader of the message can recognise them. */
function preview(head: Uint8Array): string {
  const text = Array.from(head.subarray(0, 24), (byte) =>
    byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.',
  ).join('');
  return JSON.stringify(text);
}

async function hostFacts(
  trace: string,
  given: string | undefined,
  diagnostics: DiagnosticCollector,
): Promise<HostFacts> {
  const path = given ?? besides(trace, 'meta.json');
  if (path === undefined) return {};
  // zod is loaded only when there is a document to check: start-up stays short.
  const { readMetaJson } = await import('./sidecars/meta-json.ts');
  try {
    return await withSource(path, readMetaJson);
  } catch (error) {
    if (given !== undefined) throw error;
    diagnostics.add('sidecar_ignored', 1, {}, messageOf(error));
    return {};
  }
}

/** Facts about another kernel than the one that recorded the trace must not explain it. */
function sameMachine(
  imported: Imported,
  told: HostFacts,
  given: string | undefined,
  diagnostics: DiagnosticCollector,
): HostFacts {
  const { kernel } = imported.meta;
  if (kernel === undefined || told.kernel === undefined || kernel === told.kernel) return told;
  const detail = `meta data of kernel ${told.kernel}, trace of kernel ${kernel}`;
  if (given !== undefined) throw new UsageError(`${given} does not belong to the trace: ${detail}`);
  diagnostics.add('sidecar_ignored', 1, {}, `(${detail})`);
  return {};
}

async function counterSamples(
  trace: string,
  given: string | undefined,
  imported: Imported,
  host: HostFacts,
  diagnostics: DiagnosticCollector,
): Promise<Table | undefined> {
  const path = given ?? besides(trace, 'vmstat.csv');
  if (path === undefined) return undefined;
  try {
    const { origin_ns, duration_ns, clock } = imported.meta;
    const samples = await withSource(path, (source) => readCounters(source, origin_ns));
    const traceClock = clock ?? host.trace_clock;
    const sameClock = samples.clock === undefined || traceClock === undefined || samples.clock === traceClock;
    if (sameClock && overlapsTrace(samples.table, duration_ns)) return samples.table;
    const detail = sameClock
      ? 'their times do not overlap the trace'
      : `samples use ${samples.clock}, the trace ${traceClock}`;
    diagnostics.add('clock_mismatch', samples.table.rows, {}, `(${detail})`);
    return undefined;
  } catch (error) {
    if (given !== undefined) throw error;
    diagnostics.add('sidecar_ignored', 1, {}, messageOf(error));
    return undefined;
  }
}

async function withSource<T>(path: string, use: (source: ByteSource) => T): Promise<T> {
  const source = await openSource(path);
  try {
    return use(source);
  } finally {
    source.close();
  }
}

/**
 * What lies beside `x.v6.dat.gz`: `x.v6.<kind>`, `x.<kind>`, or the plain `<kind>` of a folder that
 * holds one capture. Whether it belongs to the trace is for the caller to check.
 */
function besides(trace: string, kind: string): string | undefined {
  if (trace === '-') return undefined;
  const slash = trace.lastIndexOf('/') + 1;
  const folder = trace.slice(0, slash);
  const parts = trace.slice(slash).split('.');
  const stems = parts.slice(0, -1).map((_, dropped) => parts.slice(0, -1 - dropped).join('.'));
  const candidates = [...stems.map((stem) => `${folder}${stem}.${kind}`), `${folder}${kind}`];
  return candidates.find(fileExists);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
