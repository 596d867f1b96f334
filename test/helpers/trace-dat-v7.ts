/** A version 6 file of the builder → the same recording as version 7, packed as wanted. */
import { deflateSync } from 'node:zlib';
import { ByteWriter } from './bytes.ts';

export type Version7Options = {
  readonly packing?: 'none' | 'zlib' | 'unheard-of';
  /** Bytes of pages in a packed chunk. */
  readonly chunkBytes?: number;
  /** The first version 7 files had no page size in the option of a buffer. */
  readonly noPageSize?: boolean;
  readonly clock?: string;
  /** More options, as (kind, data). */
  readonly options?: readonly (readonly [number, Uint8Array])[];
  /** Buffers that hold the pages of the same CPUs again, by name. */
  readonly copies?: readonly string[];
  /** A text in place of all pages. */
  readonly text?: string;
};

type Parts = {
  readonly headerInfo: Uint8Array;
  readonly ftraceFormats: Uint8Array;
  readonly eventFormats: Uint8Array;
  readonly symbols: Uint8Array;
  readonly printk: Uint8Array;
  readonly tasks: Uint8Array;
  readonly options: readonly (readonly [number, Uint8Array])[];
  readonly cpus: readonly Uint8Array[];
};

/** Where the parts of a version 6 file begin and end; the test trusts its own builder. */
function partsOf(bytes: Uint8Array): Parts {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const isLittle = bytes[12] === 0;
  let at = 18;
  const advance = (length: number) => {
    at += length;
    return at - length;
  };
  const u16 = () => view.getUint16(advance(2), isLittle);
  const u32 = () => view.getUint32(advance(4), isLittle);
  const u64 = () => Number(view.getBigUint64(advance(8), isLittle));
  const skipText = () => {
    while (bytes[at++] !== 0);
  };
  const from = (begin: number) => bytes.slice(begin, at);
  const skip = (length: number) => {
    at += length;
  };
  const skipFormats = (count: number) => {
    for (let n = 0; n < count; n++) skip(u64());
  };
  let begin = at;
  for (let n = 0; n < 2; n++) {
    skipText();
    skip(u64());
  }
  const headerInfo = from(begin);
  begin = at;
  skipFormats(u32());
  const ftraceFormats = from(begin);
  begin = at;
  for (let systems = u32(); systems > 0; systems--) {
    skipText();
    skipFormats(u32());
  }
  const eventFormats = from(begin);
  begin = at;
  skip(u32());
  const symbols = from(begin);
  begin = at;
  skip(u32());
  const printk = from(begin);
  begin = at;
  skip(u64());
  const tasks = from(begin);
  const count = u32();
  const options: (readonly [number, Uint8Array])[] = [];
  skip(10);
  for (let kind = u16(); kind !== 0; kind = u16()) {
    begin = at + 4;
    skip(u32());
    options.push([kind, from(begin)]);
  }
  skip(10);
  const cpus = Array.from({ length: count }, () => {
    const offset = u64();
    return bytes.slice(offset, offset + u64());
  });
  return { headerInfo, ftraceFormats, eventFormats, symbols, printk, tasks, options, cpus };
}

const IS_PACKED = 1;

export function toVersion7(v6: Uint8Array, how: Version7Options = {}): Uint8Array {
  const { packing = 'none', chunkBytes = 8192 } = how;
  const order = v6[12] === 0 ? 'little' : 'big';
  const parts = partsOf(v6);
  const out = new ByteWriter(order);
  out.raw(v6.slice(0, 10)).cstring('7').raw(v6.slice(12, 18)).cstring(packing).cstring('1');
  const firstOptions = out.length;
  out.u64(0);
  const isPacked = packing !== 'none';
  const section = (kind: number, body: Uint8Array, packed = isPacked) => {
    const offset = out.length;
    const data = new ByteWriter(order);
    const small = deflateSync(body);
    if (packed) data.u32(small.length).u32(body.length).raw(small);
    else data.raw(body);
    out
      .u16(kind)
      .u16(packed ? IS_PACKED : 0)
      .u32(0)
      .u64(data.length)
      .raw(data.finish());
    return offset;
  };
  const option = (writer: ByteWriter, kind: number, data: Uint8Array) =>
    writer.u16(kind).u32(data.length).raw(data);
  const pointer = (offset: number) => new ByteWriter(order).u64(offset).finish();

  const first = new ByteWriter(order);
  for (const [kind, data] of [...parts.options, ...(how.options ?? [])]) {
    if (kind !== 3) option(first, kind, data);
  }
  const sections = [
    [16, parts.headerInfo],
    [17, parts.ftraceFormats],
    [18, parts.eventFormats],
    [19, parts.symbols],
    [20, parts.printk],
    [21, parts.tasks],
  ] as const;
  for (const [kind, body] of sections) option(first, kind, pointer(section(kind, body)));
  option(first, 8, new ByteWriter(order).u32(parts.cpus.length).finish());
  option(first, 0, pointer(0));
  out.patchU64(firstOptions, section(0, first.finish(), false));
  const next = out.length - 8;
  const second = new ByteWriter(order);
  for (const name of ['', ...(how.copies ?? [])]) {
    const [kind, data] = how.text === undefined ? buffer(name) : textBuffer(how.text);
    option(second, kind, data);
  }
  option(second, 0, pointer(0));
  out.patchU64(next, section(0, second.finish(), false));
  return out.finish();

  function buffer(name: string): [number, Uint8Array] {
    const offset = out.length;
    out
      .u16(3)
      .u16(isPacked ? IS_PACKED : 0)
      .u32(0)
      .u64(0);
    const data = new ByteWriter(order)
      .u64(offset)
      .cstring(name)
      .cstring(how.clock ?? '');
    if (how.noPageSize !== true)
      data.u32(new DataView(v6.buffer, v6.byteOffset).getUint32(14, order === 'little'));
    data.u32(parts.cpus.length);
    parts.cpus.forEach((pages, cpu) => {
      out.zeros((4096 - (out.length % 4096)) % 4096);
      const at = out.length;
      const written = isPacked ? packPages(pages) : pages;
      out.raw(written);
      // The size of packed data is that of its chunks.
      const size = pages.length === 0 ? 0 : written.length - (isPacked ? 4 : 0);
      data.u32(cpu).u64(at).u64(size);
    });
    out.patchU64(offset + 8, out.length - offset - 16);
    return [3, data.finish()];
  }

  function packPages(pages: Uint8Array): Uint8Array {
    const chunks = new ByteWriter(order).u32(Math.ceil(pages.length / chunkBytes));
    for (let from = 0; from < pages.length; from += chunkBytes) {
      const chunk = pages.slice(from, from + chunkBytes);
      const small = deflateSync(chunk);
      chunks.u32(small.length).u32(chunk.length).raw(small);
    }
    return chunks.finish();
  }

  function textBuffer(text: string): [number, Uint8Array] {
    const bytes = new TextEncoder().encode(text);
    const body = isPacked ? packPages(bytes) : bytes;
    const offset = out.length;
    out
      .u16(22)
      .u16(isPacked ? IS_PACKED : 0)
      .u32(0)
      .u64(body.length)
      .raw(body);
    return [22, new ByteWriter(order).u64(offset).cstring('').cstring('local').finish()];
  }
}
