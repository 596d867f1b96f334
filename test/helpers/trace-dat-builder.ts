/**
 * Writes a trace.dat version 6 in memory as trace-cmd does, any byte order and word size, from a
 * description of events and ring-buffer pages. It shares no code with the reader under test.
 */
import { memorySource } from '../../parsers/bytes/source.ts';
import { readInOrder } from '../../parsers/formats/trace-dat/in-order.ts';
import { finishImport, openTraceDat } from '../../parsers/formats/trace-dat/index.ts';
import { readText } from '../../parsers/formats/trace-dat/latency-text.ts';
import type { Imported } from '../../parsers/importer.ts';
import { DICTIONARY } from '../../src/events/index.ts';
import { type Diagnostic, DiagnosticCollector } from '../../src/trace/diagnostics.ts';
import { type ByteOrder, ByteWriter } from './bytes.ts';

type Scalar = 'u8' | 's8' | 'u16' | 's16' | 'u32' | 's32' | 'u64' | 's64' | 'ulong' | 'long';
export type FieldType =
  | Scalar
  | `char[${number}]`
  | `u32[${number}]`
  | 'data_loc'
  | 'rel_loc'
  | 'tail';

export type EventSpec = {
  readonly id: number;
  readonly name: string;
  readonly system?: string;
  readonly fields: Readonly<Record<string, FieldType>>;
  readonly print?: string;
  /** Places fields where the compiler would not, e.g. across word boundaries. */
  readonly offsets?: Readonly<Record<string, number>>;
};

type Value = number | bigint | string | readonly number[];
type Values = Readonly<Record<string, Value>>;

export type Item =
  /** `long` writes the length in a word of its own; `bytes` replaces the whole record. */
  | {
      event: string;
      after: number;
      pid?: number;
      values?: Values;
      long?: boolean;
      bytes?: Uint8Array;
    }
  | { extend: bigint }
  | { absolute: bigint }
  | { discard: number; after: number }
  | { endOfPage: true }
  | { raw: Uint8Array };

export type Page = {
  readonly time: bigint;
  readonly items: readonly Item[];
  /** Events missed before this page: how many, or `unknown` when the count was not stored. */
  readonly missed?: number | 'unknown';
  /** Replaces the number of bytes in use that the page announces. */
  readonly commit?: number;
};

export type TraceDatSpec = {
  readonly order?: ByteOrder;
  readonly longBytes?: 4 | 8;
  readonly pageSize?: number;
  /** Bytes of a ring-buffer page where it differs from the machine's page. */
  readonly pageBytes?: number;
  readonly version?: string;
  readonly headerPage?: string;
  readonly events: readonly EventSpec[];
  readonly cpus: readonly (readonly Page[])[];
  readonly tasks?: Readonly<Record<number, string>>;
  readonly symbols?: string;
  /** What tracefs has in printk_formats. */
  readonly printk?: string;
  readonly uname?: string;
  readonly clock?: string;
  readonly instances?: readonly string[];
  /** Leaves the options section out. */
  readonly noOptions?: boolean;
};

/** The file, and where some of its numbers stand, so that a test can falsify them. */
export type BuiltTraceDat = {
  readonly bytes: Uint8Array;
  readonly at: ReadonlyMap<string, number>;
};

type Target = { readonly order: ByteOrder; readonly longBytes: 4 | 8 };

type PlacedField = {
  readonly name: string;
  readonly type: FieldType;
  readonly offset: number;
  readonly size: number;
  readonly align: number;
};

function scalarSize(type: string, longBytes: number): number {
  if (type === 'ulong' || type === 'long') return longBytes;
  return { u8: 1, s8: 1, u16: 2, s16: 2, u32: 4, s32: 4, u64: 8, s64: 8 }[type] ?? 0;
}

function placeFields(event: EventSpec, longBytes: number): PlacedField[] {
  let at = 8;
  return Object.entries(event.fields).map(([name, type]) => {
    const array = /^(char|u32)\[(\d+)\]$/.exec(type);
    const isLocation = type === 'data_loc' || type === 'rel_loc';
    const align =
      array?.[1] === 'char' || type === 'tail'
        ? 1
        : isLocation || array
          ? 4
          : scalarSize(type, longBytes);
    const size = array
      ? Number(array[2]) * (array[1] === 'char' ? 1 : 4)
      : isLocation
        ? 4
        : scalarSize(type, longBytes);
    const offset = event.offsets?.[name] ?? Math.ceil(at / align) * align;
    at = offset + size;
    return { name, type, offset, size, align };
  });
}

const C_TYPES: Readonly<Record<Scalar, string>> = {
  u8: 'unsigned char',
  s8: 'signed char',
  u16: 'unsigned short',
  s16: 'short',
  u32: 'unsigned int',
  s32: 'int',
  u64: 'u64',
  s64: 's64',
  ulong: 'unsigned long',
  long: 'long',
};

function declaration({ name, type }: PlacedField): string {
  if (type === 'data_loc') return `__data_loc char[] ${name}`;
  if (type === 'rel_loc') return `__rel_loc char[] ${name}`;
  if (type === 'tail') return `char ${name}[]`;
  const array = /^(char|u32)\[(\d+)\]$/.exec(type);
  return array ? `${array[1]} ${name}[${array[2]}]` : `${C_TYPES[type as Scalar]} ${name}`;
}

export function formatText(event: EventSpec, longBytes = 8): string {
  const line = (text: string, offset: number, size: number, signed: boolean) =>
    `\tfield:${text};\toffset:${offset};\tsize:${size};\tsigned:${signed ? 1 : 0};\n`;
  const own = placeFields(event, longBytes).map((field) => {
    const signed = field.type.startsWith('s') || field.type === 'long';
    return line(declaration(field), field.offset, field.size, signed);
  });
  return [
    `name: ${event.name}\nID: ${event.id}\nformat:\n`,
    line('unsigned short common_type', 0, 2, false),
    line('unsigned char common_flags', 2, 1, false),
    line('unsigned char common_preempt_count', 3, 1, false),
    line('int common_pid', 4, 4, true),
    '\n',
    ...own,
    `\nprint fmt: ${event.print ?? '""'}\n`,
  ].join('');
}

/** One record as the kernel lays it out: strings behind the fixed part, padded to whole words. */
export function recordBytes(
  event: EventSpec,
  pid: number,
  values: Values,
  target: Target,
): Uint8Array {
  const fields = placeFields(event, target.longBytes);
  const fixed = Math.max(8, ...fields.map(({ offset, size }) => offset + size));
  const strings = new ByteWriter(target.order);
  const parts: { at: number; bytes: Uint8Array }[] = [];
  const put = (at: number, fill: (writer: ByteWriter) => void) => {
    const writer = new ByteWriter(target.order);
    fill(writer);
    parts.push({ at, bytes: writer.finish() });
  };
  put(0, (writer) => writer.u16(event.id).u8(0).u8(0).integer(pid, 4));
  for (const { name, type, offset, size } of fields) {
    const value = (Object.hasOwn(values, name) ? values[name] : undefined) ?? 0;
    if (type === 'data_loc' || type === 'rel_loc') {
      const text = Buffer.from(`${value}\0`, 'utf8');
      const from = fixed + strings.length - (type === 'rel_loc' ? offset + 4 : 0);
      put(offset, (writer) => writer.u32(((text.length << 16) | from) >>> 0));
      strings.raw(text);
    } else if (type === 'tail') {
      strings.cstring(String(value));
    } else if (type.startsWith('char[')) {
      put(offset, (writer) => writer.text(String(value).slice(0, size)));
    } else if (Array.isArray(value)) {
      put(offset, (writer) => {
        for (const element of value) writer.u32(element);
      });
    } else {
      put(offset, (writer) => writer.integer(BigInt(value as number | bigint), size));
    }
  }
  const length = Math.ceil((fixed + strings.length) / 4) * 4;
  const record = new Uint8Array(length);
  for (const { at, bytes } of parts) record.set(bytes, at);
  record.set(strings.finish(), fixed);
  return record;
}

const LONGEST_SHORT_RECORD = 28 * 4;

function writeItem(
  out: ByteWriter,
  item: Item,
  events: readonly EventSpec[],
  target: Target,
): void {
  const word = (typeLength: number, delta: number) =>
    out.u32(
      target.order === 'little'
        ? ((delta << 5) | typeLength) >>> 0
        : ((typeLength << 27) | delta) >>> 0,
    );
  if ('raw' in item) out.raw(item.raw);
  else if ('endOfPage' in item) word(29, 0);
  else if ('extend' in item)
    word(30, Number(item.extend & 0x7ffffffn)).u32(Number(item.extend >> 27n));
  else if ('absolute' in item) {
    word(31, Number(item.absolute & 0x7ffffffn)).u32(Number((item.absolute >> 27n) & 0xffffffffn));
  } else if ('discard' in item)
    word(29, item.after)
      .u32(4 + item.discard)
      .zeros(item.discard);
  else {
    const event = events.find(({ name }) => name === item.event);
    if (event === undefined) throw new Error(`the test describes no event ${item.event}`);
    const record = item.bytes ?? recordBytes(event, item.pid ?? 1, item.values ?? {}, target);
    const isLong = item.long === true || record.length > LONGEST_SHORT_RECORD;
    if (isLong)
      word(0, item.after)
        .u32(4 + record.length)
        .raw(record);
    else word(record.length / 4, item.after).raw(record);
  }
}

const MISSED = 1n << 31n;
const MISSED_STORED = 1n << 30n;

function pageBytesOf(
  page: Page,
  pageBytes: number,
  events: readonly EventSpec[],
  target: Target,
): Uint8Array {
  const data = new ByteWriter(target.order);
  for (const item of page.items) writeItem(data, item, events, target);
  let commit = BigInt(page.commit ?? data.length);
  if (page.missed !== undefined) commit |= MISSED;
  if (typeof page.missed === 'number') {
    commit |= MISSED_STORED;
    data.integer(page.missed, target.longBytes);
  }
  const out = new ByteWriter(target.order).u64(page.time).integer(commit, target.longBytes);
  out.raw(data.finish());
  if (out.length > pageBytes) throw new Error(`the test's page needs ${out.length} bytes`);
  return out.zeros(pageBytes - out.length).finish();
}

function headerPageText(pageBytes: number, longBytes: number): string {
  const dataAt = 8 + longBytes;
  return [
    '\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n',
    `\tfield: local_t commit;\toffset:8;\tsize:${longBytes};\tsigned:1;\n`,
    '\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n',
    `\tfield: char data;\toffset:${dataAt};\tsize:${pageBytes - dataAt};\tsigned:1;\n`,
  ].join('');
}

export function buildTraceDat(spec: TraceDatSpec): BuiltTraceDat {
  const { order = 'little', longBytes = 8, pageSize = 4096 } = spec;
  const pageBytes = spec.pageBytes ?? pageSize;
  const target = { order, longBytes };
  const out = new ByteWriter(order);
  const at = new Map<string, number>();
  const mark = (name: string) => {
    at.set(name, out.length);
    return out;
  };
  const sized = (text: string) => out.u64(Buffer.byteLength(text)).text(text);
  out
    .raw(Uint8Array.of(0x17, 0x08, 0x44))
    .text('tracing')
    .cstring(spec.version ?? '6');
  mark('byte order').u8(order === 'little' ? 0 : 1);
  mark('long').u8(longBytes);
  mark('page size').u32(pageSize);
  out.cstring('header_page');
  mark('header_page size');
  sized(spec.headerPage ?? headerPageText(pageBytes, longBytes));
  out.cstring('header_event');
  sized('# compressed entry header\n');
  writeFormats(spec.events, longBytes, mark, sized);
  mark('symbols size')
    .u32(Buffer.byteLength(spec.symbols ?? ''))
    .text(spec.symbols ?? '');
  const printk = spec.printk ?? '';
  mark('printk size').u32(Buffer.byteLength(printk)).text(printk);
  const tasks = Object.entries(spec.tasks ?? {})
    .map(([pid, name]) => `${pid} ${name}\n`)
    .join('');
  mark('tasks size');
  sized(tasks);
  mark('cpus').u32(spec.cpus.length);
  if (spec.noOptions !== true) writeOptions(spec, out, mark);
  out.text('flyrecord\0');
  spec.cpus.forEach((_, cpu) => {
    mark(`cpu ${cpu} offset`).u64(0);
    mark(`cpu ${cpu} size`).u64(0);
  });
  spec.cpus.forEach((pages, cpu) => {
    out.zeros((pageSize - (out.length % pageSize)) % pageSize);
    out.patchU64(at.get(`cpu ${cpu} offset`) ?? 0, out.length);
    out.patchU64(at.get(`cpu ${cpu} size`) ?? 0, pages.length * pageBytes);
    mark(`cpu ${cpu} data`);
    for (const page of pages) out.raw(pageBytesOf(page, pageBytes, spec.events, target));
  });
  return { bytes: out.finish(), at };
}

function writeFormats(
  events: readonly EventSpec[],
  longBytes: number,
  mark: (name: string) => ByteWriter,
  sized: (text: string) => ByteWriter,
): void {
  const systems = new Map<string, EventSpec[]>([['ftrace', []]]);
  for (const event of events) {
    const system = event.system ?? 'writeback';
    systems.set(system, [...(systems.get(system) ?? []), event]);
  }
  const writeSome = (some: readonly EventSpec[]) => {
    for (const event of some) {
      mark(`format ${event.name} size`);
      sized(formatText(event, longBytes));
    }
  };
  const own = systems.get('ftrace') ?? [];
  systems.delete('ftrace');
  mark('tracer formats').u32(own.length);
  writeSome(own);
  mark('systems').u32(systems.size);
  for (const [system, some] of systems) {
    mark(`system ${system}`).cstring(system);
    mark(`formats of ${system}`).u32(some.length);
    writeSome(some);
  }
}

function writeOptions(
  spec: TraceDatSpec,
  out: ByteWriter,
  mark: (name: string) => ByteWriter,
): void {
  out.text('options  \0');
  const option = (kind: number, data: Uint8Array) => {
    mark(`option ${kind}`).u16(kind).u32(data.length).raw(data);
  };
  if (spec.clock !== undefined) option(4, Buffer.from(`local global [${spec.clock}] boot\0`));
  if (spec.uname !== undefined) option(5, Buffer.from(`${spec.uname}\0`));
  for (const name of spec.instances ?? [])
    option(3, Buffer.concat([new Uint8Array(8), Buffer.from(`${name}\0`)]));
  mark('option end').u16(0);
}

/** Records with absolute times as pages of `perPage` records; long gaps become time extends. */
export function pagesOf(
  records: readonly { ts: bigint; event: string; pid?: number; values?: Values }[],
  perPage: number,
): Page[] {
  const pages: Page[] = [];
  for (let from = 0; from < records.length; from += perPage) {
    const part = records.slice(from, from + perPage);
    let last = part[0]?.ts ?? 0n;
    const time = last;
    const items = part.flatMap(({ ts, ...record }): Item[] => {
      const delta = ts - last;
      last = ts;
      return delta < 1n << 27n
        ? [{ ...record, after: Number(delta) }]
        : [{ extend: delta }, { ...record, after: 0 }];
    });
    pages.push({ time, items });
  }
  return pages;
}

export type ReadDat = Imported & { readonly diagnostics: readonly Diagnostic[] };

/** All in one thread. `windowBytes`: how much of the events is held at a time. */
export function readDat(bytes: Uint8Array, windowBytes?: number): ReadDat {
  const diagnostics = new DiagnosticCollector();
  const context = { dictionary: DICTIONARY, diagnostics, pageSize: undefined, progress: () => {} };
  const opened = openTraceDat(memorySource('test.dat', bytes), context);
  const imported =
    opened.text !== undefined
      ? readText(opened, context)
      : finishImport(opened, readInOrder(opened.recording, context, windowBytes), context);
  return { ...imported, diagnostics: diagnostics.list() };
}

export function buildAndRead(spec: TraceDatSpec, windowBytes?: number): ReadDat {
  return readDat(buildTraceDat(spec).bytes, windowBytes);
}

/** Overwrites a number of the file, as a hostile or broken writer would have written it. */
export function falsify(
  built: BuiltTraceDat,
  where: string,
  value: bigint | number,
  size: number,
  order: ByteOrder = 'little',
): Uint8Array {
  const place = built.at.get(where);
  if (place === undefined) throw new Error(`the builder marks no ${where}`);
  const bytes = built.bytes.slice();
  bytes.set(new ByteWriter(order).integer(value, size).finish(), place);
  return bytes;
}
