/** What must hold for any history: conservation, and systems that come to the same. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DataEvent, HistoryEvent } from '../../../src/model/policies/history.ts';
import type { SystemRun } from '../../../src/model/policies/system-run.ts';
import { call, KIB, nodes, runOf, WB } from './tree-history.ts';

const NODES = 6;
const KINDS = [
  'dirty',
  'claim',
  'start-writeback',
  'end-writeback',
  'cancel',
  'redirty',
  'discard',
] as const;

type Step =
  | { readonly kind: (typeof KINDS)[number]; readonly node: number; readonly sync: boolean }
  | { readonly kind: 'call'; readonly background: boolean; readonly kupdate: boolean };

const steps = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constantFrom(...KINDS),
      node: fc.nat(NODES - 1),
      sync: fc.boolean(),
    }),
    fc.record({
      kind: fc.constant('call' as const),
      background: fc.boolean(),
      kupdate: fc.boolean(),
    }),
  ),
  // Of its usual size, few histories would have two calls.
  { maxLength: 120, size: 'max' },
);

type State = { dirty: boolean; claimed: boolean; writeback: boolean };

/** Keeps of the steps those that can follow one another on the recorded machine. */
function historyOf(all: readonly Step[], size: number): HistoryEvent[] {
  const states: State[] = Array.from({ length: NODES }, () => ({
    dirty: false,
    claimed: false,
    writeback: false,
  }));
  const events: HistoryEvent[] = [];
  all.forEach((step, at) => {
    const ts_ns = at * 1e6;
    if (step.kind === 'call') {
      const { background, kupdate } = step;
      const about = { ts_ns, background, kupdate: kupdate && !background };
      events.push(call('start', about), call('end', about));
      return;
    }
    const state = states[step.node] as State;
    if (!follows(step.kind, state)) return;
    const more = { ts_ns, sync: step.sync };
    events.push(nodes(step.kind as DataEvent['kind'], step.node * size, size, more));
  });
  return events;
}

function follows(kind: (typeof KINDS)[number], state: State): boolean {
  switch (kind) {
    case 'dirty':
      if (state.dirty || state.claimed) return false;
      state.dirty = true;
      return true;
    case 'claim':
      if (!state.dirty || state.writeback) return false;
      state.dirty = false;
      state.claimed = true;
      return true;
    case 'redirty':
      if (!state.claimed) return false;
      state.claimed = false;
      state.dirty = true;
      return true;
    case 'start-writeback':
      if (!state.claimed) return false;
      state.claimed = false;
      state.writeback = true;
      return true;
    case 'discard':
      if (!state.claimed) return false;
      state.claimed = false;
      return true;
    case 'end-writeback':
      if (!state.writeback) return false;
      state.writeback = false;
      return true;
    case 'cancel':
      if (!state.dirty) return false;
      state.dirty = false;
      return true;
  }
}

/** Calls with the state of all systems after every event. */
function live(
  runs: readonly SystemRun[],
  events: readonly HistoryEvent[],
  check: () => void,
): void {
  for (const event of events) {
    for (const run of runs) run.feed(event);
    check();
  }
}

/** Pages that came, and that went; the page form's bdi does not count the written ones. */
function dirtiedAndWritten(run: SystemRun): { dirtied: number; written: number } {
  const { book } = run;
  const { dirtied, written } = run.bandwidth(WB);
  const isPageForm = book.declared.includes('NR_METADATA_DIRTY');
  const cancelled = book.get('cancelled_write_bytes') / 4096;
  return { dirtied, written: (isPageForm ? book.get('NR_WRITTEN') : written) + cancelled };
}

const size = fc.constantFrom(4 * KIB, 16 * KIB, 64 * KIB);

describe('conservation', () => {
  test('dirty N, clean k, write m, complete c', () => {
    fc.assert(
      fc.property(fc.nat(50), fc.nat(50), fc.nat(50), fc.nat(50), size, (n, k, m, c, s) => {
        const [clean, write] = [Math.min(k, n), Math.min(m, n - Math.min(k, n))];
        const done = Math.min(c, write);
        const run = runOf('btrfs-metadata-bytes', { node_size: s });
        const each = (kind: DataEvent['kind'], from: number, count: number) => {
          for (let node = from; node < from + count; node++) run.feed(nodes(kind, node * s, s));
        };
        each('dirty', 0, n);
        each('cancel', 0, clean);
        each('claim', clean, write);
        each('start-writeback', clean, write);
        each('end-writeback', clean, done);
        const get = (name: Parameters<typeof run.book.get>[0]) => run.book.get(name);
        expect(get('NR_METADATA_DIRTY_BYTES')).toBe((n - clean - write) * s);
        expect(get('NR_METADATA_WRITEBACK_BYTES')).toBe((write - done) * s);
        expect(get('WB_DIRTIED_BYTES')).toBe(n * s);
        expect(get('WB_WRITTEN_BYTES')).toBe(done * s);
        expect(get('cancelled_write_bytes')).toBe(clean * s);
      }),
    );
  });

  /** Claimed pages are in no level; without them the sum is exact. */
  const claimedBytes = (events: readonly HistoryEvent[]) =>
    events.reduce((sum, event) => {
      if (event.type !== 'data') return sum;
      if (event.kind === 'claim') return sum + event.bytes;
      const leaves = ['start-writeback', 'redirty', 'discard'].includes(event.kind);
      return leaves ? sum - event.bytes : sum;
    }, 0);
  const discarded = (events: readonly HistoryEvent[]) =>
    events.reduce(
      (sum, event) => sum + (event.type === 'data' && event.kind === 'discard' ? event.bytes : 0),
      0,
    );

  test('of bytes and of pages, at every step, as recorded', () => {
    fc.assert(
      fc.property(steps, size, (all, s) => {
        const events = historyOf(all, s).filter(({ type }) => type === 'data');
        const inBytes = runOf('btrfs-metadata-bytes', { node_size: s });
        const inPages = runOf('btrfs', { node_size: s });
        const seen: HistoryEvent[] = [];
        for (const event of events) {
          seen.push(event);
          for (const run of [inBytes, inPages]) run.feed(event);
          const away = claimedBytes(seen) + discarded(seen);
          const b = inBytes.book;
          expect(b.of('WB_DIRTIED_BYTES', WB)).toBe(
            b.get('NR_METADATA_DIRTY_BYTES') +
              b.get('NR_METADATA_WRITEBACK_BYTES') +
              b.get('WB_WRITTEN_BYTES') +
              b.get('cancelled_write_bytes') +
              away,
          );
          const p = inPages.book;
          const cancelled = p.get('cancelled_write_bytes') / 4096;
          expect(p.of('WB_DIRTIED', WB)).toBe(
            p.of('WB_RECLAIMABLE', WB) +
              p.of('WB_WRITEBACK', WB) +
              p.of('WB_WRITTEN', WB) +
              cancelled +
              away / 4096,
          );
        }
      }),
    );
  });

  test('levels are never below zero under any rule, and empty when all came back', () => {
    const systems = ['btrfs-gate', 'btrfs-no-gate', 'btrfs-2008', 'btrfs-background-skip'];
    const others = ['btrfs-metadata-bytes', 'btrfs-metadata-pages'];
    fc.assert(
      fc.property(steps, size, fc.constantFrom(...systems, ...others), (all, s, id) => {
        const run = runOf(id, { node_size: s });
        live([run], historyOf(all, s), () => {
          const { nr_dirty, nr_writeback } = run.inputs();
          expect([nr_dirty >= 0, nr_writeback >= 0]).toEqual([true, true]);
          expect(run.book.of('dirty_metadata_bytes', WB)).toBeGreaterThanOrEqual(0);
          expect(run.wbDirty(WB)).toBeGreaterThanOrEqual(0);
          // What is claimed or discarded is missing on the right; nothing may be there twice.
          const { dirtied, written } = dirtiedAndWritten(run);
          expect(dirtied).toBeGreaterThanOrEqual(run.wbDirty(WB) + written);
        });
      }),
    );
  });
});

describe('systems that come to the same', () => {
  test('bytes and pages, when nodes are whole pages: dirty, writeback and wb_dirty', () => {
    fc.assert(
      fc.property(steps, size, (all, s) => {
        const set = { 'metadata.write-hook': 'always' } as const;
        const runs = [
          runOf('btrfs-metadata-bytes', { node_size: s }, set),
          runOf('btrfs-no-gate', { node_size: s }),
          runOf('btrfs-metadata-pages', { node_size: s }, set),
        ];
        live(runs, historyOf(all, s), () => {
          const [bytes, ...pages] = runs.map((run) => [run.inputs(), run.wbDirty(WB)]);
          for (const one of pages) expect(one).toEqual(bytes);
        });
      }),
    );
  });

  test('a gate of 0 and the later policy without a gate', () => {
    fc.assert(
      fc.property(steps, size, (all, s) => {
        const runs = [
          runOf('btrfs-gate', { node_size: s }, { 'btrfs.gate': 0, 'btrfs.kupdate-skip': false }),
          runOf('btrfs-no-gate', { node_size: s }),
        ];
        live(runs, historyOf(all, s), () => {
          const [first, second] = runs.map(({ book }) =>
            book.declared.map((name) => book.get(name)),
          );
          expect(first).toEqual(second);
        });
      }),
    );
  });

  test('without tree nodes all of them', () => {
    const systems = ['ext4', 'btrfs', 'btrfs-gate', 'btrfs-metadata-bytes', 'btrfs-metadata-pages'];
    fc.assert(
      fc.property(steps, (all) => {
        const events = historyOf(all, 4 * KIB)
          .filter(({ type }) => type === 'data')
          .map((event) => ({ ...event, pageClass: 'file-data' }) as HistoryEvent);
        const runs = systems.map((id) => runOf(id));
        live(runs, events, () => {
          const [first, ...others] = runs.map((run) => [run.inputs(), run.wbDirty(WB)]);
          for (const one of others) expect(one).toEqual(first);
        });
      }),
    );
  });

  test('a rule that always agrees with the record changes nothing', () => {
    fc.assert(
      fc.property(steps, size, (all, s) => {
        // Without calls there is nothing to decide.
        const events = historyOf(all, s).filter(({ type }) => type === 'data');
        const runs = [runOf('btrfs', { node_size: s }), runOf('btrfs-gate', { node_size: s })];
        live(runs, events, () => {
          const [first, second] = runs.map(({ book }) =>
            book.declared.map((name) => book.get(name)),
          );
          expect(first).toEqual(second);
        });
      }),
    );
  });
});
