/** What must be known to read the events of a file, and what comes out: however they are read. */

import type { Column } from '../../../src/trace/column.ts';
import type { KeepEvents } from '../../importer.ts';
import type { EventBuilder, FormatsById, MakeColumns } from './assemble.ts';
import type { Watches } from './below-zero.ts';
import type { ColumnTexts } from './columns.ts';
import type { Gap } from './gaps.ts';
import type { TscToNs } from './options.ts';
import type { PageScanner, ScanResult, SplitTime } from './pages.ts';
import type { Lane } from './streams.ts';
import type { TaskCodes } from './task-codes.ts';

export type Recording = {
  readonly lanes: readonly Lane[];
  readonly formats: FormatsById;
  readonly texts: ColumnTexts;
  readonly makeColumns: MakeColumns;
  readonly keep: KeepEvents | undefined;
  readonly watches: Watches;
  readonly tasks: TaskCodes;
  readonly scanner: Omit<PageScanner, 'layout'>;
  /** Time of the earliest page, from which others are counted. */
  readonly base: SplitTime;
  readonly tscToNs: TscToNs | undefined;
};

export type EventsRead = {
  /** Of the events that occurred, in order of the formats. */
  readonly builders: readonly EventBuilder[];
  /** Times of the first and the last event; 0 where there is none. */
  readonly firstTs: number;
  readonly lastTs: number;
  /** What was subtracted from the times in the columns already. */
  readonly originTs: number;
  readonly gaps: readonly Gap[];
  /** Byte offsets in the file of pages that break the format. */
  readonly damagedAt: readonly number[];
  readonly scan: Pick<ScanResult, 'short' | 'unknown' | 'backwards'>;
  readonly watches: Watches;
  /** Finished columns that need not be searched for values below zero. */
  readonly neverBelowZero?: ReadonlySet<Column> | undefined;
};
