/** State for blocks of cached folios: memory, statistics, writes and calls. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { freerunCeiling } from '../../../src/model/limits.ts';
import {
  callouts,
  DirtyBlocks,
  dirtyPages,
  flushWithin,
  type StateScheme,
  stateBytes,
  writtenBytes,
} from '../../../src/model/policies/blocks/block-state.ts';
import { bufferHeads, iomapFolioState } from '../../../src/model/policies/blocks/policies.ts';
import { inPlace, tempPages } from '../../../src/model/policies/fuse/fuse.ts';
import type { HistoryEvent } from '../../../src/model/policies/history.ts';
import type { PolicyChoice } from '../../../src/model/policies/policy.ts';
import { SystemRun } from '../../../src/model/policies/system-run.ts';
import { asPages } from '../../../src/trace/units.ts';
import { data, facts, history } from './histories.ts';

const KIB = 1024;
const MIB = KIB * KIB;
const GIB = KIB * MIB;
const PAGE = 4 * KIB;

describe('memory of one GiB of cached files', () => {
  const all = (scheme: StateScheme, folio: number, block: number) =>
    (GIB / folio) * stateBytes(scheme, folio, block, PAGE);
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
  ] as const)('%s, blocks of %i bytes: %i', (scheme, block, bytes) => {
    expect(all(scheme, PAGE, block)).toBe(bytes);
  });
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
  expect(stateBytes(scheme, folio, block, page)).toBe(bytes);
});

describe('4 KiB written into a folio of 2 MiB', () => {
  const folio = 2 * MIB;

  test('counts as 512 pages, and is sent as 2 MiB or as 4 KiB', () => {
    expect(dirtyPages('folio', 1, PAGE, folio, PAGE)).toBe(512);
    expect(dirtyPages('block', 1, PAGE, folio, PAGE)).toBe(1);
    expect(writtenBytes('folio', 1, PAGE, folio)).toBe(2 * MIB);
    expect(writtenBytes('block', 1, PAGE, folio)).toBe(4 * KIB);
    expect(dirtyPages('folio', 1, PAGE, folio, PAGE) * PAGE - PAGE).toBe(2_093_056);
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
    const sent = writtenBytes('block', 1, PAGE, folio);
    expect(flushWithin(1024, 512, sent)).toEqual({ folios: 2, sent_bytes: 8 * KIB });
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
  [PAGE, PAGE, { extent: 1, folio: 256, block: 256 }],
  [MIB, PAGE, { extent: 1, folio: 1, block: 256 }],
  [PAGE, 512, { extent: 1, folio: 256, block: 2048 }],
])('calls of 1 MiB written: folios of %i, blocks of %i', (folio, block, expected) => {
  expect(callouts(MIB, 1, folio, block)).toEqual(expected);
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
