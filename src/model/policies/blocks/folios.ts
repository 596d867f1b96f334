/** Folios of files by place, and which parts of them are dirty. All places and sizes are bytes. */
import type { DirtyBlocks } from './block-state.ts';

export type Folio = {
  readonly start: number;
  readonly bytes: number;
  /** Parts by which statistics count; undefined while clean. */
  counted: DirtyBlocks | undefined;
  /** Blocks by which it is written. */
  blocks: DirtyBlocks | undefined;
  isDirty: boolean;
};

type File = { readonly folios: Map<number, Folio>; readonly sizes: Set<number> };

export class Folios {
  readonly #files = new Map<number, File>();

  #file(file: number): File {
    let found = this.#files.get(file);
    if (found === undefined) {
      found = { folios: new Map(), sizes: new Set() };
      this.#files.set(file, found);
    }
    return found;
  }

  /** The folio that starts here; undefined where one of this size is there already. */
  add(file: number, start: number, bytes: number): Folio | undefined {
    const { folios, sizes } = this.#file(file);
    if (folios.get(start)?.bytes === bytes) return undefined;
    sizes.add(bytes);
    const folio = { start, bytes, counted: undefined, blocks: undefined, isDirty: false };
    folios.set(start, folio);
    return folio;
  }

  remove(file: number, start: number): Folio | undefined {
    const folios = this.#files.get(file)?.folios;
    const folio = folios?.get(start);
    folios?.delete(start);
    return folio;
  }

  /** The folio that holds this byte: folios lie at multiples of their size. */
  at(file: number, place: number): Folio | undefined {
    const found = this.#files.get(file);
    if (found === undefined) return undefined;
    for (const size of found.sizes) {
      const folio = found.folios.get(place - (place % size));
      if (folio !== undefined && place < folio.start + folio.bytes) return folio;
    }
    return undefined;
  }

  /** The known folios within a stretch; most often one that is the whole of it. */
  within(file: number, start: number, bytes: number): readonly Folio[] {
    const end = start + bytes;
    const first = this.at(file, start);
    if (first !== undefined && first.start + first.bytes >= end) return [first];
    const found = this.#files.get(file);
    if (found === undefined) return [];
    const smallest = Math.min(...found.sizes);
    const folios: Folio[] = [];
    for (let place = start; place < end; ) {
      const folio = this.at(file, place);
      if (folio !== undefined) folios.push(folio);
      place =
        folio === undefined ? place + smallest - (place % smallest) : folio.start + folio.bytes;
    }
    return folios;
  }
}
