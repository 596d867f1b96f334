/**
 * zstd, frame by frame: by the zlib of Node where it has zstd (22.15 on), else by fzstd. Frames are
 * told apart here, because Node before 26 stops after the first one and before 24 takes a cut file
 * for a complete one, and because fzstd would make room for any window that a header claims.
 */
import { Readable } from 'node:stream';
import * as zlib from 'node:zlib';
import { Decompress } from 'fzstd';
import { type FrameEvent, ZstdFrames } from './unpack-zstd-frames.ts';

const CHUNK_BYTES = 64 << 10;
/** Beyond the first ones, as many frames as any packer makes: each needs a decoder. */
const FRAMES_FREE = 10_000;
const PACKED_BYTES_PER_FRAME = 16 << 10;

/** `native` is there for the tests of the other way. */
export async function* unpackZstd(
  packed: AsyncIterable<Uint8Array>,
  native = 'createZstdDecompress' in zlib,
): AsyncGenerator<Uint8Array> {
  const events = new Lookahead(frameEvents(packed, !native));
  while (await events.skipToData()) {
    yield* native ? nativeFrame(events) : fzstdFrame(events);
  }
}

async function* frameEvents(
  packed: AsyncIterable<Uint8Array>,
  byBlock: boolean,
): AsyncGenerator<FrameEvent> {
  const frames = new ZstdFrames(byBlock);
  let bytes = 0;
  for await (const chunk of packed) {
    bytes += chunk.length;
    yield* frames.split(chunk);
    if (frames.count > FRAMES_FREE + bytes / PACKED_BYTES_PER_FRAME) {
      throw new Error(`${frames.count} frames in ${bytes} bytes`);
    }
  }
  if (!frames.isBetweenFrames) throw new Error('unexpected end of file');
}

/** Gives the bytes of one frame after the other out of the row of all. */
class Lookahead {
  readonly #events: AsyncGenerator<FrameEvent>;
  #first: Uint8Array | undefined;

  constructor(events: AsyncGenerator<FrameEvent>) {
    this.#events = events;
  }

  async skipToData(): Promise<boolean> {
    for (;;) {
      const { done, value } = await this.#events.next();
      if (done === true) return false;
      if (value.kind !== 'data') continue;
      this.#first = value.bytes;
      return true;
    }
  }

  /** The bytes of the frame; whoever stops before its end leaves the rest to the next one. */
  async *frame(): AsyncGenerator<Uint8Array> {
    if (this.#first !== undefined) yield this.#first;
    this.#first = undefined;
    for (;;) {
      const { done, value } = await this.#events.next();
      if (done === true || value.kind === 'end') return;
      yield value.bytes;
    }
  }
}

type NativeZlib = { createZstdDecompress(options: { chunkSize: number }): NodeJS.ReadWriteStream };

async function* nativeFrame(events: Lookahead): AsyncGenerator<Uint8Array> {
  // The types of Node 20 do not have it.
  const decoder = (zlib as unknown as NativeZlib).createZstdDecompress({ chunkSize: CHUNK_BYTES });
  let failure: unknown;
  // Not a pipeline: what comes before a missing end shall be given out before the failure.
  const feed = Readable.from(
    untilFailure(events.frame(), (error) => {
      failure = error;
    }),
    { highWaterMark: 1 },
  );
  feed.pipe(decoder);
  try {
    for await (const chunk of decoder) yield chunk as Uint8Array;
  } finally {
    feed.destroy();
  }
  if (failure !== undefined) throw failure;
}

async function* untilFailure(
  chunks: AsyncIterable<Uint8Array>,
  onFailure: (error: unknown) => void,
): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
  } catch (error) {
    onFailure(error);
  }
}

async function* fzstdFrame(events: Lookahead): AsyncGenerator<Uint8Array> {
  let ready: Uint8Array[] = [];
  const decoder = new Decompress((bytes) => ready.push(bytes));
  for await (const chunk of events.frame()) {
    let damage: Error | undefined;
    try {
      // It keeps what it cannot use yet, so it gets bytes of its own.
      decoder.push(chunk.slice());
    } catch (error) {
      damage = new Error(`incorrect data (${error instanceof Error ? error.message : error})`);
    }
    yield* ready;
    ready = [];
    if (damage !== undefined) throw damage;
  }
}
