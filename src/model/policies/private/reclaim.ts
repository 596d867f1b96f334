/**
 * Private state of pages through a recorded history (private-state.ts): pages that reclaim was
 * recorded to take are asked for here; recorded passes over the shrinkers ask the shrinker.
 * Pages are alike: what reclaim found when it looked (references, buffers in use) is not recorded,
 * so a page that was taken had no hindrance, and one that was dirty then refuses.
 *
 * Counters: private_held, private_released, page_freed, orphaned_clean, release_refused, rebuilt;
 * none of them is a kernel's.
 * Sources: mails of 25 to 28 February 2009; fs/btrfs/extent_io.c try_release_extent_buffer;
 * mm/shrinker.c do_shrink_slab.
 * Not modelled: pressure that a system adds or saves by holding more or less than recorded; state
 * of pages that were cached before the trace; inodes are taken to go when their last page is
 * truncated.
 */
import { divide } from '../../../kernel/arithmetic.ts';
import type { ShrinkerEra } from '../../shrinker.ts';
import { ShrinkerCalls, SUPERBLOCK_BATCH, vfsPressure } from '../../shrinker-calls.ts';
import type { CounterName } from '../counters.ts';
import type { CacheEvent, DataEvent, HistoryEvent, ReleaseEvent, ShrinkEvent } from '../history.ts';
import type { Policy, PolicyFactory, RunFacts } from '../policy.ts';
import { PrivateState, type ReleaseMode } from './private-state.ts';
import { reclaimNotes } from './reclaim-notes.ts';

const COUNTERS = [
  'private_held',
  'private_released',
  'page_freed',
  'orphaned_clean',
  'release_refused',
  'rebuilt',
] as const satisfies CounterName[];

/** A release that no removal follows within this time left the page in the cache. */
const WINDOW_NS = 1e7;

export class ReclaimRun {
  readonly mode: ReleaseMode;
  readonly facts: RunFacts;
  readonly state: PrivateState;
  readonly #object_pages: number;
  #shrinker: ShrinkerCalls | undefined;
  readonly #dirty = new Map<number, Set<number>>();
  readonly #pages = new Map<number, number>();
  #asked: ReleaseEvent[] = [];
  scans = 0;
  scanned = 0;
  freed = 0;
  /** Passes that lack what the arithmetic of the era needs. */
  unfed = 0;
  most_bytes = 0;

  constructor(mode: ReleaseMode, facts: RunFacts) {
    const { switches, page_size } = facts;
    this.mode = mode;
    this.facts = facts;
    const object = switches['reclaim.object-size'] ?? page_size;
    this.#object_pages = Math.max(1, divide(object, page_size));
    this.state = new PrivateState({
      mode,
      page_size,
      object_pages: this.#object_pages,
      object_bytes: switches['reclaim.state-size'] ?? 104,
      at_removal: switches['reclaim.at-removal'] ?? false,
    });
  }

  observe(event: HistoryEvent): void {
    if (event.type === 'cache') this.#cache(event);
    else if (event.type === 'data') this.#data(event);
    else if (event.type === 'shrink') this.#shrink(event);
    else if (event.type === 'release') this.#release(event);
    this.most_bytes = Math.max(this.most_bytes, this.state.held_bytes);
  }

  #cache({ change, file, start, bytes, ts_ns, reclaimed }: CacheEvent): void {
    if (file < 0 || start < 0) return;
    const { page_size } = this.facts;
    this.#expire(ts_ns, file, start);
    const first = divide(start, page_size);
    const count = divide(bytes, page_size);
    const before = this.#pages.get(file) ?? 0;
    const after = Math.max(0, before + (change === 'added' ? count : -count));
    this.#pages.set(file, after);
    if (change === 'added') this.state.attach(file, first, count);
    else {
      const step = Math.min(count, this.#object_pages);
      for (let page = first; page < first + count; page += step) {
        if (reclaimed === true) this.state.reclaim(file, page, this.#hold(file, page));
        else this.state.remove(file, page);
      }
    }
    if (change === 'removed' && reclaimed !== true && after === 0) {
      this.state.evict(file);
      this.#pages.delete(file);
      this.#dirty.delete(file);
    }
  }

  #hold(file: number, page: number) {
    return { dirty: this.#dirty.get(file)?.has(page) ?? false };
  }

  #data({ kind, file, start, bytes }: DataEvent): void {
    if (file < 0 || start < 0) return;
    const { page_size } = this.facts;
    const makes = kind === 'dirty' || kind === 'find-dirty' || kind === 'redirty';
    const ends = kind === 'claim' || kind === 'cancel';
    if (!makes && !ends) return;
    let pages = this.#dirty.get(file);
    if (pages === undefined) {
      pages = new Set();
      this.#dirty.set(file, pages);
    }
    const first = divide(start, page_size);
    for (let page = first; page < first + divide(bytes, page_size); page++) {
      if (ends) pages.delete(page);
      else {
        pages.add(page);
        // Writing into a page that lost its state makes it anew.
        if (this.state.isOrphan(file, page)) this.state.attach(file, page);
      }
    }
  }

  #shrink({ priority, scanned_pages, eligible_pages }: ShrinkEvent): void {
    if (this.mode !== 'shrinker') return;
    const pressure = this.facts.switches['reclaim.cache-pressure'] ?? 100;
    const freeable = vfsPressure(this.state.counts.private_held, pressure);
    const era = this.facts.switches['reclaim.era'] ?? recordedEra(priority);
    if (Number.isNaN(era === 'scanned-share' ? scanned_pages : priority)) {
      this.unfed++;
      return;
    }
    this.#shrinker ??= this.#calls(era);
    const call = { freeable, priority, scanned_pages, eligible_pages };
    const { scanned } = this.#shrinker.call(call);
    if (scanned === 0) return;
    this.scans++;
    this.scanned += scanned;
    this.freed += this.state.shrink(scanned, (file, page) => this.#hold(file, page).dirty);
  }

  #calls(era: ShrinkerEra): ShrinkerCalls {
    const { 'reclaim.seeks': seeks, 'reclaim.batch': batch } = this.facts.switches;
    return new ShrinkerCalls(era, seeks, Math.max(1, Math.floor(batch ?? SUPERBLOCK_BATCH)));
  }

  #release(event: ReleaseEvent): void {
    if (this.mode !== 'releasepage' || event.file < 0) return;
    this.#expire(event.ts_ns);
    this.#asked.push(event);
  }

  /** Asked-for folios that stayed lost their state, unless they were dirty. */
  #expire(ts_ns: number, file = -1, start = -1): void {
    if (this.#asked.length === 0) return;
    const open: ReleaseEvent[] = [];
    for (const asked of this.#asked) {
      if (asked.file === file && asked.start === start) continue;
      if (ts_ns - asked.ts_ns < WINDOW_NS) open.push(asked);
      else {
        const page = divide(asked.start, this.facts.page_size);
        this.state.reclaim(asked.file, page, { ...this.#hold(asked.file, page), page: true });
      }
    }
    this.#asked = open;
  }
}

/** Passes without a priority are of kernels until 4.15; of later ones the newest is taken. */
const recordedEra = (priority: number): ShrinkerEra =>
  Number.isNaN(priority) ? 'scanned-share' : 'priority-deferred';

function reclaim(mode: ReleaseMode): PolicyFactory {
  return (facts): Policy => {
    const run = new ReclaimRun(mode, facts);
    return {
      counters: [...COUNTERS, 'private_held_bytes'],
      observe(event, { book }) {
        run.observe(event);
        for (const name of COUNTERS) book.add(name, run.state.counts[name] - book.get(name));
        book.add('private_held_bytes', run.state.held_bytes - book.get('private_held_bytes'));
      },
      usage(usage) {
        usage.memory_bytes += run.state.held_bytes;
      },
      peakMemory: () => run.most_bytes,
      notes: () => reclaimNotes(run),
    };
  };
}

export const releasepage = reclaim('releasepage');
export const shrinkerOnly = reclaim('shrinker');
export const inodeLifetime = reclaim('inode-lifetime');
