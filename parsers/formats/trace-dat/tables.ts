/** Finished columns of all events → tables, their counts, and what was found in those not kept. */
import { type Column, numberColumn, textColumn } from '../../../src/trace/column.ts';
import { makeTable, type Table } from '../../../src/trace/table.ts';
import type { EventCount } from '../../../src/trace/trace.ts';
import type { BelowZero } from '../../check-values.ts';
import { finishColumns } from '../../decode/event-columns.ts';
import { finishGrowing } from '../../decode/growing.ts';
import type { EventBuilder, FormatsById } from './assemble.ts';
import type { Watches } from './below-zero.ts';
import type { Lane } from './streams.ts';
import { commColumn, type TaskCodes } from './task-codes.ts';

export type Finish = {
  /** Of the events that occurred, in order of the formats. */
  readonly builders: readonly EventBuilder[];
  readonly lanes: readonly Pick<Lane, 'cpu' | 'instance'>[];
  readonly tasks: TaskCodes;
  /** Turns the times of a column into nanoseconds since the first event. */
  readonly convertTimes: (ts: Float64Array) => void;
};

/** Tables of the events that were kept, by canonical name, in order of name. */
export function finishTables(finish: Finish): Map<string, Table> {
  const names = tableNames(finish.builders);
  const tables = finish.builders
    .filter(({ detail }) => detail !== 'count')
    .map((builder) => finishTable(names.get(builder) as string, builder, finish));
  return new Map(
    tables
      .sort((left, right) => (left.name < right.name ? -1 : 1))
      .map((table) => [table.name, table]),
  );
}

/** Two events of one name are told apart by their system. */
function tableNames(builders: readonly EventBuilder[]): Map<EventBuilder, string> {
  const taken = new Set<string>();
  return new Map(
    builders.map((builder) => {
      const { format, definition } = builder;
      let name = definition?.name ?? format.name;
      for (let copy = 1; taken.has(name); copy++) {
        name = `${format.system}:${format.name}${copy === 1 ? '' : `:${copy}`}`;
      }
      taken.add(name);
      return [builder, name];
    }),
  );
}

function finishTable(name: string, builder: EventBuilder, finish: Finish): Table {
  const { base: columns, definition, format } = builder;
  const { lanes, tasks, convertTimes } = finish;
  const ts = finishGrowing(columns.ts);
  convertTimes(ts);
  const lane = finishGrowing(columns.lane);
  const pid = finishGrowing(columns.pid);
  const base: Record<string, Column> = {
    ts_ns: numberColumn(ts, 'ns'),
    cpu: numberColumn(cpusOf(lane, lanes), 'id'),
    pid: numberColumn(pid, 'id'),
    comm: commColumn(pid, tasks),
    seq: numberColumn(finishGrowing(columns.seq), 'count'),
  };
  const own = builder.detail === 'columns' ? (builder.own ?? finishColumns(builder.columns)) : {};
  const instance = instanceColumn(lane, lanes);
  if (instance !== undefined) base['instance' in own ? 'buffer_instance' : 'instance'] = instance;
  const known = definition !== undefined;
  return makeTable(name, { ...base, ...own }, { system: format.system, known });
}

function cpusOf(lane: Uint16Array, lanes: Finish['lanes']): Uint16Array {
  const cpus = Uint16Array.from(lanes, ({ cpu }) => cpu);
  if (cpus.every((cpu, at) => cpu === at)) return lane;
  const cpu = new Uint16Array(lane.length);
  for (let row = 0; row < lane.length; row++) cpu[row] = cpus[lane[row] as number] as number;
  return cpu;
}

/** The name of the buffer that holds the event, where more than one has events. */
function instanceColumn(lane: Uint16Array, lanes: Finish['lanes']): Column | undefined {
  const names = [...new Set(lanes.map(({ instance }) => instance))];
  if (names.length < 2) return undefined;
  const codes = lanes.map(({ instance }) => names.indexOf(instance));
  return textColumn(
    Uint32Array.from(lane, (which) => codes[which] as number),
    names,
  );
}

/** How often which event was recorded, and which were enabled without any record. */
export function countEvents(
  formats: FormatsById,
  rowsOf: (id: number) => number,
): { events: EventCount[]; silent_events: string[] } {
  const events: EventCount[] = [];
  const silent: string[] = [];
  for (const [id, { format, definition }] of formats) {
    const { name, system } = format;
    const count = rowsOf(id);
    if (count === 0) silent.push(name);
    else if (definition === undefined) events.push({ name, system, count, known: false });
    else events.push({ name, system, count });
  }
  events.sort((left, right) => (left.name < right.name ? -1 : 1));
  return { events, silent_events: silent.sort() };
}

/** Counters below zero in the columns that were not kept. */
export function foundBelowZero(
  builders: readonly EventBuilder[],
  watches: Watches,
  sinceFirst: (ts: number) => number,
): BelowZero[] {
  const names = tableNames(builders);
  return builders.flatMap((builder) =>
    (watches.byId.get(builder.id) ?? []).flatMap(({ column, count, firstTs }) => {
      const table = names.get(builder) as string;
      return count === 0 ? [] : [{ table, column, count, ts_ns: sinceFirst(firstTs) }];
    }),
  );
}
