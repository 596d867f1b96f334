/** The dictionary: every event whose meaning Tidemark knows. Others become tables of raw fields. */
import type { EventDefinition } from './define.ts';
import { FILEMAP_EVENTS } from './filemap.ts';
import { FTRACE_EVENTS } from './ftrace.ts';
import { JBD2_EVENTS } from './jbd2.ts';
import { REQUEST_EVENTS } from './requests.ts';
import { SCHED_EVENTS } from './sched.ts';
import { SYNC_EVENTS } from './sync.ts';
import { VMSCAN_EVENTS } from './vmscan.ts';
import { WRITEBACK_EVENTS } from './writeback.ts';
import { WRITEPAGES_EVENTS } from './writepages.ts';

const ALL: readonly EventDefinition[] = [
  ...WRITEBACK_EVENTS,
  ...VMSCAN_EVENTS,
  ...FILEMAP_EVENTS,
  ...WRITEPAGES_EVENTS,
  ...FTRACE_EVENTS,
  ...REQUEST_EVENTS,
  ...SYNC_EVENTS,
  ...JBD2_EVENTS,
  ...SCHED_EVENTS,
];

/** By every name that a kernel has used for the event. */
export const DICTIONARY: ReadonlyMap<string, EventDefinition> = new Map(
  ALL.flatMap((event) => [event.name, ...event.aliases].map((name) => [name, event] as const)),
);

export type { ColumnDefinition, ColumnType, EventDefinition } from './define.ts';
export { PRINTED_ONLY } from './define.ts';
export { generationOf, MIXED_AGE, type SeenEvents } from './generations.ts';
