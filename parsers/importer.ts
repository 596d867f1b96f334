/** What a trace format provides: recognise itself by content, and read itself into tables. */
import type { EventDefinition } from '../src/events/index.ts';
import type { Column } from '../src/trace/column.ts';
import type { DiagnosticCollector } from '../src/trace/diagnostics.ts';
import type { Tables } from '../src/trace/table.ts';
import type { Loss, TraceMeta } from '../src/trace/trace.ts';
import type { ByteSource } from './bytes/source.ts';
import type { UnpackLimits } from './bytes/unpack.ts';
import type { Hole } from './bytes/unpack-segments.ts';
import type { BelowZero } from './check-values.ts';
import type { JobName } from './workers/jobs.ts';
import type { WorkerPool } from './workers/pool.ts';

/**
 * How much of an event is read: all of its columns; those that every event has; or nothing but how
 * often it happened, which then stands in `meta.events` alone.
 */
export type Detail = 'columns' | 'base' | 'count';

/** By the event's canonical name. */
export type KeepEvents = (event: string) => Detail;

export type ImportContext = {
  readonly dictionary: ReadonlyMap<string, EventDefinition>;
  readonly diagnostics: DiagnosticCollector;
  /** Page size for inputs that do not say it themselves. */
  readonly pageSize: number | undefined;
  /** Told the share of the input that was read, from 0 to 1. */
  readonly progress: (share: number) => void;
  /** What packed parts of an input may become in memory; undefined for DEFAULT_LIMITS. */
  readonly limits?: Partial<UnpackLimits> | undefined;
  /** Undefined keeps everything. Only makes reading faster: what is kept is the same. */
  readonly keep?: KeepEvents | undefined;
  /**
   * Starts threads, which get ready for their `first` job, or returns those that were started;
   * undefined where there are none.
   */
  readonly workers?: ((first?: JobName) => WorkerPool | undefined) | undefined;
};

export type Imported = {
  readonly meta: Omit<TraceMeta, 'compression'>;
  readonly tables: Tables;
  readonly losses: readonly Loss[];
  /** Counters below zero in columns that were not kept, as checkValues() finds them in tables. */
  readonly belowZero?: readonly BelowZero[];
  /** Columns that are known to have no value below zero, which need not be looked for. */
  readonly neverBelowZero?: ReadonlySet<Column>;
};

export type Importer = {
  /** Name of the folder and of the `format` in results. */
  readonly id: string;
  readonly title: string;
  /** Pure: decides by the first bytes of the unpacked input. */
  sniff(head: Uint8Array): boolean;
  /** What of a packed input is read once and in order, so that it need not be held. */
  hole?(head: Uint8Array): Hole | undefined;
  /** Throws FormatError when nothing can be read; damage further in becomes diagnostics. */
  read(source: ByteSource, context: ImportContext): Imported | Promise<Imported>;
};
