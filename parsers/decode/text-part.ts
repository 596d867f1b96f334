/**
 * A stretch of a text of events that another thread has read, and how it is put behind what was
 * read before it. The result is the same as if one thread had read on; where that is not certain,
 * nothing is put and the stretch must be read again.
 */
import type { DiagnosticCode, DiagnosticPlace } from '../../src/trace/diagnostics.ts';
import type { PayloadPart } from './text-exchange.ts';
import { MAX_NAMES } from './text-places.ts';
import { addDisorder, type Dialect, note, type TextReading } from './text-reading.ts';
import {
  addEvent,
  appendBase,
  type BasePart,
  type BasePlace,
  basePart,
  linesOf,
  type NewEvent,
  type TableBuilder,
  type TableRegion,
} from './text-tables.ts';

/** What happened between the events, in order. */
export type PartStep =
  /** A line that is no event; `last` is the time of its CPU's last event, NaN if there is none. */
  | {
      readonly kind: 'line';
      readonly line: number;
      readonly text: Uint8Array;
      readonly cpu: number;
      readonly last: number;
      readonly firstTs: number;
    }
  /** The first event of a CPU, in the stretch or after a line that is no event. */
  | { readonly kind: 'resumed'; readonly cpu: number; readonly ts: number }
  | {
      readonly kind: 'note';
      readonly code: DiagnosticCode;
      readonly count: number | undefined;
      readonly place: DiagnosticPlace & { readonly line: number };
    };

type PartName = {
  readonly key: string;
  readonly given: Omit<NewEvent, 'definition'>;
  readonly isDefined: boolean;
  readonly count: number;
  readonly table: number;
};

type PartTable = {
  readonly base: BasePart;
  readonly payloads: PayloadPart;
  /** The columns are in the memory that was reserved for them. */
  readonly isReserved: boolean;
};

export type TextPart = {
  readonly facts: Pick<
    TextReading,
    | 'line'
    | 'events'
    | 'originSeconds'
    | 'originFraction'
    | 'firstTs'
    | 'lastTs'
    | 'maxDigits'
    | 'maxCpu'
    | 'backwards'
    | 'disordered'
    | 'previousTs'
    | 'disorder'
  >;
  readonly lastOfCpu: readonly (readonly [cpu: number, ts: number])[];
  readonly steps: readonly PartStep[];
  readonly comms: readonly string[];
  readonly names: readonly PartName[];
  readonly tables: readonly PartTable[];
};

/** What was read; with the memory that can be handed over. */
export function partOf(reading: TextReading, steps: readonly PartStep[]) {
  const { set, line, events, originSeconds, originFraction } = reading;
  const { firstTs, lastTs, maxDigits, maxCpu, backwards, disordered, disorder, previousTs } =
    reading;
  const builders = [...set.builders.values()];
  const names = [...set.byName].map(([key, event]): PartName => {
    const { given, builder } = event;
    const { definition, ...rest } = given;
    const table = builders.indexOf(builder);
    const isDefined = definition !== undefined;
    return { key, given: rest, isDefined, count: linesOf(set, event), table };
  });
  const tables = builders.map((builder): PartTable => {
    const isKept = builder.detail === 'columns';
    const payloads = builder.payloads.part(isKept ? builder.rows : 0);
    return { base: basePart(builder), payloads, isReserved: builder.isReserved };
  });
  const part: TextPart = {
    facts: {
      line,
      events,
      originSeconds,
      originFraction,
      firstTs,
      lastTs,
      maxDigits,
      maxCpu,
      backwards,
      disordered,
      previousTs,
      disorder,
    },
    lastOfCpu: [...set.memory.lastOfCpu.entries()].filter(([, ts]) => !Number.isNaN(ts)),
    steps,
    comms: set.comms.dictionary,
    names,
    tables,
  };
  const arrays = tables.flatMap(({ base, payloads }) => [
    ...[base.ts, base.cpu, base.pid, base.comm, base.seq],
    ...payloads.sinks.flatMap(({ f64, u32 }) => [f64, u32]),
  ]);
  const buffers = arrays.flatMap(({ buffer }) => (buffer instanceof ArrayBuffer ? buffer : []));
  const transfer = [...new Set(buffers)];
  return { part, transfer };
}

/** False, and nothing is changed, where it is not certain that one thread had read the same. */
export function appendPart(
  reading: TextReading,
  dialect: Dialect,
  part: TextPart,
  regions: ReadonlyMap<string, TableRegion>,
): boolean {
  const { set } = reading;
  const added = part.names.filter(({ key }) => !set.byName.has(key)).length;
  if (set.byName.size + added > MAX_NAMES) return false;
  const isCertain = part.names.every(({ key, table }) => {
    const builder = set.byName.get(key)?.builder;
    const { payloads } = part.tables[table] as PartTable;
    return builder === undefined || builder.payloads.canAppend(payloads);
  });
  if (!isCertain) return false;
  const shift = shiftOf(reading, part);
  replaySteps(reading, dialect, part, shift);
  appendTables(reading, part, regions, shift);
  appendFacts(reading, part, shift);
  return true;
}

/** From the part's time to that of the reading. */
function shiftOf(reading: TextReading, { facts }: TextPart): number {
  if (facts.events === 0) return 0;
  if (reading.events === 0) {
    reading.originSeconds = facts.originSeconds;
    reading.originFraction = facts.originFraction;
  }
  const seconds = facts.originSeconds - reading.originSeconds;
  return seconds * 1e9 + (facts.originFraction - reading.originFraction);
}

function replaySteps(
  reading: TextReading,
  dialect: Dialect,
  { steps }: TextPart,
  shift: number,
): void {
  const { line: firstLine, firstTs } = reading;
  const { lastOfCpu, isWaiting } = reading.set.memory;
  const started = new Set<number>();
  for (const step of steps) {
    if (step.kind === 'note') {
      const place = { ...step.place, line: firstLine + step.place.line };
      note(reading, step.code, step.count, place);
    } else if (step.kind === 'resumed') {
      const { cpu } = step;
      const ts = step.ts + shift;
      if (!started.has(cpu) && ts < (lastOfCpu[cpu] as number)) reading.backwards++;
      started.add(cpu);
      if (isWaiting[cpu] === 1) dialect.onResumed(cpu, ts);
      isWaiting[cpu] = 0;
    } else {
      reading.line = firstLine + step.line;
      if (!Number.isNaN(step.last)) lastOfCpu[step.cpu] = step.last + shift;
      reading.firstTs = Math.min(firstTs, step.firstTs + shift);
      dialect.onOther(step.text, 0, step.text.length - 1);
    }
  }
  reading.line = firstLine;
  reading.firstTs = firstTs;
}

function appendTables(
  reading: TextReading,
  part: TextPart,
  regions: ReadonlyMap<string, TableRegion>,
  shift: number,
): void {
  const { set, events } = reading;
  const comms = Uint32Array.from(part.comms, (comm) => set.comms.code(comm));
  const done = new Set<number>();
  for (const { key, given, isDefined, count, table } of part.names) {
    const definition = isDefined ? set.dictionary.get(given.name) : undefined;
    const event = set.byName.get(key) ?? addEvent(set, key, { ...given, definition });
    if (event === undefined) continue;
    event.count += count;
    if (done.has(table)) continue;
    done.add(table);
    const { builder } = event;
    const own = part.tables[table] as PartTable;
    const region = regions.get(builder.name);
    const isJoined = own.isReserved && builder.isReserved && region !== undefined;
    appendTable(builder, own, { shift, events, comms, region: isJoined ? region : undefined });
  }
}

function appendTable(
  builder: TableBuilder,
  { base, payloads }: PartTable,
  { region, ...place }: Omit<BasePlace, 'region'> & { region: TableRegion | undefined },
): void {
  const { detail, rows } = builder;
  if (detail !== 'count') appendBase(builder, base, { ...place, region: region?.base });
  builder.payloads.append(payloads, {
    rows: detail === 'columns' ? rows : 0,
    count: detail === 'columns' ? base.ts.length : 0,
    capacity: builder.ts.length,
    shift: place.shift,
    regions: region?.payloads,
  });
}

function appendFacts(reading: TextReading, { facts, lastOfCpu }: TextPart, shift: number): void {
  reading.line += facts.line;
  reading.events += facts.events;
  reading.backwards += facts.backwards;
  reading.maxDigits = Math.max(reading.maxDigits, facts.maxDigits);
  reading.maxCpu = Math.max(reading.maxCpu, facts.maxCpu);
  if (facts.events === 0) return;
  appendDisorder(reading, facts, shift);
  reading.firstTs = Math.min(reading.firstTs, facts.firstTs + shift);
  reading.lastTs = Math.max(reading.lastTs, facts.lastTs + shift);
  for (const [cpu, ts] of lastOfCpu) reading.set.memory.lastOfCpu[cpu] = ts + shift;
}

function appendDisorder(reading: TextReading, facts: TextPart['facts'], shift: number): void {
  const { lastTs } = reading;
  // The part counts from its first event.
  if (shift < reading.previousTs) reading.disordered++;
  reading.disordered += facts.disordered;
  reading.previousTs = facts.previousTs + shift;
  if (facts.firstTs + shift < lastTs) addDisorder(reading, facts.firstTs + shift, lastTs);
  for (const [from, to] of facts.disorder) addDisorder(reading, from + shift, to + shift);
}
