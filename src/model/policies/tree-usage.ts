/** Memory of tree nodes and what is written of them, for all ways of counting them. */
import type { CacheEvent, HistoryEvent } from './history.ts';
import { PageCover } from './page-cover.ts';
import type { RunFacts, Usage } from './policy.ts';

export type TreeUsage = {
  /** Cached node bytes since the replay began; those cached before are not known. */
  readonly cached: () => number;
  readonly observe: (event: HistoryEvent) => void;
  readonly add: (usage: Usage) => void;
  readonly peak: () => number;
};

/** `pageSize`: what memory is allocated in; 1 where nodes take no more than their size. */
export function treeUsage(facts: RunFacts, pageSize: number): TreeUsage {
  const cover = new PageCover(Math.max(pageSize, facts.page_size));
  const copies = facts.switches['metadata.copies'] ?? facts.node_copies;
  let pages = 0;
  let bytes = 0;
  let written = 0;
  let peak = 0;
  const taken = () => (pageSize > 1 ? pages * pageSize : bytes);
  const onCache = (event: CacheEvent) => {
    const isAdded = event.change === 'added';
    // What was cached before the replay began was never added.
    if (!isAdded && cover.bytesAt(event.file, event.start) <= 0) return;
    const signed = isAdded ? event.bytes : -event.bytes;
    pages += cover.add(event.file, event.start, signed);
    bytes += signed;
    peak = Math.max(peak, taken());
  };
  return {
    cached: () => bytes,
    observe(event) {
      if (event.type === 'cache' && event.pageClass === 'metadata') onCache(event);
      if (event.type !== 'data' || event.pageClass !== 'metadata') return;
      if (event.kind === 'end-writeback') written += event.bytes * copies;
    },
    add(usage) {
      usage.memory_bytes += taken();
      usage.written_bytes += written;
    },
    peak: () => peak,
  };
}
