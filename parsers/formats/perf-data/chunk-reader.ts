/** Reads a file into slots of the ring, chunk by chunk, in whichever thread has time for one. */
import type { ByteSource } from '../../bytes/source.ts';
import type { SharedMemory } from '../../wasm/memory.ts';
import type { Section } from './header.ts';
import type { SlotPlaces, WindowRing } from './window-ring.ts';

export class ChunkReader {
  readonly #ring: WindowRing;
  readonly #source: Pick<ByteSource, 'readInto'>;
  readonly #data: Section;
  /** Where the chunk of each slot goes. */
  readonly #targets: readonly Uint8Array[];

  constructor(
    ring: WindowRing,
    { buffer }: SharedMemory,
    source: Pick<ByteSource, 'readInto'>,
    data: Section,
  ) {
    this.#ring = ring;
    this.#source = source;
    this.#data = data;
    const { slots, restBytes, chunkBytes } = ring.places;
    this.#targets = slots.map(
      ({ window }: SlotPlaces) => new Uint8Array(buffer, window + restBytes, chunkBytes),
    );
  }

  /** Reads the next chunk; false where there is none, or no room for it. */
  readonly readOne = (): boolean => {
    const taken = this.#ring.takeChunk();
    if (taken === undefined) return false;
    const { chunk, slot } = taken;
    let isRead = false;
    try {
      const bytes = this.bytesOf(chunk);
      const target = (this.#targets[slot] as Uint8Array).subarray(0, bytes);
      const from = this.#data.offset + chunk * this.#ring.places.chunkBytes;
      isRead = this.#source.readInto(target, from) === bytes;
    } finally {
      this.#ring.endChunk(chunk, slot, isRead);
    }
    return true;
  };

  bytesOf(chunk: number): number {
    const { chunkBytes } = this.#ring.places;
    return Math.min(chunkBytes, this.#data.size - chunk * chunkBytes);
  }
}
