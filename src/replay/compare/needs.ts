/** Whether a trace can feed a system, and what to record next time if it cannot. */
import { NEEDS, type Need, type System } from '../../model/systems.ts';
import { tableWith } from '../../trace/table.ts';
import type { Trace } from '../../trace/trace.ts';
import { hasRanges } from './feed-iomap.ts';
import { hasPasses } from './feed-reclaim.ts';
import { hasTreeNodes, treeCalls } from './tree-nodes.ts';

export type Missing = {
  readonly need: Need;
  readonly events: readonly string[];
  readonly why: string;
  /** The events were recorded, and there is nothing of that sort among them. */
  readonly recorded: boolean;
};

const LIMITS = [
  'nr_dirty_pages',
  'nr_writeback_pages',
  'nr_dirtied_pages',
  'nr_written_pages',
  'dirty_thresh_pages',
  'background_thresh_pages',
];

/** Needs that the mere presence of events does not answer. */
const CHECKS: Partial<Record<Need, (trace: Trace) => boolean>> = {
  counters: ({ tables }) => (tableWith(tables, 'global_dirty_state', LIMITS)?.rows ?? 0) > 0,
  dirtied: ({ tables }) =>
    (tableWith(tables, 'writeback_dirty_folio', ['bdi', 'ino', 'index'])?.rows ?? 0) > 0,
  // Nothing need have left the page cache.
  sizes: ({ tables }) => (tables.get('mm_filemap_add_to_page_cache')?.rows ?? 0) > 0,
  'tree-nodes': ({ tables }) => hasTreeNodes(tables),
  'written-ranges': ({ tables }) => hasRanges(tables),
  'fuse-requests': ({ tables }) =>
    (tableWith(tables, 'fuse_request_send', ['connection', 'unique', 'opcode'])?.rows ?? 0) > 0 &&
    tableWith(tables, 'fuse_request_end', ['connection', 'unique']) !== undefined,
  'shrinker-passes': ({ tables }) => hasPasses(tables),
  'tree-writes': ({ tables }) =>
    treeCalls(tables).length > 0 || NEEDS['tree-writes'].events.every((name) => tables.has(name)),
};

/** Every event of the need was recorded at least once. */
function present({ tables }: Trace, need: Need): boolean {
  return NEEDS[need].events.every((name) => (tables.get(name)?.rows ?? 0) > 0);
}

const isRecorded = ({ tables, meta }: Trace, events: readonly string[]): boolean =>
  events.every((name) => tables.has(name) || meta.silent_events.includes(name));

/** What the trace lacks for the system; empty when it can be replayed. */
export function missingFor(trace: Trace, system: System): readonly Missing[] {
  return system.needs.flatMap((need) => {
    const isThere = CHECKS[need]?.(trace) ?? present(trace, need);
    const { events, why } = NEEDS[need];
    return isThere ? [] : [{ need, events, why, recorded: isRecorded(trace, events) }];
  });
}
