/**
 * Metadata accounted in bytes, outside of the page cache: "[PATCH v3 00/11] Metadata specific
 * accouting and dirty writeout", Josef Bacik, 11 Dec 2017 (06/10 of 14 Nov, 02/10 of v3). Never
 * merged. Counters: NR_METADATA_*BYTES of the node, WB_METADATA_*BYTES of the bdi's root wb;
 * WB_DIRTIED/WB_WRITTEN become bytes. Page counters and memory cgroups see nothing of it.
 * Not modelled: node_dirty_ok of several nodes, the overcommit guess, the laptop timer, errors of
 * the postings (swapped meminfo rows), the shrinker of buffers.
 */
import { shiftRight } from '../../kernel/arithmetic.ts';
import type { CounterBook } from './counters.ts';
import type { DataEvent } from './history.ts';
import { shownLevel } from './long-bits.ts';
import { adoptTree, chargeTree } from './metadata-common.ts';
import { ORDINARY_COUNTERS } from './ordinary.ts';
import type { Desk, PolicyFactory } from './policy.ts';
import { treeUsage } from './tree-usage.ts';

const METADATA_BYTE_COUNTERS = [
  'NR_METADATA_BYTES',
  'NR_METADATA_DIRTY_BYTES',
  'NR_METADATA_WRITEBACK_BYTES',
  'WB_METADATA_DIRTY_BYTES',
  'WB_METADATA_WRITEBACK_BYTES',
  'WB_DIRTIED_BYTES',
  'WB_WRITTEN_BYTES',
] as const;

export const metadataBytes: PolicyFactory = (facts) => {
  const { switches } = facts;
  const shift = Math.log2(switches['metadata.page-size'] ?? facts.page_size);
  const scale = 2 ** shift / facts.page_size;
  /** Each term is floored by itself; in pages of the recorded size. */
  const inPages = (bytes: number) => shiftRight(bytes, shift) * scale;
  const level = shownLevel(facts);
  const charge = chargeTree(facts);
  const usage = treeUsage(facts, 1);
  return {
    counters: [...ORDINARY_COUNTERS, ...METADATA_BYTE_COUNTERS],
    account(event, desk) {
      if (event.pageClass === 'metadata') {
        post(event, desk, switches['metadata.completions'] ?? 'bytes', facts.node_size);
        charge(event, desk);
        return true;
      }
      // Ordinary pages count as PAGE_SIZE bytes in what became bytes.
      if (event.kind === 'dirty') desk.book.add('WB_DIRTIED_BYTES', event.bytes, event.wb);
      if (event.kind === 'end-writeback') desk.book.add('WB_WRITTEN_BYTES', event.bytes, event.wb);
      return false;
    },
    observe(event, { book }) {
      const before = usage.cached();
      usage.observe(event);
      if (usage.cached() !== before) book.add('NR_METADATA_BYTES', usage.cached() - before);
    },
    inputs(book, inputs) {
      inputs.nr_dirty += inPages(level(book.get('NR_METADATA_DIRTY_BYTES')));
      inputs.nr_writeback += inPages(level(book.get('NR_METADATA_WRITEBACK_BYTES')));
      // Buffers leave the LRU, where they were dirtyable as file pages, and may be counted again.
      inputs.dirtyable_delta -= usage.cached() / facts.page_size;
      if (switches['metadata.dirtyable'] ?? true) {
        inputs.dirtyable_delta += inPages(level(usage.cached()));
      }
    },
    wbDirty: (book, wb) =>
      inPages(book.of('WB_METADATA_DIRTY_BYTES', wb)) +
      inPages(book.of('WB_METADATA_WRITEBACK_BYTES', wb)),
    bandwidth: (book, wb) => ({
      dirtied: inPages(book.of('WB_DIRTIED_BYTES', wb)),
      written: inPages(book.of('WB_WRITTEN_BYTES', wb)),
    }),
    usage: usage.add,
    peakMemory: usage.peak,
  };
};

function dirtyBytes(book: CounterBook, bytes: number, wb: number): void {
  book.add('NR_METADATA_DIRTY_BYTES', bytes);
  book.add('WB_METADATA_DIRTY_BYTES', bytes, wb);
}

function writebackBytes(book: CounterBook, bytes: number, wb: number): void {
  book.add('NR_METADATA_WRITEBACK_BYTES', bytes);
  book.add('WB_METADATA_WRITEBACK_BYTES', bytes, wb);
}

/** account_metadata_dirtied, _cleaned, _writeback and _end_writeback. */
function post(event: DataEvent, desk: Desk, completions: 'bytes' | 'one', node: number): void {
  const { book } = desk;
  const { kind, bytes, wb } = event;
  switch (kind) {
    case 'dirty':
      book.add('WB_DIRTIED_BYTES', bytes, wb);
      book.add('task_write_bytes', bytes);
      dirtyBytes(book, bytes, wb);
      return;
    case 'redirty':
    case 'find-dirty':
      dirtyBytes(book, bytes, wb);
      return;
    case 'claim':
      dirtyBytes(book, -bytes, wb);
      return;
    case 'cancel':
      book.add('cancelled_write_bytes', bytes);
      dirtyBytes(book, -bytes, wb);
      return;
    case 'start-writeback':
    case 'find-writeback':
      writebackBytes(book, bytes, wb);
      return;
    case 'end-writeback':
      book.add('WB_WRITTEN_BYTES', bytes, wb);
      book.add('completions', completions === 'bytes' ? bytes : bytes / node, wb);
      writebackBytes(book, -bytes, wb);
      return;
    case 'discard':
      return;
    case 'adopt':
    case 'disown':
      adoptTree(event, desk, { dirtyBytes, writebackBytes });
      return;
  }
}
