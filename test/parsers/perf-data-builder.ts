/**
 * Writes a perf.data in memory as `perf record` does, to a file or to a pipe, in either byte order,
 * from a description of attrs and records. It shares no code with the reader under test.
 */
import { memorySource } from '../../parsers/bytes/source.ts';
import { readPerfData } from '../../parsers/formats/perf-data/index.ts';
import type { Imported } from '../../parsers/importer.ts';
import { DICTIONARY } from '../../src/events/index.ts';
import { type Diagnostic, DiagnosticCollector } from '../../src/trace/diagnostics.ts';
import { type ByteOrder, ByteWriter } from '../helpers/bytes.ts';
import { type EventSpec, formatText } from '../helpers/trace-dat-builder.ts';

/** PERF_CONTEXT_KERNEL. */
const PERF_CONTEXT_KERNEL = 2n ** 64n - 128n;

export const SAMPLE = {
  IP: 1,
  TID: 2,
  TIME: 4,
  ADDR: 8,
  READ: 16,
  CALLCHAIN: 32,
  ID: 64,
  CPU: 128,
  PERIOD: 256,
  STREAM_ID: 512,
  RAW: 1024,
  IDENTIFIER: 65536,
} as const;

const ALL_ORDERED = [
  'IDENTIFIER',
  'IP',
  'TID',
  'TIME',
  'ADDR',
  'ID',
  'STREAM_ID',
  'CPU',
  'PERIOD',
  'READ',
  'CALLCHAIN',
  'RAW',
] as const;

/** What perf asks for tracepoints. */
export const USUAL =
  SAMPLE.IDENTIFIER |
  SAMPLE.IP |
  SAMPLE.TID |
  SAMPLE.TIME |
  SAMPLE.CPU |
  SAMPLE.PERIOD |
  SAMPLE.RAW;

export type AttrSpec = {
  readonly type?: number;
  readonly config: number;
  readonly sampleType?: number;
  readonly readFormat?: number;
  readonly clockId?: number;
  readonly ids: readonly number[];
  readonly name?: string;
  /** Bytes of the attr: older versions are shorter. */
  readonly bytes?: number;
};

export type SampleSpec = {
  readonly attr: number;
  readonly time: bigint | number;
  readonly cpu?: number;
  readonly tid?: number;
  readonly id?: number;
  readonly raw?: Uint8Array;
  /** Replaces the size that the raw data announces. */
  readonly rawSize?: number;
  readonly callchain?: number;
  readonly group?: number;
};

export type RecordSpec =
  | { readonly sample: SampleSpec }
  | { readonly comm: string; readonly tid: number; readonly time: number }
  | { readonly fork: number; readonly parent: number; readonly time: number }
  | {
      readonly lost: number;
      readonly cpu: number;
      readonly time: number;
      readonly misc?: number;
      readonly samples?: boolean;
    }
  | { readonly bytes: Uint8Array };

export type PerfSpec = {
  readonly order?: ByteOrder;
  readonly pipe?: boolean;
  readonly attrs: readonly AttrSpec[];
  readonly formats?: readonly EventSpec[];
  readonly records: readonly RecordSpec[];
  /** Were (most) records packed by `perf record -z`? */
  readonly packed?: boolean;
  /** As perf leaves it when it is killed. */
  readonly unclosed?: boolean;
};

export function attrBytes(order: ByteOrder, attr: AttrSpec): Uint8Array {
  const size = attr.bytes ?? 136;
  const flags = [18, ...(attr.clockId === undefined ? [] : [25])];
  const bits = flags.reduce(
    (sum, bit) => sum | (1n << BigInt(order === 'little' ? bit : 63 - bit)),
    0n,
  );
  const out = new ByteWriter(order);
  out
    .u32(attr.type ?? 2)
    .u32(size)
    .u64(attr.config)
    .u64(1);
  out
    .u64(attr.sampleType ?? USUAL)
    .u64(attr.readFormat ?? 4)
    .u64(bits)
    .zeros(44);
  out.u32(attr.clockId ?? 0).zeros(Math.max(0, size - 96));
  return out.finish().slice(0, size);
}

function sampleBytes(order: ByteOrder, attr: AttrSpec, sample: SampleSpec): Uint8Array {
  const type = attr.sampleType ?? USUAL;
  const id = sample.id ?? attr.ids[0] ?? 0;
  const out = new ByteWriter(order);
  const raw = sample.raw ?? new Uint8Array(0);
  const write: Record<(typeof ALL_ORDERED)[number], () => void> = {
    IDENTIFIER: () => out.u64(id),
    IP: () => out.u64(0xffffffff81000000n),
    TID: () => out.u32(sample.tid ?? 1).u32(sample.tid ?? 1),
    TIME: () => out.u64(sample.time),
    ADDR: () => out.u64(1),
    ID: () => out.u64(id),
    STREAM_ID: () => out.u64(id),
    CPU: () => out.u32(sample.cpu ?? 0).u32(0),
    PERIOD: () => out.u64(7),
    READ: () => {
      const format = attr.readFormat ?? 4;
      const member = 1 + ((format >> 2) & 1) + ((format >> 4) & 1);
      const times = (format & 1) + ((format >> 1) & 1);
      const group = sample.group ?? 1;
      if ((format & 8) === 0) out.zeros(8 * (member + times));
      else out.u64(group).zeros(8 * (times + group * member));
    },
    // What says that all others are addresses of the kernel, and these.
    CALLCHAIN: () => {
      const { callchain = 0 } = sample;
      out.u64(callchain);
      if (callchain > 0) out.u64(PERF_CONTEXT_KERNEL).zeros(8 * (callchain - 1));
    },
    RAW: () => {
      const padded = Math.ceil((raw.length + 4) / 8) * 8 - 4;
      out
        .u32(sample.rawSize ?? padded)
        .raw(raw)
        .zeros(padded - raw.length);
    },
  };
  for (const part of ALL_ORDERED) if ((type & SAMPLE[part]) !== 0) write[part]();
  return record(order, 9, out.finish());
}

export function record(order: ByteOrder, type: number, content: Uint8Array, misc = 0): Uint8Array {
  const out = new ByteWriter(order);
  return out
    .u32(type)
    .u16(misc)
    .u16(8 + content.length)
    .raw(content)
    .finish();
}

/** TID, TIME, ID, STREAM_ID, CPU, IDENTIFIER, as the first attr has them. */
function trailer(
  order: ByteOrder,
  attr: AttrSpec | undefined,
  time: number,
  cpu: number,
): Uint8Array {
  const type = attr?.sampleType ?? USUAL;
  const out = new ByteWriter(order);
  if (type & SAMPLE.TID) out.u32(0).u32(0);
  if (type & SAMPLE.TIME) out.u64(time);
  if (type & SAMPLE.ID) out.u64(0);
  if (type & SAMPLE.STREAM_ID) out.u64(0);
  if (type & SAMPLE.CPU) out.u32(cpu).u32(0);
  if (type & SAMPLE.IDENTIFIER) out.u64(0);
  return out.finish();
}

export function recordBytes(
  order: ByteOrder,
  attrs: readonly AttrSpec[],
  spec: RecordSpec,
): Uint8Array {
  if ('bytes' in spec) return spec.bytes;
  if ('sample' in spec) return sampleBytes(order, attrs[spec.sample.attr] as AttrSpec, spec.sample);
  const end = trailer(order, attrs[0], spec.time, 'lost' in spec ? spec.cpu : 0);
  const out = new ByteWriter(order);
  if ('comm' in spec) {
    const name = Buffer.alloc(Math.ceil((spec.comm.length + 1) / 8) * 8);
    name.write(spec.comm);
    return record(order, 3, out.u32(spec.tid).u32(spec.tid).raw(name).raw(end).finish());
  }
  if ('fork' in spec) {
    out.u32(spec.fork).u32(spec.parent).u32(spec.fork).u32(spec.parent).u64(spec.time).raw(end);
    return record(order, 7, out.finish());
  }
  if (spec.samples === true)
    return record(order, 13, out.u64(spec.lost).raw(end).finish(), spec.misc);
  return record(order, 2, out.u64(0).u64(spec.lost).raw(end).finish(), spec.misc);
}

export function tracingData(order: ByteOrder, formats: readonly EventSpec[]): Uint8Array {
  const out = new ByteWriter(order);
  const sized = (text: string) => out.u64(text.length).text(text);
  out
    .u8(23)
    .u8(8)
    .u8(68)
    .text('tracing')
    .cstring('0.6')
    .u8(order === 'little' ? 0 : 1)
    .u8(8)
    .u32(65536);
  out.cstring('header_page');
  sized('\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n');
  out.cstring('header_event');
  sized('# compressed entry header\n');
  out.u32(0);
  const systems = [...new Set(formats.map(({ system }) => system ?? 'test'))];
  out.u32(systems.length);
  for (const system of systems) {
    const own = formats.filter((format) => (format.system ?? 'test') === system);
    out.cstring(system).u32(own.length);
    for (const format of own) sized(formatText(format));
  }
  const symbols = 'ffffffff81000000 T some_function\n';
  out.u32(symbols.length).text(symbols).u32(0);
  sized('1 task\n');
  return out.finish();
}

function perfString(out: ByteWriter, text: string): void {
  const padded = Math.ceil((text.length + 1) / 64) * 64;
  out
    .u32(padded)
    .text(text)
    .zeros(padded - text.length);
}

function features(order: ByteOrder, spec: PerfSpec): [number, Uint8Array][] {
  const text = (value: string) => {
    const out = new ByteWriter(order);
    perfString(out, value);
    return out.finish();
  };
  const names = new ByteWriter(order).u32(spec.attrs.length).u32(136);
  for (const attr of spec.attrs) {
    names.raw(attrBytes(order, { ...attr, bytes: 136 })).u32(attr.ids.length);
    perfString(names, attr.name ?? `event-${attr.config}`);
    for (const id of attr.ids) names.u64(id);
  }
  const cpus = new ByteWriter(order).u32(4).u32(2).finish();
  const all: [number, Uint8Array][] = [
    [3, text('host')],
    [4, text('6.6.0-test')],
    [6, text('riscv64')],
    [7, cpus],
    [12, names.finish()],
  ];
  if (spec.packed === true) {
    // Version, zstd, level, ratio, bytes of a buffer.
    const packing = new ByteWriter(order).u32(1).u32(1).u32(1).u32(20).u32(528384);
    all.push([27, packing.finish()]);
  }
  return spec.formats === undefined ? all : [[1, tracingData(order, spec.formats)], ...all];
}

export function buildPerfData(spec: PerfSpec): Uint8Array {
  const order = spec.order ?? 'little';
  const records = spec.records.map((one) => recordBytes(order, spec.attrs, one));
  return spec.pipe === true ? buildPipe(order, spec, records) : buildFile(order, spec, records);
}

function buildPipe(order: ByteOrder, spec: PerfSpec, records: readonly Uint8Array[]): Uint8Array {
  const out = new ByteWriter(order);
  out.u64(MAGIC).u64(16);
  for (const attr of spec.attrs) {
    const content = new ByteWriter(order).raw(attrBytes(order, attr));
    for (const id of attr.ids) content.u64(id);
    out.raw(record(order, 64, content.finish()));
  }
  for (const [number, bytes] of features(order, spec)) {
    if (number !== 1) {
      out.raw(record(order, 80, new ByteWriter(order).u64(number).raw(bytes).finish()));
      continue;
    }
    const padded = Math.ceil(bytes.length / 8) * 8;
    out.raw(record(order, 66, new ByteWriter(order).u32(padded).u32(0).finish()));
    out.raw(bytes).zeros(padded - bytes.length);
  }
  for (const bytes of records) out.raw(bytes);
  return out.finish();
}

/** "PERFILE2" read as a little-endian number; a big-endian machine writes the number. */
const MAGIC = 0x32454c4946524550n;
const HEADER_BYTES = 104;

function buildFile(order: ByteOrder, spec: PerfSpec, records: readonly Uint8Array[]): Uint8Array {
  const entry = spec.attrs[0]?.bytes ?? 136;
  const all = features(order, spec);
  const idsBytes = 8 * spec.attrs.reduce((sum, { ids }) => sum + ids.length, 0);
  const attrsAt = HEADER_BYTES + idsBytes;
  const dataAt = attrsAt + spec.attrs.length * (entry + 16);
  const dataBytes = records.reduce((sum, bytes) => sum + bytes.length, 0);
  const out = new ByteWriter(order);
  out
    .u64(MAGIC)
    .u64(HEADER_BYTES)
    .u64(entry + 16);
  out.u64(attrsAt).u64(spec.attrs.length * (entry + 16));
  out
    .u64(dataAt)
    .u64(spec.unclosed === true ? 0 : dataBytes)
    .u64(0)
    .u64(0);
  out.u64(all.reduce((bits, [number]) => bits | (1n << BigInt(number)), 0n)).zeros(24);
  for (const { ids } of spec.attrs) for (const id of ids) out.u64(id);
  let idsAt = HEADER_BYTES;
  for (const attr of spec.attrs) {
    out
      .raw(attrBytes(order, { ...attr, bytes: entry }))
      .u64(idsAt)
      .u64(8 * attr.ids.length);
    idsAt += 8 * attr.ids.length;
  }
  for (const bytes of records) out.raw(bytes);
  if (spec.unclosed === true) return out.finish();
  let at = dataAt + dataBytes + 16 * all.length;
  for (const [, bytes] of all) {
    out.u64(at).u64(bytes.length);
    at += bytes.length;
  }
  for (const [, bytes] of all) out.raw(bytes);
  return out.finish();
}

export type PerfRead = Imported & { readonly diagnostics: readonly Diagnostic[] };

export function readPerf(bytes: Uint8Array, windowBytes?: number): PerfRead {
  const diagnostics = new DiagnosticCollector();
  const context = { dictionary: DICTIONARY, diagnostics, pageSize: undefined, progress: () => {} };
  const imported = readPerfData(memorySource('perf.data', bytes), context, windowBytes);
  return { ...imported, diagnostics: diagnostics.list() };
}
