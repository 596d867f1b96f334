/** The events of a capture: which sample belongs to which, and which table its rows go to. */

import { count, id } from '../../../src/events/define.ts';
import type { EventDefinition } from '../../../src/events/index.ts';
import { TWO_32 } from '../../../src/trace/column.ts';
import type { SymbolResolver } from '../../decode/event-columns.ts';
import type { EventField, EventFormat } from '../../decode/event-format.ts';
import { canonicalName, type EventBuilder, makeBuilder } from '../../decode/event-tables.ts';
import { symbolResolver } from '../../decode/kernel-symbols.ts';
import { splitEventName } from '../../decode/perf-event-name.ts';
import type { Detail, ImportContext, KeepEvents } from '../../importer.ts';
import {
  type PerfAttr,
  type SampleLayout,
  sampleLayout,
  type TrailerLayout,
  TYPE_TRACEPOINT,
  trailerLayout,
} from './attrs.ts';
import type { Facts } from './features.ts';
import type { EventSource } from './header.ts';
import { type KnownKinds, type SampleKind, sampleKind } from './samples.ts';
import { signBytes } from './tally.ts';

/** Ids below this are looked up in an array: they count from 1 since boot. */
const DENSE_IDS = 1 << 20;
/** A recording of every tracepoint of a kernel has some 2,500. */
export const MAX_SOURCES = 1 << 13;
const MAX_IDS = 1 << 22;

const NO_TRAILER: TrailerLayout = { bytes: 0, time: 0, cpu: 0 };

export class EventRegistry {
  readonly builders: EventBuilder[] = [];
  /** What tells the tables apart, and bytes of unkept counters (SampleKind.signs), by table. */
  readonly keys: string[] = [];
  readonly signs: (readonly number[])[] = [];
  /** The source whose samples each table was made for. */
  readonly sourceOfTable: number[] = [];
  /** Tables of tracepoints whose format is not in the file. */
  readonly withoutFormat = new Set<number>();
  readonly #facts: Facts;
  readonly #dictionary: ReadonlyMap<string, EventDefinition>;
  readonly #littleEndian: boolean;
  readonly #sources: EventSource[] = [];
  readonly #sourceOfId = new Map<number, number>();
  /** Kinds of samples by source, made when the first sample asks: only then all facts are known. */
  readonly #kinds: (SampleKind | undefined)[] = [];
  readonly known: KnownKinds = { idAt: -1, byId: [], only: undefined };
  readonly #keep: KeepEvents | undefined;
  readonly #tables = new Map<string, number>();
  #formats: ReadonlyMap<number, EventFormat> | undefined;
  #resolveSymbol: SymbolResolver | undefined;
  #idAt = -1;
  #trailer = NO_TRAILER;

  constructor(
    facts: Facts,
    { dictionary, keep }: Pick<ImportContext, 'dictionary' | 'keep'>,
    littleEndian: boolean,
  ) {
    this.#facts = facts;
    this.#dictionary = dictionary;
    this.#keep = keep;
    this.#littleEndian = littleEndian;
  }

  get sources(): readonly EventSource[] {
    return this.#sources;
  }

  /** How records that are no samples end: as the first attr says, like perf reads them. */
  get trailer(): TrailerLayout {
    return this.#trailer;
  }

  /** False when there are too many. */
  add(source: EventSource): boolean {
    const index = this.#sources.length;
    if (index >= MAX_SOURCES || this.#sourceOfId.size + source.ids.length > MAX_IDS) return false;
    if (index === 0) {
      this.#idAt = sampleLayout(source.attr).id;
      this.#trailer = trailerLayout(source.attr);
    }
    this.#sources.push(source);
    // perf takes the only event of a file without looking at ids.
    this.known.idAt = this.#sources.length > 1 ? this.#idAt : -1;
    this.known.only = undefined;
    for (const own of source.ids) this.#sourceOfId.set(own, index);
    return true;
  }

  /** Part of the hot loop. Undefined: the sample names no event that the file describes. */
  readonly kindOf = (view: DataView, at: number, end: number): SampleKind | undefined => {
    if (this.#sources.length <= 1 || this.#idAt < 0) {
      this.known.only ??= this.#kind(0);
      return this.known.only;
    }
    const idAt = at + this.#idAt;
    if (idAt + 8 > end) return undefined;
    const littleEndian = this.#littleEndian;
    const low = view.getUint32(littleEndian ? idAt : idAt + 4, littleEndian);
    const high = view.getUint32(littleEndian ? idAt + 4 : idAt, littleEndian);
    const known = high === 0 ? this.known.byId[low] : undefined;
    return known ?? this.#lookUp(high * TWO_32 + low);
  };

  #lookUp(sampleId: number): SampleKind | undefined {
    const source = this.#sourceOfId.get(sampleId);
    // An id of 0 is that of a file whose samples carry none: perf takes the first event, too.
    if (source === undefined) return sampleId === 0 ? this.#kind(0) : undefined;
    const kind = this.#kind(source);
    if (sampleId < DENSE_IDS) {
      while (this.known.byId.length <= sampleId) this.known.byId.push(undefined);
      this.known.byId[sampleId] = kind;
    }
    return kind;
  }

  /** Makes the table of a source's samples, if there is none yet. */
  makeTable(source: number): void {
    this.#kind(source);
  }

  /** Number of the source that samples with this id belong to. */
  sourceOf(sampleId: number): number | undefined {
    return this.#sourceOfId.get(sampleId);
  }

  #kind(index: number): SampleKind | undefined {
    const source = this.#sources[index];
    if (source === undefined) return undefined;
    this.#kinds[index] ??= this.#makeKind(source, index);
    return this.#kinds[index];
  }

  #makeKind(source: EventSource, index: number): SampleKind {
    const { attr } = source;
    const layout = sampleLayout(attr);
    const isTracepoint = attr.type === TYPE_TRACEPOINT;
    const format = isTracepoint && layout.hasRaw ? this.formatOf(attr) : undefined;
    const made = this.builders.length;
    const kind = this.#kindIn(source, layout, format);
    if (this.builders.length > made) this.sourceOfTable.push(index);
    return kind;
  }

  #kindIn(source: EventSource, layout: SampleLayout, format: EventFormat | undefined): SampleKind {
    if (format === undefined) {
      const table = this.#plainTable(source, layout);
      if (source.attr.type === TYPE_TRACEPOINT && layout.hasRaw) this.withoutFormat.add(table);
      return sampleKind(layout, undefined, table, this.signs[table]);
    }
    const table = this.#table(`id ${format.id}`, () => {
      const definition = this.#dictionary.get(format.name);
      this.#resolveSymbol ??= symbolResolver(this.#facts.tracing?.kernelSymbols ?? '');
      const detail = this.detailOf(source);
      return makeBuilder(format, definition, definition !== undefined, this.#resolveSymbol, detail);
    });
    return sampleKind(layout, format, table, this.signs[table]);
  }

  /** The format of a tracepoint: its number is the attr's config. */
  formatOf(attr: PerfAttr): EventFormat | undefined {
    const formats = this.#facts.tracing?.formats.understood;
    if (formats === undefined) return undefined;
    this.#formats ??= new Map(formats.map((format) => [format.id, format]));
    return this.#formats.get(attr.config);
  }

  /** A table of what every sample has, for events that have no record of their own. */
  #plainTable(source: EventSource, layout: SampleLayout): number {
    const [system, name] = this.#plainName(source);
    const key = `${system}:${name} ${layout.ip} ${layout.period}`;
    return this.#table(key, () => {
      const format = plainFormat(name, system, layout);
      const detail = this.#keep?.(name) ?? 'columns';
      return makeBuilder(format, PLAIN, false, symbolResolver(''), detail);
    });
  }

  /** System and name of an event without a record of its own, or whose format is missing. */
  #plainName({ attr, ids }: EventSource): [system: string, name: string] {
    const described = this.#facts.names.get(ids[0] ?? -1);
    const kind = attr.type === TYPE_TRACEPOINT ? 'tracepoint' : `perf-type-${attr.type}`;
    return splitEventName(described ?? `${kind}-${attr.config}`);
  }

  /** The event's canonical name. */
  nameOf(source: EventSource): string {
    const format = source.attr.type === TYPE_TRACEPOINT ? this.formatOf(source.attr) : undefined;
    return format === undefined
      ? this.#plainName(source)[1]
      : canonicalName(format, this.#dictionary.get(format.name));
  }

  /** How much of the event is to be kept. */
  detailOf(source: EventSource): Detail {
    return this.#keep?.(this.nameOf(source)) ?? 'columns';
  }

  #table(key: string, make: () => EventBuilder): number {
    let table = this.#tables.get(key);
    if (table === undefined) {
      table = this.builders.length;
      const builder = make();
      this.builders.push(builder);
      this.keys.push(key);
      this.signs.push(signBytes(builder, this.#littleEndian));
      this.#tables.set(key, table);
    }
    return table;
  }
}

/** `ip` is where the sampled code was, `period` how many counts the sample stands for. */
const PLAIN: EventDefinition = {
  name: '',
  system: '',
  aliases: [],
  columns: {
    ip: id('ip', { optional: true }),
    period: count('count', 'period', { optional: true }),
  },
};

function plainFormat(name: string, system: string, layout: SampleLayout): EventFormat {
  const fields: EventField[] = [];
  const add = (field: string, offset: number): void => {
    if (offset < 0) return;
    const scalar = { shape: 'scalar', isText: false, elementSize: 0, signed: false } as const;
    fields.push({ name: field, offset, size: 8, ...scalar });
  };
  add('ip', layout.ip);
  add('period', layout.period);
  const minSize = layout.fixedEnd;
  return { id: 0, name, system, fields, pid: undefined, minSize, printFormat: '' };
}
