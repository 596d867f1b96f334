/**
 * One history under one way of keeping state for blocks (block-state.ts): memory of the state, what
 * statistics show as dirty, what is sent, and how often the file system is called.
 *
 * A folio's dirty event says that it is dirty, not what was written into it: the exact bytes come
 * with the range that follows. Statistics by block wait for it, so they are late by the time of one
 * write. Without ranges (page faults, file systems that tell none) a folio counts as a whole.
 */
import { divide } from '../../../kernel/arithmetic.ts';
import type { DataEvent, HistoryEvent, WrittenRangeEvent } from '../history.ts';
import type { RunFacts } from '../policy.ts';
import { DirtyBlocks, type Granularity, type StateScheme, stateBytes } from './block-state.ts';
import { type Folio, Folios } from './folios.ts';

type Emit = (event: HistoryEvent) => void;

/** Recorded bytes on their way through writeback, and what of them counts here. */
type Pool = { recorded: number; counted: number };

export class BlockRun {
  readonly scheme: StateScheme;
  readonly facts: RunFacts;
  readonly block: number;
  readonly statistics: Granularity;
  readonly io: Granularity;
  state_bytes = 0;
  most_state_bytes = 0;
  /** Dirtied data that folios hold, and what was really written into them. */
  real_dirty_bytes = 0;
  sent_bytes = 0;
  /** Of all folios that were sent: their whole size. */
  folio_bytes = 0;
  readonly calls = { extent: 0, folio: 0, block: 0 };
  inline = 0;
  /** Folios that turned dirty, and their blocks, where nothing tells what was written into them. */
  readonly whole = { folio: 0, block: 0 };
  /** Sizes of folios that were dirtied, with their number. */
  readonly sizes = new Map<number, number>();
  readonly #folios = new Folios();
  readonly #claimed = new Map<number, Pool>();
  readonly #writeback = new Map<number, Pool>();

  constructor(scheme: StateScheme, io: Granularity, facts: RunFacts) {
    const { switches, page_size } = facts;
    this.scheme = scheme;
    this.facts = facts;
    this.block = switches['block.size'] ?? page_size;
    this.statistics = switches['block.statistics'] ?? 'folio';
    this.io = switches['block.io'] ?? io;
  }

  expand(event: HistoryEvent, emit: Emit): void {
    if (event.type === 'data' && event.pageClass === 'file-data') this.#data(event, emit);
    else if (event.type === 'range') this.#range(event, emit);
    else {
      if (event.type === 'cache' && event.pageClass === 'file-data') this.#cache(event);
      else if (event.type === 'sent' && this.#isSent(event.wb)) this.sent_bytes += event.bytes;
      else if (event.type === 'mapping' && event.write) this.#mapping(event.inline);
      emit(event);
    }
  }

  #mapping(inline: boolean): void {
    this.calls.extent++;
    if (inline) this.inline++;
  }

  #isSent(wb: number): boolean {
    return this.io === 'block' && (this.facts.sent_wbs?.has(wb) ?? false);
  }

  /** What statistics count by: the folio, its blocks, or the folios it is taken to be split to. */
  #unit(folio: number): number {
    const { page_size, switches } = this.facts;
    const order = switches['block.most-order'];
    const whole = order === undefined ? folio : Math.min(folio, page_size * 2 ** order);
    if (this.statistics === 'folio' || this.block < page_size) return whole;
    return Math.min(whole, this.block);
  }

  #cache({ change, file, start, bytes }: Extract<HistoryEvent, { type: 'cache' }>): void {
    if (file < 0 || start < 0) return;
    if (change === 'added') this.#know(file, start, bytes);
    else {
      const folio = this.#folios.remove(file, start);
      if (folio !== undefined) this.#state(-folio.bytes);
    }
  }

  #know(file: number, start: number, bytes: number): Folio | undefined {
    if (this.#folios.add(file, start, bytes) !== undefined) this.#state(bytes);
    return this.#folios.at(file, start);
  }

  #state(folio: number): void {
    const bytes = stateBytes(this.scheme, Math.abs(folio), this.block, this.facts.page_size);
    this.state_bytes += Math.sign(folio) * bytes;
    this.most_state_bytes = Math.max(this.most_state_bytes, this.state_bytes);
  }

  #data(event: DataEvent, emit: Emit): void {
    const isPlaced = event.file >= 0 && event.start >= 0;
    if (event.kind === 'dirty' || event.kind === 'find-dirty') {
      if (isPlaced) this.#dirty(event, emit);
      else emit(event);
    } else if (event.kind === 'claim' || event.kind === 'cancel') {
      this.#leave(event, isPlaced, emit);
    } else this.#move(event, emit);
  }

  #dirty(event: DataEvent, emit: Emit): void {
    const { file, start, bytes, wb, kind } = event;
    const folio = this.#folios.at(file, start) ?? this.#know(file, start, bytes);
    if (folio === undefined || folio.bytes < bytes) {
      emit(event);
      return;
    }
    if (kind === 'dirty') this.sizes.set(bytes, (this.sizes.get(bytes) ?? 0) + 1);
    folio.counted ??= new DirtyBlocks(divide(folio.bytes, this.#unit(folio.bytes)));
    folio.blocks ??= new DirtyBlocks(Math.max(1, divide(folio.bytes, this.block)));
    folio.isDirty = true;
    const isExact = kind === 'dirty' && (this.facts.range_wbs?.has(wb) ?? false);
    if (isExact && folio.bytes > Math.min(this.#unit(folio.bytes), this.block)) {
      // One unit is dirty whatever was written; which of several, the range tells.
      if (this.#unit(folio.bytes) === folio.bytes) this.#count(folio, 0, folio.bytes, event, emit);
      return;
    }
    if (kind === 'dirty' && !isExact) {
      this.whole.folio++;
      this.whole.block += Math.max(1, divide(bytes, this.block));
    }
    this.#fill(folio);
    this.#count(folio, 0, folio.bytes, event, emit);
  }

  #fill(folio: Folio, from = 0, to = folio.bytes): number {
    const fresh = folio.blocks?.write(from, to, this.block) ?? 0;
    this.real_dirty_bytes += fresh * Math.min(this.block, folio.bytes);
    return fresh;
  }

  /** Emits what becomes dirty by the statistics. */
  #count(
    folio: Folio,
    from: number,
    to: number,
    by: Pick<DataEvent, 'ts_ns' | 'wb' | 'file' | 'pid' | 'cpu'> & Partial<DataEvent>,
    emit: Emit,
  ): void {
    const unit = this.#unit(folio.bytes);
    const bytes = (folio.counted?.write(from, to, unit) ?? 0) * unit;
    if (bytes === 0) return;
    const { ts_ns, wb, file, pid, cpu, kind = 'dirty' } = by;
    const start = folio.start;
    emit({ type: 'data', kind, ts_ns, wb, pageClass: 'file-data', bytes, file, start, pid, cpu });
  }

  #range(event: WrittenRangeEvent, emit: Emit): void {
    const { file, start, bytes } = event;
    for (const folio of this.#folios.within(file, start, bytes)) {
      this.calls.folio++;
      const from = Math.max(0, start - folio.start);
      const to = Math.min(folio.bytes, start + bytes - folio.start);
      this.calls.block += Math.ceil(to / this.block) - Math.floor(from / this.block);
      if (!folio.isDirty) continue;
      this.#fill(folio, from, to);
      this.#count(folio, from, to, { ...event, type: 'data', bytes }, emit);
    }
    emit(event);
  }

  /** Dirty data is taken for writing, or dropped. */
  #leave(event: DataEvent, isPlaced: boolean, emit: Emit): void {
    const { kind, file, start, bytes, wb } = event;
    let left = bytes;
    let counted = 0;
    let sent = 0;
    if (isPlaced) {
      for (const folio of this.#folios.within(file, start, bytes)) {
        if (!folio.isDirty) continue;
        // Written to by means that tell no ranges: all of it.
        if ((folio.blocks?.count ?? 0) === 0) this.#fill(folio);
        if ((folio.counted?.count ?? 0) === 0) {
          this.#count(folio, 0, folio.bytes, { ...event, kind: 'dirty' }, emit);
        }
        const blocks = (folio.blocks?.count ?? 0) * Math.min(this.block, folio.bytes);
        counted += (folio.counted?.count ?? 0) * this.#unit(folio.bytes);
        sent += this.io === 'folio' ? folio.bytes : blocks;
        left -= folio.bytes;
        this.real_dirty_bytes -= blocks;
        folio.isDirty = false;
        folio.counted?.clear();
        folio.blocks?.clear();
      }
    }
    // Of what nobody knows the folios, all counts.
    const rest = Math.max(0, left);
    if (kind === 'claim') {
      put(this.#claimed, wb, bytes, counted + rest);
      this.folio_bytes += bytes;
      if (!this.#isSent(wb)) this.sent_bytes += sent + rest;
    }
    if (counted + rest > 0) emit({ ...event, bytes: counted + rest });
  }

  #move(event: DataEvent, emit: Emit): void {
    const { kind, wb, bytes } = event;
    const from = FROM[kind] === 'claimed' ? this.#claimed : this.#writeback;
    if (FROM[kind] === undefined) {
      emit(event);
      return;
    }
    const counted = draw(from, wb, bytes, this.facts.page_size);
    if (kind === 'start-writeback') put(this.#writeback, wb, bytes, counted);
    if (counted > 0) emit({ ...event, bytes: counted });
    if (kind !== 'redirty' || event.file < 0 || event.start < 0) return;
    this.#again(event);
    if (counted < bytes) emit({ ...event, kind: 'dirty', bytes: bytes - counted, pid: -1 });
  }

  /** The writer gave them back: they are dirty, in places that are no longer known: wholly. */
  #again({ file, start, bytes }: DataEvent): void {
    for (const folio of this.#folios.within(file, start, bytes)) {
      folio.isDirty = true;
      folio.counted?.write(0, folio.bytes, this.#unit(folio.bytes));
      this.#fill(folio);
    }
  }
}

const FROM: Readonly<Partial<Record<DataEvent['kind'], 'claimed' | 'writeback'>>> = {
  'start-writeback': 'claimed',
  redirty: 'claimed',
  discard: 'claimed',
  'end-writeback': 'writeback',
};

function put(pools: Map<number, Pool>, wb: number, recorded: number, counted: number): void {
  const pool = pools.get(wb) ?? { recorded: 0, counted: 0 };
  pool.recorded += recorded;
  pool.counted += counted;
  pools.set(wb, pool);
}

/** The part of the pool's pages that so many recorded bytes stand for; what was found counts whole. */
function draw(pools: Map<number, Pool>, wb: number, recorded: number, unit: number): number {
  const pool = pools.get(wb);
  if (pool === undefined || pool.recorded <= 0) return recorded;
  const taken = Math.min(recorded, pool.recorded);
  const share = taken === pool.recorded ? pool.counted : (pool.counted * taken) / pool.recorded;
  const pages = taken === pool.recorded ? share : Math.floor(share / unit) * unit;
  pool.recorded -= taken;
  pool.counted -= pages;
  return pages + (recorded - taken);
}
