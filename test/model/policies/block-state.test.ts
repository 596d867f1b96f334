/** State for blocks of cached folios: memory, statistics, writes and calls. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { freerunCeiling } from '../../../src/model/limits.ts';
import { DirtyBlocks, type StateScheme } from '../../../src/model/policies/blocks/block-state.ts';
import {
  bufferHeads,
  iomapFolioState,
  iomapPage54,
  iomapPage418,
  iomapPage510,
  noState,
} from '../../../src/model/policies/blocks/policies.ts';
import { inPlace, tempPages } from '../../../src/model/policies/fuse/fuse.ts';
import type { HistoryEvent } from '../../../src/model/policies/history.ts';
import type { PolicyChoice, PolicyFactory } from '../../../src/model/policies/policy.ts';
import { SystemRun } from '../../../src/model/policies/system-run.ts';
import { asPages } from '../../../src/trace/units.ts';
import { data, facts, history } from './histories.ts';

const KIB = 1024;
const MIB = KIB * KIB;
const GIB = KIB * MIB;
const PAGE = 4 * KIB;

const POLICIES = {
  'buffer-heads': bufferHeads,
  'iomap-page-4.18': iomapPage418,
  'iomap-page-5.4': iomapPage54,
  'iomap-page-5.10': iomapPage510,
  'iomap-folio-state': iomapFolioState,
  none: noState,
} as const satisfies Record<StateScheme, PolicyFactory>;

/** Memory of the state after so many bytes of files came into the cache. */
function stateOf(scheme: StateScheme, bytes: number, folio: number, block: number, page = PAGE) {
  const own = { ...facts({ 'block.size': block }), page_size: page };
  const run = new SystemRun({ blockState: POLICIES[scheme] }, own);
  const cache = { type: 'cache', change: 'added', ts_ns: 0, wb: 1, file: 1 } as const;
  for (let start = 0; start < bytes; start += folio) {
    run.feed({ ...cache, pageClass: 'file-data', start, bytes: folio });
  }
  return run.usage().memory_bytes;
}

describe('memory of one GiB of cached files', () => {
  test.each([
    ['buffer-heads', 4 * KIB, 27_262_976],
    ['iomap-page-4.18', 4 * KIB, 0],
    ['iomap-folio-state', 4 * KIB, 0],
    ['buffer-heads', KIB, 109_051_904],
    ['iomap-page-4.18', KIB, 4 * MIB],
    ['iomap-page-5.4', KIB, 6 * MIB],
    ['iomap-page-5.10', KIB, 6 * MIB],
    ['iomap-folio-state', KIB, 6 * MIB],
    ['none', KIB, 0],
  ] as const)(
    '%s, blocks of %i bytes: %i',
    (scheme, block, bytes) => {
      // A sixteenth of it is fed.
      expect(16 * stateOf(scheme, GIB / 16, PAGE, block)).toBe(bytes);
    },
    30_000,
  );
});

test.each([
  ['buffer-heads', PAGE, 512, PAGE, 832],
  ['iomap-page-4.18', PAGE, 512, PAGE, 16],
  ['iomap-page-5.4', PAGE, 512, PAGE, 24],
  ['iomap-folio-state', PAGE, 512, PAGE, 24],
  ['iomap-page-4.18', 64 * KIB, 4 * KIB, 64 * KIB, 24],
  ['buffer-heads', 64 * KIB, 4 * KIB, PAGE, 1664],
  ['iomap-folio-state', 64 * KIB, 4 * KIB, PAGE, 24],
  ['buffer-heads', 2 * MIB, 4 * KIB, PAGE, 53_248],
  ['iomap-folio-state', 2 * MIB, 4 * KIB, PAGE, 144],
] as const)('%s of a folio of %i bytes, blocks %i', (scheme, folio, block, page, bytes) => {
  expect(stateOf(scheme, folio, folio, block, page)).toBe(bytes);
});

describe('4 KiB written into a folio of 2 MiB', () => {
  const folio = 2 * MIB;

  /** So many folios, each with one block written and then taken for writing. */
  function written(policy: PolicyFactory, folios: number, switches = {}) {
    const own = { ...facts(switches), range_wbs: new Set([1]) };
    const run = new SystemRun({ blockState: policy }, own);
    for (let at = 0; at < folios; at++) {
      run.feed(data('dirty', { bytes: folio, start: at * folio, ts_ns: at }));
      run.feed(range(at * folio, PAGE, at));
    }
    const dirty = run.book.get('NR_FILE_DIRTY');
    for (let at = 0; at < folios; at++) {
      run.feed(data('claim', { bytes: folio, start: at * folio, ts_ns: folios + at }));
    }
    return { dirty, sent: run.book.get('sent_bytes'), real: run.book.get('real_dirty_bytes') };
  }

  test('counts as 512 pages, and is sent as 2 MiB until 6.5, as 4 KiB since', () => {
    expect(written(iomapPage510, 1)).toEqual({ dirty: 512, sent: 2 * MIB, real: 0 });
    expect(written(iomapFolioState, 1)).toEqual({ dirty: 512, sent: 4 * KIB, real: 0 });
    const byBlock = written(iomapFolioState, 1, { 'block.statistics': 'block' });
    expect(byBlock).toEqual({ dirty: 1, sent: 4 * KIB, real: 0 });
    expect((512 - byBlock.dirty) * PAGE).toBe(2_093_056);
  });

  test('a thousand times: pauses from the 293rd folio on, the limit passed at the 391st', () => {
    const [thresh, background] = [asPages(199_951), asPages(99_853)];
    const run = new SystemRun({ blockState: iomapFolioState }, facts());
    const over = { freerun: 0, limit: 0 };
    for (let at = 1; at <= 1000; at++) {
      run.feed(data('dirty', { bytes: folio, start: at * folio, ts_ns: at }));
      const dirty = run.book.get('NR_FILE_DIRTY');
      if (over.freerun === 0 && dirty > freerunCeiling(thresh, background)) over.freerun = at;
      if (over.limit === 0 && dirty > thresh) over.limit = at;
    }
    expect(over).toEqual({ freerun: 293, limit: 391 });
    expect(run.book.get('NR_FILE_DIRTY')).toBe(512_000);
    expect(((391 * 4) / KIB).toFixed(2)).toBe('1.53');
  });

  test('statistics by block would show 1000 pages, and never pause', () => {
    const own = facts({ 'block.statistics': 'block' });
    const run = new SystemRun({ blockState: iomapFolioState }, { ...own, range_wbs: new Set([1]) });
    for (let at = 1; at <= 1000; at++) {
      run.feed(data('dirty', { bytes: folio, start: at * folio, ts_ns: at }));
      run.feed(range(at * folio + 8 * PAGE, PAGE, at));
    }
    expect(run.book.get('NR_FILE_DIRTY')).toBe(1000);
    expect(run.book.get('real_dirty_bytes')).toBe(1000 * PAGE);
  });

  test('every such write comes to balance_dirty_pages: 512 is more than 32', () => {
    const run = new SystemRun({ blockState: iomapFolioState }, facts());
    run.feed({ type: 'limits', ts_ns: 0, thresh: 199_951, background: 99_853 });
    for (let at = 0; at < 10; at++) {
      run.feed(data('dirty', { bytes: folio, start: at * folio, ts_ns: at, pid: 7 }));
    }
    expect(run.entries()).toMatchObject([{ pid: 7, entries: 10 }]);
  });

  test('a flusher’s 1024 pages are two folios, and 8 KiB sent', () => {
    // nr_to_write goes down by whole folios.
    const folios = (1024 * PAGE) / folio;
    expect(written(iomapFolioState, folios)).toMatchObject({ dirty: 1024, sent: 8 * KIB });
  });
});

const range = (start: number, bytes: number, ts_ns: number): HistoryEvent => ({
  type: 'range',
  ts_ns,
  pid: 7,
  cpu: 0,
  wb: 1,
  file: 1,
  start,
  bytes,
});

test.each([
  [PAGE, PAGE, '1 mappings, 256 folios, 256 blocks'],
  [MIB, PAGE, '1 mappings, 1 folios, 256 blocks'],
  [PAGE, 512, '1 mappings, 256 folios, 2,048 blocks'],
])('calls of 1 MiB written: folios of %i, blocks of %i: %s', (folio, block, expected) => {
  const own = { ...facts({ 'block.size': block }), range_wbs: new Set([1]) };
  const run = new SystemRun({ blockState: bufferHeads }, own);
  run.feed({ type: 'mapping', ts_ns: 0, wb: 1, file: 1, write: true, inline: false });
  for (let start = 0; start < MIB; start += folio) run.feed(data('dirty', { start, bytes: folio }));
  run.feed(range(0, MIB, 1));
  expect(run.notes().join('\n')).toContain(`buffered writes met ${expected}`);
});

test('calls are counted from mappings and written ranges, inline data is seen', () => {
  const own = { ...facts(), range_wbs: new Set([1]) };
  const run = new SystemRun({ blockState: iomapFolioState }, own);
  const mapping = { type: 'mapping', ts_ns: 0, wb: 1, file: 1, write: true } as const;
  run.feed({ ...mapping, inline: false });
  run.feed({ ...mapping, inline: true });
  for (let at = 0; at < 256; at++) run.feed(data('dirty', { start: at * PAGE, bytes: PAGE }));
  run.feed(range(0, MIB, 1));
  const notes = run.notes().join('\n');
  expect(notes).toContain('2 mappings, 256 folios, 256 blocks');
  expect(notes).toContain('1 of the mappings were of inline data');
});

test('state follows the folios in and out of the cache', () => {
  const run = new SystemRun({ blockState: bufferHeads }, facts({ 'block.size': KIB }));
  const cache = { type: 'cache', ts_ns: 0, wb: 1, pageClass: 'file-data', file: 1 } as const;
  for (let at = 0; at < 8; at++) {
    run.feed({ ...cache, change: 'added', start: at * 64 * KIB, bytes: 64 * KIB });
  }
  expect(run.usage().memory_bytes).toBe(8 * 64 * 104);
  run.feed({ ...cache, change: 'removed', start: 0, bytes: 64 * KIB });
  expect(run.usage().memory_bytes).toBe(7 * 64 * 104);
});

test('blocks are dirty once', () => {
  const blocks = new DirtyBlocks(4);
  expect(blocks.write(0, 1025, 1024)).toBe(2);
  expect(blocks.write(1024, 4096, 1024)).toBe(2);
  expect(blocks.write(0, 9999, 1024)).toBe(0);
  expect(blocks.count).toBe(4);
});

const SCHEMES: readonly PolicyChoice[] = [
  { blockState: iomapFolioState },
  { blockState: iomapFolioState, copy: tempPages },
  { blockState: iomapFolioState, copy: inPlace },
];

test('pages that are one block: statistics by block and by folio are the same', () => {
  const property = fc.property(history({ folioPages: [1] }), (events) => {
    const whole = new SystemRun({ blockState: iomapFolioState }, withRanges({}));
    const single = new SystemRun(
      { blockState: iomapFolioState },
      withRanges({ 'block.statistics': 'block' }),
    );
    for (const event of events) {
      whole.feed(event);
      single.feed(event);
      for (const name of whole.counters) {
        expect([name, single.book.get(name)]).toEqual([name, whole.book.get(name)]);
      }
    }
  });
  fc.assert(property, { numRuns: 150 });
});

const withRanges = (switches: Parameters<typeof facts>[0]) => ({
  ...facts(switches),
  range_wbs: new Set([1]),
});

test.each(SCHEMES.map((choice, at) => [at, choice] as const))(
  'what was dirtied is dirty, under writeback, written or cancelled (composition %i)',
  (_, choice) => {
    const property = fc.property(
      history({ folioPages: [1, 4, 512] }),
      fc.constantFrom('folio', 'block'),
      (events, statistics) => {
        const own = withRanges({ 'block.statistics': statistics });
        const run = new SystemRun(choice, { ...own, fuse_wbs: new Set([1]) });
        let claimed = 0;
        for (const event of events) {
          run.feed(event);
          const of = (name: Parameters<typeof run.book.get>[0]) => run.book.get(name);
          const away = of('WB_WRITEBACK') + of('WB_WRITTEN');
          const cancelled = of('cancelled_write_bytes') / PAGE;
          claimed = of('WB_DIRTIED') - of('WB_RECLAIMABLE') - away - cancelled;
          // Between dirty and writeback pages are in no count.
          expect(claimed).toBeGreaterThanOrEqual(0);
          for (const name of run.counters) expect(of(name), name).toBeGreaterThanOrEqual(0);
        }
        expect(claimed).toBe(0);
      },
    );
    fc.assert(property, { numRuns: 150 });
  },
);
