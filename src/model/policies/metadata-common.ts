/** What the forms of metadata accounting outside of the page cache have in common. */
import type { CounterBook } from './counters.ts';
import type { DataEvent } from './history.ts';
import { addDirty, addWriteback } from './ordinary.ts';
import { chargeOf, type Desk, type RunFacts } from './policy.ts';

/**
 * Charges a task for dirtied nodes: each posting charges 1 for a node, whatever its size; the
 * switch charges its pages instead. Events may hold parts of nodes, which are carried.
 */
export function chargeTree(facts: RunFacts): (event: DataEvent, desk: Desk) => void {
  const perNode = (facts.switches['metadata.charge'] ?? 'node') === 'node';
  const unit = perNode ? facts.node_size : facts.page_size;
  const carried = new Map<number, number>();
  return (event, desk) => {
    if (event.kind !== 'dirty') return;
    const bytes = (carried.get(event.pid) ?? 0) + event.bytes;
    const units = Math.floor(bytes / unit);
    carried.set(event.pid, bytes - units * unit);
    if (units > 0) desk.charge(chargeOf(event, units));
  };
}

type Move = (book: CounterBook, bytes: number, wb: number) => void;

/** From the unknown pages, which are ordinary ones, to metadata of a bdi, or back. */
export function adoptTree(
  { kind, account, bytes, wb }: DataEvent,
  { book, facts }: Desk,
  { dirtyBytes, writebackBytes }: { readonly dirtyBytes: Move; readonly writebackBytes: Move },
): void {
  const signed = kind === 'adopt' ? bytes : -bytes;
  const pages = signed / facts.page_size;
  if (account === 'dirty') {
    addDirty(book, -pages, 0);
    dirtyBytes(book, signed, wb);
  } else if (account === 'writeback') {
    addWriteback(book, -pages, 0);
    writebackBytes(book, signed, wb);
  }
}
