/**
 * Reads a large file window by window and lists its samples, for dealers to put into tables. What
 * goes where is known when a window is listed, so each is dealt out on its own, by any thread.
 */
import type { EventBuilder } from '../../decode/event-tables.ts';
import { byteWindow } from '../../decode/record-window.ts';
import type { SharedMemory } from '../../wasm/memory.ts';
import type { ChunkReader } from './chunk-reader.ts';
import type { Section } from './header.ts';
import { type Lane, makeLane, moveRest, recordBytes, scanLane } from './lanes.ts';
import { listAt, SampleLoops } from './loop-scanner.ts';
import { RecordFeed, readPackedRecords } from './packed-records.ts';
import { finishLane, laneParts, takeTimesOf } from './reading.ts';
import { RECORD_FINISHED_ROUND } from './records.ts';
import { SCAN } from './sample-loops.ts';
import { isIrregular, markIrregular, type Reading } from './state.ts';
import { type Region, TableRegions } from './table-regions.ts';
import { DETAIL_BITS, DETAILS, type WindowDealer } from './window-dealer.ts';
import { ABOUT, LEAST_FILLED, ROWS, type SlotPlaces, type WindowRing } from './window-ring.ts';

/** What is known of a window when it was listed. */
type Listed = {
  /** Times: the last before it, its first and its last, and the first behind it, as was known. */
  readonly until: number;
  readonly first: number;
  readonly last: number;
  readonly slot: number;
  since: number;
  /** Rows of each table before it. */
  readonly rows: readonly number[];
};

type ListerOptions = {
  readonly reading: Reading;
  readonly ring: WindowRing;
  readonly memory: SharedMemory;
  /** How many samples of a source the file may have, by those in the first window with one. */
  readonly guess: (source: number, first: number) => number;
  /** Undefined where records do not come as they stand in a file. */
  readonly chunks: ChunkReader | undefined;
  /** By window: the first time behind it, where that is known already. */
  readonly since?: readonly number[] | undefined;
  /** Those of this thread, which take turns. */
  readonly dealers: readonly WindowDealer[];
};

export class WindowLister {
  readonly listed: Listed[] = [];
  readonly regions: TableRegions[] = [];
  readonly #options: ListerOptions;
  readonly #words: Uint32Array;
  readonly #view: DataView;
  readonly #lanes: readonly Lane[];
  /** What tables count times from: the first of the first window, nearly always the first of all. */
  origin = 0;
  /** Did memory for what is known of windows suffice? */
  isWhole = true;
  #seq = 0;
  #turn = 0;
  /**
   * perf reads all CPUs' buffers round by round: only where rounds meet do events overlap little in
   * time. A window ends with a round from this place on, if there is one.
   */
  #endsAt: number;

  constructor(options: ListerOptions) {
    const { reading, ring, memory } = options;
    const { u32, view } = byteWindow(new Uint8Array(memory.buffer), true);
    this.#options = options;
    this.#endsAt = LEAST_FILLED * (ring.places.slots[0] as SlotPlaces).windowBytes;
    this.#words = u32;
    this.#view = view;
    this.#lanes = ring.places.slots.map((slot) => {
      const { known } = reading;
      if (known === undefined) throw new Error('samples are listed by loops');
      const { capacity } = ring.places;
      const list = { places: slot.list, capacity };
      const loops = new SampleLoops(known, slot, list);
      const index = listAt(memory, slot.list, capacity);
      const parts = laneParts(reading);
      const onRecord: typeof parts.onRecord = (lane, type, at, end) =>
        !(type === RECORD_FINISHED_ROUND && end >= this.#endsAt) &&
        parts.onRecord(lane, type, at, end);
      const own = { loops, index, onRecord, take: () => {} };
      return makeLane(slot.windowBytes, { ...parts, ...own });
    });
  }

  /** Throws RangeError where memory does not suffice. */
  listAll(data: Section): void {
    const { reading, chunks } = this.#options;
    if (chunks !== undefined) this.#listChunks(chunks);
    else readPackedRecords(reading, data, this.#nextLane(), this.#endLane, this.#endsAt);
  }

  #listChunks(reader: ChunkReader): void {
    const { reading, ring } = this.#options;
    const { chunks, restBytes } = ring.places;
    // What was read is dealt out before more is read: it is still in the caches.
    const work = () => reader.readOne() || this.#dealOne();
    let before: Lane | undefined;
    for (let chunk = 0; chunk < chunks; chunk++) {
      const lane = this.#lanes[ring.awaitChunk(chunk, work)];
      if (lane === undefined) {
        markIrregular(reading);
        return;
      }
      if (before === undefined) lane.at = restBytes;
      else moveRest(before, lane, restBytes);
      lane.filled = restBytes + reader.bytesOf(chunk);
      lane.scanner.index.count = 0;
      const isLast = chunk === chunks - 1;
      this.#endsAt = isLast ? Number.POSITIVE_INFINITY : lane.filled - restBytes;
      this.#scan(lane);
      if (isIrregular(reading) || !this.#finish(lane)) return;
      reading.context.progress((chunk + 1) / chunks);
      before = lane;
    }
    if (before !== undefined) finishLane(reading, before);
  }

  /** Lists the samples of a window up to its end or the round that it ends with. */
  #scan(lane: Lane): void {
    const { reading } = this.#options;
    if (!scanLane(lane, () => markIrregular(reading))) return;
    const type = lane.window.view.getUint32(lane.at, lane.window.littleEndian);
    if (type !== RECORD_FINISHED_ROUND) markIrregular(reading);
    else lane.at += recordBytes(lane);
  }

  /** The same of records that come in parts, all `bytes` of them if they are regular. */
  async listChunks(chunks: AsyncIterable<Uint8Array>, bytes: number): Promise<void> {
    const { reading } = this.#options;
    const feed = new RecordFeed(reading, this.#nextLane(), this.#endLane, this.#endsAt);
    let read = 0;
    for await (const chunk of chunks) {
      read += chunk.length;
      reading.shareRead = read / bytes;
      feed.add(chunk);
      reading.context.progress(reading.shareRead);
      if (feed.isEnded) break;
    }
    if (read < bytes) markIrregular(reading);
    feed.finish();
  }

  /** Publishes what was held back, and deals out what no other thread has taken. */
  close(): void {
    const { ring } = this.#options;
    const last = this.listed.at(-1);
    if (last !== undefined) this.#publish(this.listed.length - 1);
    ring.close(this.listed.length);
    while (this.#dealOne());
  }

  /** Were all windows dealt out by this thread? */
  get isDealtHere(): boolean {
    return this.#turn === this.listed.length;
  }

  /** The first time behind each window. */
  firstBehind(): number[] {
    const since: number[] = [];
    let first = Number.POSITIVE_INFINITY;
    for (let nth = this.listed.length - 1; nth >= 0; nth--) {
      since[nth] = first;
      first = Math.min(first, (this.listed[nth] as Listed).first);
    }
    return since;
  }

  /** Does any window overlap later ones further than was known when it was dealt out? */
  get isTold(): boolean {
    return this.firstBehind().every((since, nth) => {
      const listed = this.listed[nth] as Listed;
      return since >= listed.since || since > listed.last;
    });
  }

  readonly #endLane = (lane: Lane): Lane | undefined =>
    this.#finish(lane) ? this.#nextLane() : undefined;

  /** False where there is no room for what is known of one more window. */
  #finish(lane: Lane): boolean {
    const { reading, ring } = this.#options;
    const slot = this.#lanes.indexOf(lane);
    const until = reading.lastTime;
    const [first, last] = takeTimesOf(reading) ?? [Number.POSITIVE_INFINITY, until];
    if (this.listed.length === 0 && first <= last) this.origin = first;
    const nth = this.listed.length;
    if (nth >= ring.places.windows) {
      this.isWhole = false;
      return false;
    }
    const rows = this.regions.map(({ rows: before }) => before);
    const since = this.#options.since?.[nth] ?? Number.POSITIVE_INFINITY;
    this.listed.push({ until, first, last, slot, since, rows });
    this.#describe(lane, slot);
    // The window before it is held back until now, because it may reach into the time of this one.
    if (nth > 0) this.#publish(nth - 1);
    return true;
  }

  #publish(nth: number): void {
    const { ring, since } = this.#options;
    const listed = this.listed[nth] as Listed;
    const behind = this.listed[nth + 1]?.first;
    if (since === undefined && behind !== undefined) listed.since = behind;
    const { about } = ring.places.slots[listed.slot] as SlotPlaces;
    this.#view.setFloat64(about + ABOUT.since, listed.since, true);
    ring.publish(nth, listed.slot, nth + 1);
  }

  /** Writes what dealers must know of the window. */
  #describe({ scanner }: Lane, slot: number): void {
    const { reading, ring } = this.#options;
    const { builders } = reading.registry;
    while (this.regions.length < builders.length) this.#addTable();
    const { scan, about, rows } = ring.places.slots[slot] as SlotPlaces;
    const { count } = scanner.index;
    this.#view.setFloat64(about + ABOUT.until, (this.listed.at(-1) as Listed).until, true);
    this.#view.setFloat64(about + ABOUT.origin, this.origin, true);
    this.#words[(about + ABOUT.seq) >>> 2] = this.#seq;
    // The loops do not know of those that were listed one by one.
    this.#words[(scan + SCAN.count) >>> 2] = count;
    this.#words[(about + ABOUT.tables) >>> 2] = builders.length;
    this.#seq += count;
    this.regions.forEach((table, nth) => {
      const at = (rows + nth * ROWS.bytes) >>> 2;
      const row = table.rows;
      const region = this.#regionFor(nth, reading.tally.counts[nth] as number);
      this.#words[at + (ROWS.row >>> 2)] = row;
      this.#words[at + (ROWS.columns >>> 2)] = region?.memory.ts ?? 0;
      this.#words[at + (ROWS.capacity >>> 2)] = region?.memory.capacity ?? 0;
    });
  }

  #addTable(): void {
    const { reading, ring } = this.#options;
    const nth = this.regions.length;
    const { builders, sourceOfTable } = reading.registry;
    const { detail } = builders[nth] as EventBuilder;
    const source = sourceOfTable[nth] as number;
    const made = (source << DETAIL_BITS) | DETAILS.indexOf(detail);
    this.#words[(ring.places.tables >>> 2) + nth] = made;
    this.regions.push(new TableRegions(builders[nth] as EventBuilder));
  }

  #regionFor(nth: number, rows: number): Region | undefined {
    const { reading, ring, guess } = this.#options;
    const table = this.regions[nth] as TableRegions;
    const source = reading.registry.sourceOfTable[nth] as number;
    return table.makeRoom(rows, () => guess(source, rows), ring);
  }

  /** Room for the next window; while there is none, this thread deals out others. */
  #nextLane(): Lane {
    const { ring } = this.#options;
    for (;;) {
      const slot = ring.freeSlot();
      if (slot !== undefined) {
        const lane = this.#lanes[slot] as Lane;
        lane.scanner.index.count = 0;
        return lane;
      }
      this.#dealOne();
    }
  }

  /** False when no window is waiting. */
  #dealOne(): boolean {
    const { ring, dealers } = this.#options;
    const window = ring.takeWindow();
    if (window === undefined) return false;
    dealers[this.#turn % dealers.length]?.deal(window);
    this.#turn++;
    return true;
  }
}
