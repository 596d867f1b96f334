/** Memory that threads share, and functions in WebAssembly that work on it. */

/** Can be sent to threads. */
export type SharedMemory = { readonly buffer: SharedArrayBuffer };

/** Its buffer is another one, of the same bytes, once it has grown. */
export type GrowingMemory = SharedMemory & { grow(pages: number): number };

export type WasmFunctions<Name extends string> = Readonly<
  Record<Name, (...args: number[]) => number>
>;

/** What the program gives to the loops; i64 are bigint. */
export type WasmImports = Readonly<Record<string, (...args: never[]) => unknown>>;

type Api = {
  readonly Memory: new (limits: {
    initial: number;
    maximum: number;
    shared: true;
  }) => GrowingMemory;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: object };
};

// Declared here, because it stands in the browser's library, which nothing else needs.
const { WebAssembly } = globalThis as unknown as { readonly WebAssembly: Api };

const PAGE_BYTES = 65536;

/** All zeros. Throws where there is not so much. */
export function sharedMemory(bytes: number): SharedMemory {
  const pages = Math.max(1, Math.ceil(bytes / PAGE_BYTES));
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
}

/** The same, which can grow to `most` bytes; what it has not grown to costs nothing. */
export function growingMemory(bytes: number, most: number): GrowingMemory {
  const initial = Math.ceil(bytes / PAGE_BYTES);
  const maximum = Math.ceil(most / PAGE_BYTES);
  return new WebAssembly.Memory({ initial, maximum, shared: true });
}

/** Makes a memory at least so large. Throws where there is not so much. */
export function growTo(memory: GrowingMemory, bytes: number): void {
  const missing = bytes - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES));
}

/** Threads that ask for the same bytes share the compiled code. */
export function instantiate<Name extends string>(
  bytes: Uint8Array,
  memory: SharedMemory,
  imports: WasmImports,
): WasmFunctions<Name> {
  const module = new WebAssembly.Module(bytes);
  const { exports } = new WebAssembly.Instance(module, { env: { ...imports, memory } });
  return exports as WasmFunctions<Name>;
}

/** Hands out parts of memory, one behind the other, each at a multiple of 8. */
export class Allocator {
  #at: number;

  constructor(at = 0) {
    this.#at = at;
  }

  take(bytes: number): number {
    const at = this.#at;
    this.#at = Math.ceil((at + bytes) / 8) * 8;
    return at;
  }

  /** What was handed out ends here. */
  get end(): number {
    return this.#at;
  }
}
