/**
 * The history against kernels whose pages are known: small ones by hand, and one at random that
 * writes, flushes, completes, gives back and truncates, and keeps its counters itself.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { consistencyOf } from '../../../src/derive/consistency.ts';
import { replayHistory } from '../../../src/replay/history/replay-history.ts';
import { type EventRow, makeTrace, type TraceFacts } from '../../helpers/trace-builder.ts';

const MS = 1_000_000;
const LOOP = 7 * 2 ** 20;
/** Counters without drift. */
const EXACT: TraceFacts = {
  cpus: 1,
  host: { zoneinfo: 'Node 0, zone Normal\n  vm stats threshold: 0\n' },
};

/** A kernel that keeps its counters and writes its trace, an event a millisecond. */
class Kernel {
  readonly rows: EventRow[] = [];
  readonly counters = { nr_dirty: 40, nr_writeback: 0, nr_dirtied: 1000, nr_written: 500 };

  event(event: string, cells: Record<string, number | string | bigint> = {}, pid = 1): void {
    this.rows.push({ event, ts_ns: (this.rows.length + 1) * MS, pid, ...cells });
  }

  sample(): void {
    const { nr_dirty, nr_writeback, nr_dirtied, nr_written } = this.counters;
    this.event('global_dirty_state', {
      nr_dirty_pages: nr_dirty,
      nr_writeback_pages: nr_writeback,
      nr_dirtied_pages: nr_dirtied,
      nr_written_pages: nr_written,
    });
  }

  /** Seeds the replay, and writes enough that it begins to compare. */
  begin(): void {
    this.sample();
    this.add(8192, 6);
    this.dirty(8192, 64);
  }

  add(index: number, order: number, ino = 9n): void {
    const cells = { dev: LOOP, ino, index, order };
    this.event('mm_filemap_add_to_page_cache', cells);
  }

  remove(index: number, order: number, dirtyPages: number): void {
    this.event('mm_filemap_delete_from_page_cache', { dev: LOOP, ino: 9n, index, order });
    this.counters.nr_dirty -= dirtyPages;
  }

  dirty(index: number, pages: number, options: { isRedirty?: boolean; pid?: number } = {}): void {
    const { isRedirty = false, pid = 1 } = options;
    this.event('writeback_dirty_folio', { bdi: '7:0', ino: 9n, index }, pid);
    this.counters.nr_dirty += pages;
    if (!isRedirty) this.counters.nr_dirtied += pages;
  }

  /** A folio of a file system on iomap: claimed, and no more. */
  claim(index: number, pages: number): void {
    this.event('wbc_writepage', { bdi: '7:0', nr_to_write_pages: 1024 }, 2);
    const cells = { offset_bytes: index * 4096, length_bytes: pages * 4096, size_bytes: 0 };
    this.event('iomap_writeback_folio', { dev: LOOP, ino: 9n, ...cells }, 2);
    this.counters.nr_dirty -= pages;
  }

  /** It goes where it is in the file, and the bio with it. */
  write(index: number, pages: number): void {
    const bytes = { pos_bytes: index * 4096, dirty_len_bytes: pages * 4096 };
    const place = { addr_bytes: index * 4096, offset_bytes: index * 4096 };
    const ioend = { dev: LOOP, ino: 9n, bdev: LOOP, ...bytes, ...place };
    this.event('iomap_add_to_ioend', ioend, 2);
    this.counters.nr_writeback += pages;
    this.bio('block_bio_queue', index, pages);
  }

  bio(event: string, index: number, pages: number): void {
    this.event(event, { dev: LOOP, sector: index * 8, nr_sectors: pages * 8, rwbs: 'W' }, 2);
  }

  complete(index: number, pages: number): void {
    this.bio('block_rq_complete', index, pages);
    this.counters.nr_writeback -= pages;
    this.counters.nr_written += pages;
  }

  trace(facts: TraceFacts = {}) {
    return makeTrace(this.rows, { ...EXACT, ...facts });
  }

  replay(facts: TraceFacts = {}) {
    const replay = replayHistory(this.trace(facts));
    if (replay === undefined) throw new Error('nothing to replay');
    return replay;
  }
}

const NAMES = ['nr_dirty', 'nr_writeback', 'nr_dirtied', 'nr_written'] as const;
const largest = (kernel: Kernel) => {
  const { fits } = kernel.replay();
  return NAMES.map((name) => fits[name].max_abs_pages);
};

describe('the life of a folio', () => {
  test('is in the counters as the kernel keeps them', () => {
    const kernel = new Kernel();
    kernel.begin();
    kernel.add(0, 4);
    kernel.dirty(0, 16);
    kernel.sample();
    kernel.claim(0, 16);
    kernel.write(0, 16);
    kernel.sample();
    // Written to meanwhile: dirty and under writeback.
    kernel.dirty(0, 16);
    kernel.sample();
    kernel.complete(0, 16);
    kernel.sample();
    const { fits, evidence, balances } = kernel.replay();
    expect(NAMES.map((name) => fits[name].max_abs_pages)).toEqual([0, 0, 0, 0]);
    expect(fits.nr_dirty).toMatchObject({
      n: 4,
      within_drift: 4,
      end_residual_pages: 0,
      skipped: 0,
    });
    expect(evidence.claim['folio-event']).toBe(16);
    expect(evidence.end.bio).toBe(16);
    expect(balances).toMatchObject({ dirty: 120, written: 16, unseen: 40 });
  });

  test('given back by its writer is dirty again and was dirtied once', () => {
    const kernel = new Kernel();
    kernel.begin();
    kernel.add(0, 2);
    kernel.dirty(0, 4);
    kernel.claim(0, 4);
    kernel.dirty(0, 4, { isRedirty: true, pid: 2 });
    kernel.sample();
    expect(largest(kernel)).toEqual([0, 0, 0, 0]);
    expect(kernel.replay().evidence.dirty).toEqual({ event: 68, redirty: 4 });
  });

  test('ends in a truncation that splits it', () => {
    const kernel = new Kernel();
    kernel.begin();
    kernel.add(0, 4);
    kernel.dirty(0, 16);
    kernel.remove(8, 3, 8);
    kernel.remove(6, 1, 2);
    kernel.sample();
    expect(largest(kernel)).toEqual([0, 0, 0, 0]);
    expect(kernel.replay().balances.cancelled).toBe(10);
  });

  test('of before the trace is known when it is written', () => {
    const kernel = new Kernel();
    kernel.begin();
    kernel.claim(100, 8);
    kernel.write(100, 8);
    kernel.sample();
    kernel.complete(100, 8);
    kernel.sample();
    expect(largest(kernel)).toEqual([0, 0, 0, 0]);
    expect(kernel.replay().diagnostics).toEqual([]);
  });
});

describe('requests', () => {
  test('hold parts of bios, or several', () => {
    const kernel = new Kernel();
    kernel.begin();
    for (const at of [0, 16, 32]) {
      kernel.add(at, 4);
      kernel.dirty(at, 16);
      kernel.claim(at, 16);
      kernel.write(at, 16);
    }
    kernel.bio('block_rq_complete', 0, 10);
    kernel.sample();
    // The rest of the first bio, and the two others.
    kernel.bio('block_rq_complete', 10, 38);
    kernel.counters.nr_writeback -= 48;
    kernel.counters.nr_written += 48;
    kernel.sample();
    expect(largest(kernel)).toEqual([0, 0, 0, 0]);
  });

  test('of metadata and of reads end nothing', () => {
    const kernel = new Kernel();
    kernel.begin();
    kernel.add(0, 0);
    kernel.dirty(0, 1);
    kernel.claim(0, 1);
    kernel.write(0, 1);
    for (const rwbs of ['WSM', 'R', 'FF']) {
      kernel.event('block_bio_queue', { dev: LOOP, sector: 4096, nr_sectors: 8, rwbs });
      kernel.event('block_rq_complete', { dev: LOOP, sector: 4096, nr_sectors: 8, rwbs });
    }
    kernel.sample();
    expect(largest(kernel)).toEqual([0, 0, 0, 0]);
  });
});

describe('a capture', () => {
  test('without completions says that writeback is as recorded', () => {
    const kernel = new Kernel();
    kernel.begin();
    kernel.add(0, 0);
    kernel.dirty(0, 1);
    kernel.claim(0, 1);
    kernel.sample();
    const { basis, fits } = kernel.replay();
    expect(basis).toMatchObject({ nr_dirty: 'events', nr_written: 'as-recorded' });
    expect([fits.nr_dirty.n, fits.nr_written.n]).toEqual([1, 0]);
  });

  test('whose counters go back starts anew and says where', () => {
    const kernel = new Kernel();
    kernel.begin();
    kernel.sample();
    kernel.counters.nr_dirtied = 10;
    kernel.sample();
    expect(kernel.replay().starts).toBe(2);
    expect(consistencyOf(kernel.trace()).diagnostics).toMatchObject([
      { code: 'counter_backwards', count: 1, amount: 1054, places: [{ row: 2 }] },
    ]);
  });

  test('that lost events starts anew behind the gap', () => {
    const kernel = new Kernel();
    kernel.begin();
    kernel.add(0, 3);
    kernel.dirty(0, 8);
    kernel.sample();
    const gap = { cpu: 0, from_ns: 6.2 * MS, ts_ns: 6.7 * MS, count: 3 };
    kernel.counters.nr_dirty = 5;
    kernel.counters.nr_written += 43;
    kernel.sample();
    const { starts, fits } = kernel.replay({ losses: [gap] });
    expect(starts).toBe(2);
    expect(fits.nr_dirty.max_abs_pages).toBe(0);
  });

  test('tells who dirtied what, and what each bdi held', () => {
    const kernel = new Kernel();
    kernel.begin();
    kernel.add(0, 4);
    kernel.dirty(0, 16);
    kernel.dirty(64, 1, { pid: 5 });
    kernel.sample();
    const { dirtied, timeline } = kernel.replay();
    expect(dirtied.by_task.map(({ pid, dirtied_bytes }) => [pid, dirtied_bytes])).toEqual([
      [1, 80 * 4096],
      [5, 4096],
    ]);
    expect(dirtied.by_inode).toEqual([
      { bdi: '7:0', dev: '7:0', ino: '9', dirtied_bytes: 81 * 4096 },
    ]);
    expect(timeline.bdis.map(({ bdi, dirty_pages }) => [bdi, dirty_pages.at(-1)])).toEqual([
      ['(unseen)', 40],
      ['7:0', 81],
    ]);
  });

  test('of another kind leaves nothing to replay', () => {
    expect(replayHistory(makeTrace([], EXACT))).toBeUndefined();
  });
});

const step = fc.record({
  kind: fc.constantFrom('write', 'flush', 'complete', 'truncate', 'give-back', 'sample'),
  slot: fc.nat(7),
});

test('any order of writing, flushing, completing and truncating is followed to the page', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const kernel = new Kernel();
      kernel.begin();
      // Eight folios of sixteen pages: cached, dirty, under writeback.
      const folios = Array.from({ length: 8 }, () => ({
        cached: false,
        dirty: false,
        busy: false,
      }));
      for (const { kind, slot } of steps) {
        const folio = folios[slot] as (typeof folios)[number];
        const at = slot * 16;
        if (kind === 'write' && !folio.dirty) {
          if (!folio.cached) kernel.add(at, 4);
          kernel.dirty(at, 16);
          Object.assign(folio, { cached: true, dirty: true });
        } else if (kind === 'flush' && folio.dirty && !folio.busy) {
          kernel.claim(at, 16);
          kernel.write(at, 16);
          Object.assign(folio, { dirty: false, busy: true });
        } else if (kind === 'give-back' && folio.dirty && !folio.busy) {
          kernel.claim(at, 16);
          kernel.dirty(at, 16, { isRedirty: true, pid: 2 });
        } else if (kind === 'complete' && folio.busy) {
          kernel.complete(at, 16);
          folio.busy = false;
        } else if (kind === 'truncate' && folio.cached && !folio.busy) {
          kernel.remove(at, 4, folio.dirty ? 16 : 0);
          Object.assign(folio, { cached: false, dirty: false });
        }
        kernel.sample();
      }
      expect(largest(kernel)).toEqual([0, 0, 0, 0]);
      expect(kernel.replay().diagnostics).toEqual([]);
    }),
    { numRuns: 300 },
  );
}, 30_000);
