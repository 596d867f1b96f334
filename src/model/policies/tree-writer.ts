/**
 * Tree nodes under other writing rules than the recorded ones. What a rule refuses stays dirty
 * until a later call may write it or somebody waits for all of it; what it allows and the recorded
 * machine did not write is written at the end of the call. Its own state of each page decides which
 * part of a recorded event still happens. Not modelled: that a node written earlier must be copied
 * to be changed again (each such copy is one more node dirtied), and what tasks and flusher would
 * have done otherwise in return.
 */
import { assert } from '../../trace/assert.ts';
import { PageIntervals } from '../page-intervals.ts';
import { type DataEvent, type HistoryEvent, partOf, type WriteCallEvent } from './history.ts';
import type { RunFacts } from './policy.ts';

const DIRTY = 1;
const CLAIMED = 2;
const WRITEBACK = 4;
/** Under writeback by this system alone. */
const OWN = 8;
/** Dirty here although the recorded machine wrote it. */
const HELD = 16;
/** Written here although the recorded machine has it dirty. */
const GONE = 32;
/** The recorded machine's writing of it, which did not happen here, is still under way. */
const IGNORED = 64;
const ALL = 127;

type Emit = (event: HistoryEvent) => void;
/** From the first to the last page of a file. */
const EVERYTHING: Range = { start: 0, end: Number.POSITIVE_INFINITY };

type Range = { readonly start: number; readonly end: number };
type Writing = { readonly until_ns: number; readonly event: DataEvent };

export class TreeWriter {
  readonly #facts: RunFacts;
  readonly #allows: (call: WriteCallEvent, dirtyBytes: number) => boolean;
  /** By file: the state of each page, the call that is under way, and bytes dirty here. */
  readonly #files = new Map<number, File>();
  readonly #writing: Writing[] = [];
  #busyUntil_ns = 0;
  /** Bytes written that the recorded machine did not write then, and that were kept instead. */
  early_bytes = 0;
  held_bytes = 0;
  /** Bytes that were dirtied again while held: a copy of the node that was spared. */
  spared_bytes = 0;

  constructor(facts: RunFacts, allows: (call: WriteCallEvent, dirtyBytes: number) => boolean) {
    this.#facts = facts;
    this.#allows = allows;
  }

  expand(event: HistoryEvent, emit: Emit): void {
    this.#finish(event.ts_ns, emit);
    if (event.type === 'write-call') this.#onCall(event, emit);
    else if (event.type === 'data' && event.pageClass === 'metadata' && event.start >= 0) {
      this.#onData(event, emit);
    } else emit(event);
  }

  #file(id: number): File {
    let file = this.#files.get(id);
    if (file === undefined) {
      file = new File();
      this.#files.set(id, file);
    }
    return file;
  }

  #onCall(call: WriteCallEvent, emit: Emit): void {
    emit(call);
    const file = this.#file(call.file);
    if (call.phase === 'start') {
      file.refuses = !this.#allows(call, file.dirty_bytes);
      file.passed_bytes = 0;
      return;
    }
    const left = call.budget_bytes - file.passed_bytes;
    if (!file.refuses) this.#write(call, file, DIRTY, left, emit);
    file.refuses = false;
  }

  #onData(event: DataEvent, emit: Emit): void {
    const file = this.#file(event.file);
    switch (event.kind) {
      case 'dirty':
        this.#dirty(event, file, emit);
        return;
      case 'claim':
        this.#claim(event, file, emit);
        return;
      case 'redirty':
        this.#pass(event, file, CLAIMED, CLAIMED, DIRTY, emit);
        return;
      case 'start-writeback':
        // What was claimed by number only is placed now.
        this.#found(event, file, CLAIMED);
        this.#pass(event, file, CLAIMED, CLAIMED, WRITEBACK, emit);
        return;
      case 'end-writeback':
        this.#pass(event, file, WRITEBACK, WRITEBACK, 0, emit, OWN);
        file.change(this.#range(event), IGNORED, IGNORED, 0);
        return;
      case 'cancel':
        this.#pass(event, file, DIRTY, DIRTY | HELD, 0, emit);
        file.change(this.#range(event), GONE, GONE, 0);
        return;
      case 'discard':
        this.#pass(event, file, CLAIMED, CLAIMED, 0, emit);
        return;
      case 'disown':
        this.#pass(event, file, bitOf(event), ALL, 0, emit);
        return;
      case 'adopt':
      case 'find-dirty':
      case 'find-writeback':
        if (this.#found(event, file, bitOf(event)) > 0 && bitOf(event) === DIRTY) {
          file.dirty_bytes += event.bytes;
        }
        emit(event);
    }
  }

  /** Sets a state where nothing was known. */
  #found(event: DataEvent, file: File, bit: number): number {
    let bytes = 0;
    for (const part of file.parts(this.#range(event), (value) => value === 0)) {
      bytes += file.change(part, 0, 0, bit);
    }
    return bytes;
  }

  #dirty(event: DataEvent, file: File, emit: Emit): void {
    const range = this.#range(event);
    for (const part of file.parts(range, (value) => (value & DIRTY) === 0)) {
      emit(this.#cut(event, part));
      file.dirty_bytes += part.end - part.start;
    }
    for (const part of file.parts(range, (value) => (value & HELD) !== 0)) {
      this.spared_bytes += part.end - part.start;
    }
    file.change(range, 0, HELD | GONE, DIRTY);
  }

  #claim(event: DataEvent, file: File, emit: Emit): void {
    const range = this.#range(event);
    if (event.sync !== true && file.refuses) {
      const kept = file.change(range, DIRTY, 0, HELD | IGNORED);
      this.held_bytes += kept;
      if (kept > 0) file.holds = true;
      file.change(range, GONE, GONE, IGNORED);
      return;
    }
    file.passed_bytes += this.#pass(event, file, DIRTY, DIRTY | HELD, CLAIMED, emit, GONE);
    file.change(range, GONE, GONE, IGNORED);
    // Who waits for a commit waits for all nodes of it.
    if (event.sync === true && file.holds) this.#release(event, file, emit);
  }

  #release(event: DataEvent, file: File, emit: Emit): void {
    this.#write(event, file, HELD, Number.POSITIVE_INFINITY, emit);
    // What is under writeback already has to wait for the next one.
    file.holds = file.parts(EVERYTHING, (value) => (value & HELD) !== 0).length > 0;
  }

  /** Passes on those parts of an event whose pages are in the state that it needs. */
  #pass(
    event: DataEvent,
    file: File,
    need: number,
    clear: number,
    set: number,
    emit: Emit,
    without = 0,
  ): number {
    let passed = 0;
    const range = this.#range(event);
    const fits = (value: number) => (value & need) === need && (value & without) === 0;
    for (const part of file.parts(range, fits)) {
      file.change(part, need, clear, set);
      const bytes = part.end - part.start;
      passed += bytes;
      if ((clear & DIRTY) !== 0) file.dirty_bytes -= bytes;
      if ((set & DIRTY) !== 0) file.dirty_bytes += bytes;
      emit(this.#cut(event, part));
    }
    return passed;
  }

  /** Writes what has the bits, in order of place, up to a budget. */
  #write(
    cause: { readonly ts_ns: number; readonly wb: number; readonly file: number },
    file: File,
    need: number,
    budget: number,
    emit: Emit,
  ): void {
    let left = budget;
    const fits = (value: number) => (value & need) === need && (value & WRITEBACK) === 0;
    for (const part of file.parts(EVERYTHING, fits)) {
      if (left <= 0) return;
      const end = Math.min(part.end, part.start + Math.ceil(left / MIN_STEP) * MIN_STEP);
      const range = { start: part.start, end };
      const bytes = end - part.start;
      left -= bytes;
      const held = file.change(range, HELD, 0, 0);
      file.change(range, HELD, DIRTY | HELD, WRITEBACK | OWN);
      file.change(range, DIRTY, DIRTY, WRITEBACK | OWN | GONE);
      this.early_bytes += bytes - held;
      file.dirty_bytes -= bytes;
      for (let at = range.start; at < end; at += STEP) {
        this.#begin(cause, { start: at, end: Math.min(end, at + STEP) }, emit);
      }
    }
  }

  #begin(
    { ts_ns, wb, file }: { readonly ts_ns: number; readonly wb: number; readonly file: number },
    { start, end }: Range,
    emit: Emit,
  ): void {
    const bytes = end - start;
    const place = { type: 'data', pageClass: 'metadata', wb, file, start, bytes } as const;
    const event = { ...place, ts_ns, pid: -1, cpu: -1 };
    emit({ ...event, kind: 'claim' });
    emit({ ...event, kind: 'start-writeback' });
    const took_ns = (1e9 * bytes) / this.#facts.write_bandwidth;
    this.#busyUntil_ns = Math.max(this.#busyUntil_ns, ts_ns) + took_ns;
    this.#writing.push({
      until_ns: this.#busyUntil_ns,
      event: { ...event, kind: 'end-writeback', ts_ns: this.#busyUntil_ns },
    });
  }

  /** What came back by now. */
  #finish(now_ns: number, emit: Emit): void {
    // In order of time, since a device writes one after the other.
    let done = 0;
    while ((this.#writing[done]?.until_ns ?? Number.POSITIVE_INFINITY) <= now_ns) done++;
    if (done === 0) return;
    for (const { event } of this.#writing.splice(0, done)) {
      this.#file(event.file).change(this.#range(event), OWN, OWN | WRITEBACK, 0);
      emit(event);
    }
  }

  #range({ start, bytes }: DataEvent): Range {
    assert(bytes >= 0, 'places have no negative size');
    return { start, end: start + bytes };
  }

  #cut(event: DataEvent, { start, end }: Range): DataEvent {
    return partOf(event, start, end - start);
  }
}

/** The state that data of unknown history is found in. */
function bitOf({ kind, account }: DataEvent): number {
  if (kind === 'find-writeback' || account === 'writeback') return WRITEBACK;
  return account === 'claimed' ? CLAIMED : DIRTY;
}

/** Budgets are in pages; what is cut by them is not cut finer than the smallest. */
const MIN_STEP = 4096;

/** Large writes come back bit by bit. */
const STEP = 1024 * 1024;

class File {
  readonly pages = new PageIntervals();
  readonly #tally = new Float64Array(ALL + 1);
  dirty_bytes = 0;
  passed_bytes = 0;
  /** Something may be dirty here that the recorded machine wrote. */
  holds = false;
  /** The call that is under way may write nothing. */
  refuses = false;

  parts({ start, end }: Range, fits: (value: number) => boolean): Range[] {
    const found: Range[] = [];
    let at = start;
    this.pages.visit(start, end, (from, to, value) => {
      if (from > at && fits(0)) found.push({ start: at, end: from });
      if (fits(value)) found.push({ start: from, end: to });
      at = to;
      return true;
    });
    if (at < end && fits(0)) found.push({ start: at, end });
    return found;
  }

  /** Returns how many bytes were changed. */
  change({ start, end }: Range, need: number, clear: number, set: number): number {
    const tally = this.#tally.fill(0);
    this.pages.change(start, end, need, clear, set, tally);
    let sum = 0;
    for (let value = 0; value < tally.length; value++) sum += tally[value] as number;
    return sum;
  }
}
