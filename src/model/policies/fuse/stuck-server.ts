/**
 * What if a server answers nothing from a moment on: recorded answers are held back, for ever or
 * until it goes on; data that its share of the limit has no room for is not dirtied.
 * Not modelled: other requests of the writer (metadata) that would also have waited.
 */
import type { DataEvent, HistoryEvent, RequestEvent } from '../history.ts';

type Level = { dirty: number; claimed: number; writeback: number };

export type Stop = { readonly from_ns: number; readonly to_ns: number };

export class StuckServer {
  readonly #stop: Stop;
  readonly #levels = new Map<number, Level>();
  readonly #held: DataEvent[] = [];
  readonly #answers: RequestEvent[] = [];
  /** Bytes that writers could not dirty. */
  kept_bytes = 0;
  /** Bytes that a bdi may have dirty or under writeback, once a threshold is known. */
  room_bytes = Number.POSITIVE_INFINITY;

  constructor(stop: Stop) {
    this.#stop = stop;
  }

  pass(event: DataEvent, emit: (event: HistoryEvent) => void): void {
    const level = this.#of(event.wb);
    const isStopped = event.ts_ns >= this.#stop.from_ns && event.ts_ns < this.#stop.to_ns;
    if (isStopped && event.kind === 'end-writeback') {
      this.#held.push(event);
      return;
    }
    const bytes = this.#possible(event, level, isStopped);
    if (bytes > 0) emit({ ...event, bytes });
  }

  /** Answers wait as data does; requests go on to pile up. */
  passRequest(event: RequestEvent, emit: (event: HistoryEvent) => void): void {
    const { from_ns, to_ns } = this.#stop;
    const isStopped = event.ts_ns >= from_ns && event.ts_ns < to_ns;
    if (isStopped && event.change === 'answered') this.#answers.push(event);
    else emit(event);
  }

  /** Time goes on: once the server does, too, it answers what it was asked. */
  reach(now_ns: number, emit: (event: HistoryEvent) => void): void {
    const ts_ns = this.#stop.to_ns;
    if (now_ns < ts_ns) return;
    for (const event of this.#held.splice(0)) {
      const bytes = this.#possible(event, this.#of(event.wb), false);
      if (bytes > 0) emit({ ...event, ts_ns, bytes });
    }
    for (const answer of this.#answers.splice(0)) emit({ ...answer, ts_ns });
  }

  #of(wb: number): Level {
    let level = this.#levels.get(wb);
    if (level === undefined) {
      level = { dirty: 0, claimed: 0, writeback: 0 };
      this.#levels.set(wb, level);
    }
    return level;
  }

  /** How much of the event can still happen; keeps the levels. */
  #possible(event: DataEvent, level: Level, isStopped: boolean): number {
    const { kind } = event;
    if (kind === 'dirty') {
      const room = this.room_bytes - level.dirty - level.claimed - level.writeback;
      const bytes = isStopped ? Math.min(event.bytes, Math.max(0, room)) : event.bytes;
      this.kept_bytes += event.bytes - bytes;
      level.dirty += bytes;
      return bytes;
    }
    const from = kind === 'disown' ? event.account : FROM[kind];
    const to = kind === 'adopt' ? event.account : TO[kind];
    const bytes = from === undefined ? event.bytes : Math.min(event.bytes, level[from]);
    if (from !== undefined) level[from] -= bytes;
    if (to !== undefined) level[to] += bytes;
    return bytes;
  }
}

const FROM: Readonly<Partial<Record<DataEvent['kind'], keyof Level>>> = {
  claim: 'dirty',
  cancel: 'dirty',
  redirty: 'claimed',
  discard: 'claimed',
  'start-writeback': 'claimed',
  'end-writeback': 'writeback',
};
const TO: Readonly<Partial<Record<DataEvent['kind'], keyof Level>>> = {
  'find-dirty': 'dirty',
  'find-writeback': 'writeback',
  redirty: 'dirty',
  claim: 'claimed',
  'start-writeback': 'writeback',
};
