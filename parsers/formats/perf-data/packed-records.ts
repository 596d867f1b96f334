/**
 * Records that come in parts, where the plain way (reading.ts) is not needed: those of a file that
 * is unpacked while it is read, and those that `perf record -z` packed. What was packed goes into
 * the windows of lanes as if it stood in the file, and the few other records between them.
 */
import { FormatError } from '../../../src/trace/errors.ts';
import { ZstdStream } from '../../bytes/zstd-stream.ts';
import { type ByteWindow, byteWindow } from '../../decode/record-window.ts';
import type { Section } from './header.ts';
import { type Lane, laneBytes, moveRest, recordBytes, scanLane } from './lanes.ts';
import {
  packedPart,
  RECORD_ATTR,
  RECORD_COMPRESSED,
  RECORD_COMPRESSED2,
  RECORD_FINISHED_ROUND,
  RECORD_FORK,
  RECORD_LOST_SAMPLES,
  saysNothing,
} from './records.ts';
import { RECORD_HEADER_BYTES } from './samples.ts';
import { isTotalLoss } from './side-records.ts';
import { isIrregular, markIrregular, type Reading } from './state.ts';

const CHUNK_BYTES = 1 << 20;

/**
 * Reads all records, as readRecords() does, if they are regular: else the reading says that they
 * are not. `endsAt`: from how many bytes on a window may end with a round.
 */
export function readPackedRecords(
  reading: Reading,
  data: Section,
  first: Lane,
  next: (lane: Lane) => Lane | undefined = (lane) => lane,
  endsAt = Number.POSITIVE_INFINITY,
): void {
  const feed = new RecordFeed(reading, first, next, endsAt);
  const chunk = byteWindow(new Uint8Array(laneBytes(CHUNK_BYTES)), reading.littleEndian);
  const end = data.offset + data.size;
  let filled = 0;
  for (let fileAt = data.offset; fileAt < end && !feed.isEnded; ) {
    const room = chunk.bytes.subarray(
      filled,
      filled + Math.min(end - fileAt, CHUNK_BYTES - filled),
    );
    const got = reading.source.readInto(room, fileAt);
    if (got === 0) break;
    fileAt += got;
    filled += got;
    const at = feed.addRecords(chunk, filled, (left) => (fileAt - data.offset - left) / data.size);
    chunk.bytes.copyWithin(0, at, filled);
    filled -= at;
    reading.context.progress(reading.shareRead);
  }
  if (filled > 0) markIrregular(reading);
  feed.finish();
}

/** Bytes of records → windows of lanes. */
export class RecordFeed {
  /** Irregular, or whoever takes the lanes wants no more. */
  isEnded = false;
  readonly #reading: Reading;
  readonly #next: (lane: Lane) => Lane | undefined;
  readonly #endsAt: number;
  #unpacker: ZstdStream | undefined;
  #lane: Lane;
  #isPacked = false;

  constructor(
    reading: Reading,
    first: Lane,
    next: (lane: Lane) => Lane | undefined,
    endsAt: number,
  ) {
    this.#reading = reading;
    this.#lane = first;
    this.#next = next;
    this.#endsAt = endsAt;
  }

  /**
   * Reads the records of the file in [0, filled); returns where the first that is cut begins.
   * `share`: the part that was read when so many bytes are left.
   */
  addRecords(chunk: ByteWindow, filled: number, share: (left: number) => number): number {
    const { view, littleEndian } = chunk;
    let at = 0;
    while (at + RECORD_HEADER_BYTES <= filled && !this.isEnded) {
      const end = at + view.getUint16(at + RECORD_HEADER_BYTES - 2, littleEndian);
      if (end < at + RECORD_HEADER_BYTES) this.#giveUp();
      if (this.isEnded || end > filled) break;
      this.#reading.shareRead = share(filled - end);
      this.#addRecord(chunk, view.getUint32(at, littleEndian), at, end);
      at = end;
    }
    return at;
  }

  #addRecord(chunk: ByteWindow, type: number, at: number, end: number): void {
    if (type === RECORD_COMPRESSED || type === RECORD_COMPRESSED2) {
      this.#isPacked = true;
      this.#unpack(packedPart(chunk, type, at, end));
      return;
    }
    if (this.#isPacked && !this.#isFreeOfOrder(chunk, type, at, end)) {
      this.#giveUp();
      return;
    }
    // What stands between records that are packed must not stand within one of them.
    if (this.#lane.at !== this.#lane.filled) this.#giveUp();
    else if (type !== RECORD_FINISHED_ROUND) this.add(chunk.bytes.subarray(at, end));
    else if (this.#lane.filled >= this.#endsAt) this.#endWindow();
  }

  /** May it come before or behind what is packed? Names, losses and samples may not. */
  #isFreeOfOrder(chunk: ByteWindow, type: number, at: number, end: number): boolean {
    if (type === RECORD_LOST_SAMPLES) {
      return isTotalLoss(this.#reading, { window: chunk }, at, end);
    }
    return type >= RECORD_ATTR || type === RECORD_FORK || saysNothing(type);
  }

  #unpack(packed: Uint8Array | undefined): void {
    if (packed === undefined) {
      this.#giveUp();
      return;
    }
    try {
      this.#unpacker ??= new ZstdStream((bytes) => this.add(bytes), this.#reading.context.limits);
      this.#unpacker.push(packed);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.#giveUp();
    }
  }

  /** Bytes that follow on those before. */
  add(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length && !this.isEnded; ) {
      const { window, filled } = this.#lane;
      const part = bytes.subarray(from, from + window.bytes.length - filled);
      window.bytes.set(part, filled);
      this.#lane.filled += part.length;
      from += part.length;
      this.#scan();
      if (this.#lane.filled === window.bytes.length) this.#endWindow();
    }
  }

  #scan(): void {
    while (!this.isEnded && scanLane(this.#lane, () => markIrregular(this.#reading))) {
      const lane = this.#lane;
      const type = lane.window.view.getUint32(lane.at, lane.window.littleEndian);
      lane.at += recordBytes(lane);
      if (type === RECORD_FINISHED_ROUND) this.#endWindow();
      else this.#giveUp();
    }
    if (isIrregular(this.#reading)) this.isEnded = true;
  }

  #endWindow(): void {
    if (this.isEnded) return;
    const lane = this.#lane;
    lane.take(lane);
    const following = this.#next(lane);
    if (following === undefined) {
      this.isEnded = true;
      return;
    }
    moveRest(lane, following);
    this.#lane = following;
  }

  finish(): void {
    if (this.#lane.at !== this.#lane.filled) this.#giveUp();
    this.#endWindow();
  }

  #giveUp(): void {
    markIrregular(this.#reading);
    this.isEnded = true;
  }
}
