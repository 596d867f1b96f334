/**
 * dirty_metadata_bytes of one file system, by node: what set_extent_buffer_dirty adds and
 * lock_extent_buffer_for_io takes away. `redirtyInReclaim` is what btree_writepage of 2010 did when
 * the VM called it from reclaim: the page is dirty again, and the counter grows by PAGE_SIZE where
 * cleaning takes the node's length away. Not modelled: nodes that are freed while dirty (`clean`).
 */
import { encodeTreeCounter } from './btree-rules.ts';

export class TreeCounter {
  readonly #nodeSize: number;
  readonly #pageSize: number;
  readonly #dirty = new Set<number>();
  #value = 0;
  #cleaned = 0;

  constructor(nodeSize: number, pageSize: number) {
    this.#nodeSize = nodeSize;
    this.#pageSize = pageSize;
  }

  /** A node turns dirty; nothing happens if it is. */
  dirty(node: number): void {
    if (this.#dirty.has(node)) return;
    this.#dirty.add(node);
    this.#value += this.#nodeSize;
  }

  /** A node is locked for writing, or its dirt dropped. */
  clean(node: number): void {
    if (!this.#dirty.delete(node)) return;
    this.#value -= this.#nodeSize;
    this.#cleaned++;
  }

  redirtyInReclaim(node: number): void {
    if (this.#dirty.has(node)) return;
    this.#dirty.add(node);
    this.#value += this.#pageSize;
  }

  /** What the counter says, and what is really dirty. */
  get bytes(): number {
    return this.#value;
  }

  get trueBytes(): number {
    return this.#dirty.size * this.#nodeSize;
  }

  /** What kernels show that take an unsigned length away (6.8 to 7.0). */
  get wrapped(): number {
    return encodeTreeCounter(this.#value, this.#cleaned);
  }
}
