/**
 * Policies of the axis "what is kept for each page". Which scheme a file system has changes memory
 * and writes; statistics count whole folios in every kernel, unless a switch says otherwise.
 *
 *   bufferHeads        104 bytes a block; dirty blocks are written (ext4, gfs2 until 2020, …)
 *   iomapPage418/54/510  state only where a folio has several blocks; whole folios are written
 *   iomapFolioState    since 6.6 (4ce02c67972211): bits for dirty blocks, which alone are written
 *   noState            nothing
 *
 * Counters: none of the kernel's; state_bytes, real_dirty_bytes and sent_bytes are ours.
 * Not modelled: see block-state.ts; memory of state of folios that were cached before the trace.
 */
import type { CounterName } from '../counters.ts';
import type { Policy, PolicyFactory } from '../policy.ts';
import { blockNotes } from './block-notes.ts';
import { BlockRun } from './block-run.ts';
import type { Granularity, StateScheme } from './block-state.ts';

const COUNTERS = ['state_bytes', 'real_dirty_bytes', 'sent_bytes'] as const satisfies CounterName[];

function blockState(scheme: StateScheme, io: Granularity): PolicyFactory {
  return (facts): Policy => {
    const run = new BlockRun(scheme, io, facts);
    return {
      counters: COUNTERS,
      expand: (event, emit) => run.expand(event, emit),
      observe(_, { book }) {
        for (const name of COUNTERS) {
          const change = run[name] - book.get(name);
          if (change !== 0) book.add(name, change);
        }
      },
      inputs(_, inputs) {
        if (!facts.switches['block.state-memory']) return;
        inputs.dirtyable_delta -= Math.ceil(run.state_bytes / facts.page_size);
      },
      usage(usage) {
        usage.memory_bytes += run.state_bytes;
        usage.written_bytes += run.sent_bytes;
      },
      peakMemory: () => run.most_state_bytes,
      notes: () => blockNotes(run),
    };
  };
}

export const bufferHeads = blockState('buffer-heads', 'block');
export const iomapPage418 = blockState('iomap-page-4.18', 'folio');
export const iomapPage54 = blockState('iomap-page-5.4', 'folio');
export const iomapPage510 = blockState('iomap-page-5.10', 'folio');
export const iomapFolioState = blockState('iomap-folio-state', 'block');
export const noState = blockState('none', 'folio');
