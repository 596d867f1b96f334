/** What a trace format provides: recognise itself by content, and read itself into tables. */
import type { EventDefinition } from '../src/events/index.ts';
import type { DiagnosticCollector } from '../src/trace/diagnostics.ts';
import type { Tables } from '../src/trace/table.ts';
import type { Loss, TraceMeta } from '../src/trace/trace.ts';
import type { ByteSource } from './bytes/source.ts';

export type ImportContext = {
  readonly dictionary: ReadonlyMap<string, EventDefinition>;
  readonly diagnostics: DiagnosticCollector;
  /** Page size for inputs that do not say it themselves. */
  readonly pageSize: number | undefined;
  /** Told the share of the input that was read, from 0 to 1. */
  readonly progress: (share: number) => void;
};

export type Imported = {
  readonly meta: Omit<TraceMeta, 'compression'>;
  readonly tables: Tables;
  readonly losses: readonly Loss[];
};

export type Importer = {
  /** Name of the folder and of the `format` in results. */
  readonly id: string;
  readonly title: string;
  /** Pure: decides by the first bytes of the unpacked input. */
  sniff(head: Uint8Array): boolean;
  /** Throws FormatError when nothing can be read; damage further in becomes diagnostics. */
  read(source: ByteSource, context: ImportContext): Imported;
};
