/** The room's only door: a path (and what lies beside it) becomes a Trace. */
import { TRACED_COUNTERS } from '../src/events/counters.ts';
import { DICTIONARY, generationOf } from '../src/events/index.ts';
import { DiagnosticCollector } from '../src/trace/diagnostics.ts';
import { FormatError, UsageError } from '../src/trace/errors.ts';
import type { Table, Tables } from '../src/trace/table.ts';
import type { HostFacts, Trace } from '../src/trace/trace.ts';
import { type Capture, openCapture, type Sidecar } from './bundle-capture.ts';
import { type ByteSource, HEAD_BYTES, readBytes } from './bytes/source.ts';
import type { UnpackLimits } from './bytes/unpack.ts';
import type { Hole } from './bytes/unpack-segments.ts';
import { checkValues } from './check-values.ts';
import type { CounterSamples } from './formats/counters-csv/index.ts';
import type { Imported, KeepEvents } from './importer.ts';
import { IMPORTERS } from './importers.ts';
import type { JobName } from './workers/jobs.ts';
import { startPool, type WorkerPool } from './workers/pool.ts';

export type OpenOptions = {
  /** Counter samples; undefined looks for them beside the trace. */
  readonly vmstat?: string | undefined;
  /** What the recorder wrote down of the machine; undefined looks for it beside the trace. */
  readonly meta?: string | undefined;
  /** What must be added to the samples' times; undefined finds out, where the clocks differ. */
  readonly clockOffsetSeconds?: number | undefined;
  /** What a packed input, or standard input, may become in memory. */
  readonly limits?: Partial<UnpackLimits> | undefined;
  /** What `-` reads; the process's own standard input if undefined. */
  readonly stdin?: AsyncIterable<Uint8Array> | undefined;
  readonly progress?: ((share: number) => void) | undefined;
  /** How much of each event to read, by its canonical name; undefined reads everything. */
  readonly keep?: KeepEvents | undefined;
  /** How many threads may read; undefined takes as many as there are processors. */
  readonly threads?: number | undefined;
};

export type { Detail, KeepEvents } from './importer.ts';

/**
 * Reads a capture: a file, a folder or a tar with one trace in it, `ARCHIVE!PATH`, or `-`. Throws
 * UsageError or FormatError (one sentence, with the place) when nothing can be made of it;
 * everything less is a diagnostic of the returned trace.
 */
export async function openTrace(path: string, options: OpenOptions = {}): Promise<Trace> {
  const diagnostics = new DiagnosticCollector();
  const capture = await openCapture(path, { ...options, findHole });
  try {
    const source = capture.trace;
    if (capture.damage !== undefined) {
      diagnostics.add(
        'sidecar_ignored',
        undefined,
        {},
        `(the archive is damaged: ${capture.damage})`,
      );
    }
    const told = await hostFacts(capture.meta, diagnostics);
    const imported = await importTrace(source, told, diagnostics, capture, options);
    checkValues(imported.tables, diagnostics, imported.belowZero, imported.neverBelowZero);
    const known = sameMachine(imported, told, capture.meta, diagnostics);
    const host = await withSnapshots(known, capture.snapshots, diagnostics);
    const tables = await counterSamples(
      capture,
      imported,
      host,
      options.clockOffsetSeconds,
      diagnostics,
    );
    return {
      meta: {
        ...imported.meta,
        compression: source.compression,
        kernel: imported.meta.kernel ?? host.kernel,
        machine: imported.meta.machine ?? host.machine,
        clock: imported.meta.clock ?? host.trace_clock,
        page_size: imported.meta.page_size ?? host.page_size,
        generation: imported.meta.generation ?? generationByNames(imported),
      },
      tables: imported.tables,
      // Whatever was asked for as such is taken as such.
      samples: tables.get('vmstat') ?? (options.vmstat === undefined ? undefined : first(tables)),
      sampleTables: tables,
      host,
      losses: imported.losses,
      diagnostics: diagnostics.list(),
    };
  } finally {
    capture.close();
  }
}

function findHole(head: Uint8Array): Hole | undefined {
  return IMPORTERS.find(({ hole, sniff }) => hole !== undefined && sniff(head))?.hole?.(head);
}

async function importTrace(
  source: ByteSource,
  host: HostFacts,
  diagnostics: DiagnosticCollector,
  { samples }: Capture,
  { progress, keep, threads, limits }: OpenOptions,
): Promise<Imported> {
  const head = readBytes(source, 0, HEAD_BYTES);
  const importer = IMPORTERS.find((candidate) => candidate.sniff(head));
  if (importer === undefined) {
    const what = (await toldOf(head)) ?? unknown(head);
    throw new FormatError(`${source.name} ${what}`);
  }
  let pool: WorkerPool | undefined;
  const workers = (first?: JobName): WorkerPool | undefined => {
    pool ??= startPool(threads, first);
    return pool;
  };
  try {
    return await importer.read(source, {
      dictionary: DICTIONARY,
      diagnostics,
      pageSize: host.page_size,
      progress: progress ?? (() => {}),
      limits,
      keep: samples.length === 0 ? keep : withTracedCounters(keep),
      workers,
    });
  } finally {
    pool?.close();
  }
}

/** What is known of an input that is no trace, as the end of a sentence. */
async function toldOf(head: Uint8Array): Promise<string | undefined> {
  const [{ whatElse, whyNoEvents }, { sniffCounters }] = await Promise.all([
    import('./no-events.ts'),
    import('./formats/counters-csv/index.ts'),
  ]);
  const why = whyNoEvents(head);
  if (why !== undefined) return `has no trace event: ${why}`;
  if (sniffCounters(head) === undefined) return whatElse(head);
  return 'holds counters and no events; give the trace, and these with --vmstat';
}

function unknown(head: Uint8Array): string {
  if (head.length === 0) return 'is empty (0 bytes)';
  const known = IMPORTERS.map(({ title }) => title).join(', ');
  return `is not a trace that Tidemark knows (${known}); it begins with ${preview(head)}`;
}

/** The clock of samples is found by counters that events hold, too. */
function withTracedCounters(keep: KeepEvents | undefined): KeepEvents | undefined {
  if (keep === undefined) return undefined;
  const traced = new Set(TRACED_COUNTERS.map(({ event }) => event));
  return (event) => (traced.has(event) ? 'columns' : keep(event));
}

/** Formats that do not look at fields still know which events there were. */
function generationByNames({ meta }: Imported): string | undefined {
  return generationOf(new Map(meta.events.map(({ name }) => [name, undefined])));
}

/** The first bytes as a reader of the message can recognise them. */
function preview(head: Uint8Array): string {
  const text = Array.from(head.subarray(0, 24), (byte) =>
    byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.',
  ).join('');
  return JSON.stringify(text);
}

async function hostFacts(
  sidecar: Sidecar | undefined,
  diagnostics: DiagnosticCollector,
): Promise<HostFacts> {
  if (sidecar === undefined) return {};
  // zod is loaded only when there is a document to check: start-up stays short.
  const { readMetaJson } = await import('./sidecars/meta-json.ts');
  return (await readSidecar(sidecar, diagnostics, readMetaJson)) ?? {};
}

/** Facts about another kernel than the one that recorded the trace must not explain it. */
function sameMachine(
  imported: Imported,
  told: HostFacts,
  sidecar: Sidecar | undefined,
  diagnostics: DiagnosticCollector,
): HostFacts {
  const { kernel } = imported.meta;
  if (kernel === undefined || told.kernel === undefined || kernel === told.kernel) return told;
  const detail = `meta data of kernel ${told.kernel}, trace of kernel ${kernel}`;
  if (sidecar?.given)
    throw new UsageError(`${sidecar.name} does not belong to the trace: ${detail}`);
  diagnostics.add('kernels_differ', 1, {}, detail);
  return {};
}

async function withSnapshots(
  host: HostFacts,
  snapshots: readonly Sidecar[],
  diagnostics: DiagnosticCollector,
): Promise<HostFacts> {
  if (snapshots.length === 0) return host;
  const { readSnapshots } = await import('./sidecars/snapshots.ts');
  const { facts, unused } = await readSnapshots(snapshots.slice(0, MAX_SAMPLE_FILES));
  if (unused.length > 0) {
    const names = `${unused.slice(0, 3).join(', ')}${unused.length > 3 ? ' and more' : ''}`;
    const detail = `(${names}: counters of one moment, at a time that nothing tells)`;
    diagnostics.add('sidecar_ignored', unused.length, {}, detail);
  }
  return { ...facts, ...host };
}

function first(tables: Tables): Table | undefined {
  return [...tables.values()][0];
}

/** More are no recording of one machine. */
const MAX_SAMPLE_FILES = 100;

/** Sampled counters by name of table, on the trace's clock. */
async function counterSamples(
  capture: Capture,
  { meta, tables }: Imported,
  host: HostFacts,
  clockOffsetSeconds: number | undefined,
  diagnostics: DiagnosticCollector,
): Promise<Tables> {
  if (capture.samples.length === 0) return new Map();
  // csv-parse and zod, too, only when they have something to do.
  const [{ readCounters }, { alignSamples }] = await Promise.all([
    import('./formats/counters-csv/index.ts'),
    import('./sidecars/align.ts'),
  ]);
  const all: CounterSamples[] = [];
  for (const sidecar of capture.samples.slice(0, MAX_SAMPLE_FILES)) {
    const read = (source: ByteSource) => readCounters(source, meta.origin_ns);
    const samples = await readSidecar(sidecar, diagnostics, read);
    if (samples === undefined) continue;
    const subject = `of ${sidecar.name}`;
    if (samples.unreadable > 0) {
      diagnostics.add('line_unreadable', samples.unreadable, { subject });
    }
    if (samples.ignored.length > 0) {
      const columns = samples.ignored.slice(0, 3).join(', ');
      const detail = `(${sidecar.name}: what stands in ${columns} is no number)`;
      diagnostics.add('sidecar_ignored', samples.ignored.length, {}, detail);
    }
    all.push({ ...samples, clock: samples.clock ?? host.samples_clock });
  }
  const { duration_ns } = meta;
  const time = { clock: meta.clock ?? host.trace_clock, duration_ns, tables };
  const byName = new Map<string, Table>();
  for (const table of alignSamples(all, time, clockOffsetSeconds, diagnostics)) {
    byName.set(freeName(byName, table.name), table);
  }
  return byName;
}

/** The samples nearest to the trace come first and keep the name; further ones get a number. */
function freeName(taken: ReadonlyMap<string, Table>, name: string): string {
  let number = 1;
  while (taken.has(number === 1 ? name : `${name}_${number}`)) number++;
  return number === 1 ? name : `${name}_${number}`;
}

/** Damage in a file that was only found is a diagnostic, in one that was asked for the end. */
async function readSidecar<T>(
  sidecar: Sidecar,
  diagnostics: DiagnosticCollector,
  read: (source: ByteSource) => T,
): Promise<T | undefined> {
  try {
    const source = await sidecar.open();
    try {
      return read(source);
    } finally {
      source.close();
    }
  } catch (error) {
    const isWrongInput = error instanceof UsageError || error instanceof FormatError;
    if (sidecar.given || !isWrongInput) throw error;
    diagnostics.add('sidecar_ignored', 1, {}, error.message);
    return undefined;
  }
}
