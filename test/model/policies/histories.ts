/** Random histories of one file on one bdi: what a replay could have told. */
import fc from 'fast-check';
import type { DataEvent, HistoryEvent } from '../../../src/model/policies/history.ts';
import type { RunFacts } from '../../../src/model/policies/policy.ts';
import type { SwitchValues } from '../../../src/model/switches.ts';

export const PAGE = 4096;

export const facts = (switches: SwitchValues = {}): RunFacts => ({
  page_size: PAGE,
  cpus: 2,
  node_size: 16_384,
  node_copies: 1,
  write_bandwidth: 1e8,
  dirty_ratio: 20,
  background_ratio: 10,
  kernel: { tree_gate: false, tree_counter_wraps: false },
  switches,
});

export const data = (kind: DataEvent['kind'], more: Partial<DataEvent>): DataEvent => ({
  type: 'data',
  kind,
  ts_ns: 0,
  wb: 1,
  pageClass: 'file-data',
  bytes: PAGE,
  file: 1,
  start: 0,
  pid: -1,
  cpu: 0,
  ...more,
});

type Options = { readonly folioPages: readonly number[] };

type State = 'clean' | 'dirty' | 'claimed' | 'writeback';

/**
 * Folios of equal size go through their states in any order; at the end whatever was claimed is
 * written, so that nothing is on its way.
 */
export function history({ folioPages }: Options): fc.Arbitrary<readonly HistoryEvent[]> {
  const step = fc.record({
    folio: fc.nat(7),
    what: fc.constantFrom('write', 'claim', 'go', 'end', 'cancel', 'redirty'),
    from: fc.nat(99),
    part: fc.integer({ min: 1, max: 100 }),
  });
  return fc
    .tuple(fc.constantFrom(...folioPages), fc.array(step, { maxLength: 120 }))
    .map(([pages, steps]) => lifeOf(pages * PAGE, steps));
}

type Step = {
  readonly folio: number;
  readonly what: 'write' | 'claim' | 'go' | 'end' | 'cancel' | 'redirty';
  readonly from: number;
  readonly part: number;
};

const NEXT = {
  claim: ['dirty', 'claim', 'claimed'],
  go: ['claimed', 'start-writeback', 'writeback'],
  end: ['writeback', 'end-writeback', 'clean'],
  cancel: ['dirty', 'cancel', 'clean'],
  redirty: ['claimed', 'redirty', 'dirty'],
} as const;

function lifeOf(bytes: number, steps: readonly Step[]): HistoryEvent[] {
  const events: HistoryEvent[] = [];
  const states: State[] = Array.from({ length: 8 }, () => 'clean');
  const at = (folio: number) => ({ bytes, start: folio * bytes, ts_ns: events.length });
  const move = (folio: number, what: keyof typeof NEXT) => {
    const [from, kind, to] = NEXT[what];
    if (states[folio] !== from) return;
    events.push(data(kind, at(folio)));
    states[folio] = to;
  };
  for (const { folio, what, from, part } of steps) {
    if (what !== 'write') {
      move(folio, what);
      continue;
    }
    // A page under writeback may be dirtied again; that is left out, as FUSE waits then.
    if (states[folio] === 'writeback' || states[folio] === 'claimed') continue;
    if (states[folio] === 'clean') events.push(data('dirty', { ...at(folio), pid: 7 }));
    states[folio] = 'dirty';
    const first = Math.floor((bytes * from) / 100);
    const length = Math.max(1, Math.floor(((bytes - first) * part) / 100));
    const place = { wb: 1, file: 1, start: folio * bytes + first, bytes: length };
    events.push({ type: 'range', ts_ns: events.length, pid: 7, cpu: 0, ...place });
  }
  for (let folio = 0; folio < states.length; folio++) {
    move(folio, 'go');
    move(folio, 'end');
  }
  return events;
}
