/** Event lines → the rows of their event's table, in the order of the text. */
import type { EventDefinition } from '../../../src/events/index.ts';
import { numberColumn } from '../../../src/trace/column.ts';
import { makeTable, numbers, type Table } from '../../../src/trace/table.ts';
import type { EventCount } from '../../../src/trace/trace.ts';
import { withUnknown } from '../../decode/event-tables.ts';
import { IDLE_COMM, NO_CPU, splitEventName, UNKNOWN_COMM } from '../../decode/perf-event-name.ts';
import { TextCodes } from '../../decode/text-codes.ts';
import {
  isAt,
  type Literal,
  literalOf,
  literalOfText,
  NOWHERE,
  wordAt,
} from '../../decode/text-literal.ts';
import {
  finishTable,
  hasRows,
  makeBuilder,
  nextBlock,
  type TableBuilder,
} from '../ftrace-text/table-builder.ts';
import { type LineHead, nameEnd, skipToName } from './line.ts';

/** One name as it is printed; several may belong to one table. */
export type EventName = {
  readonly name: string;
  readonly system: string;
  /** `system:name:` as it stands in the line. */
  readonly literal: Literal;
  readonly builder: TableBuilder;
  count: number;
};

/** More names than this are not events; the lines are counted as unreadable. */
const MAX_NAMES = 8192;
const GUESSES = 4096;
const TID_SLOTS = 1024;
const SPACE = 0x20;

export type TableSet = {
  readonly dictionary: ReadonlyMap<string, EventDefinition>;
  readonly pageSize: number;
  /** By some bytes of the name; whether it is this one must be checked. */
  readonly guesses: (EventName | undefined)[];
  readonly byName: Map<string, EventName>;
  /** By the table's name. */
  readonly builders: Map<string, TableBuilder>;
  readonly comms: TextCodes;
  /** The last command of the threads that share a slot. */
  readonly commOfTid: KnownComm[];
};

type KnownComm = { readonly tid: number; readonly text: Literal; readonly code: number };

export function makeTableSet(
  dictionary: ReadonlyMap<string, EventDefinition>,
  pageSize: number,
): TableSet {
  return {
    dictionary,
    pageSize,
    guesses: new Array(GUESSES).fill(undefined),
    byName: new Map(),
    builders: new Map(),
    comms: new TextCodes(),
    commOfTid: new Array(TID_SLOTS).fill({ tid: -2, text: NOWHERE, code: 0 }),
  };
}

/** The event that the line names; undefined when it has none, or when there are too many. */
export function eventOf(
  set: TableSet,
  bytes: Uint8Array,
  end: number,
  head: LineHead,
): EventName | undefined {
  const usual = head.afterTime + head.nameWidth;
  const guess = usual < end ? set.guesses[slotOf(bytes, usual)] : undefined;
  // The name may be a part of a longer one, so a space must stand before it.
  if (guess !== undefined) {
    const nameAt = usual + 1 - guess.literal.length;
    const isWhole = nameAt > head.afterTime && bytes[nameAt - 1] === SPACE;
    if (isWhole && bytes[usual + 1] === SPACE && isAt(bytes, nameAt, guess.literal)) {
      head.rest = nameAt;
      return guess;
    }
  }
  const nameAt = skipToName(bytes, end, head);
  const stop = nameEnd(bytes, nameAt, end);
  if (stop < 0) return undefined;
  const printed = Buffer.from(bytes.subarray(nameAt, stop)).toString('latin1');
  const event = set.byName.get(printed) ?? makeEvent(set, printed);
  if (event === undefined) return undefined;
  head.nameWidth = stop - head.afterTime;
  set.guesses[slotOf(bytes, stop)] = event;
  return event;
}

/** By a hash of bytes at the end of the name, where its colon stands. */
function slotOf(bytes: Uint8Array, colon: number): number {
  const words =
    Math.imul(wordAt(bytes, colon - 4), 0x9e3779b1) ^
    Math.imul(wordAt(bytes, colon - 8), 0x85ebca6b) ^
    wordAt(bytes, colon - 13);
  return Math.imul(words, 0xc2b2ae35) >>> 20;
}

function makeEvent(set: TableSet, printed: string): EventName | undefined {
  if (set.byName.size >= MAX_NAMES) return undefined;
  const [system, name] = splitEventName(printed);
  const definition = set.dictionary.get(name);
  const builder = builderOf(set, system, name, definition);
  const literal = literalOfText(`${printed}:`);
  const event: EventName = { name, system, literal, builder, count: 0 };
  set.byName.set(printed, event);
  return event;
}

function builderOf(
  set: TableSet,
  system: string,
  name: string,
  definition: EventDefinition | undefined,
): TableBuilder {
  const wanted = definition?.name ?? name;
  const own = definition?.system ?? system;
  let free = wanted;
  const taken = set.builders.get(wanted);
  // Two names of one known event share a table; two unknown events of one name do not.
  if (taken !== undefined) {
    if (taken.system === own) return taken;
    free = `${system}:${name}`;
  }
  const builder = { ...makeBuilder(free, definition, set.pageSize), system: own };
  set.builders.set(free, builder);
  return builder;
}

/** Adds the line's row; false when its payload is not understood. */
export function addRow(
  set: TableSet,
  event: EventName,
  bytes: Uint8Array,
  end: number,
  head: LineHead,
  ts: number,
  seq: number,
): boolean {
  const { builder } = event;
  if (builder.rows === builder.blockRows) nextBlock(builder);
  const row = builder.rows;
  const payload = Math.min(end, head.rest + event.literal.length + 1);
  if (!builder.payloads.read(bytes, payload, end, row)) return false;
  const { block } = builder;
  block.ts[row] = ts;
  block.cpu[row] = head.cpu;
  block.pid[row] = head.tid;
  block.comm[row] = commOf(set, bytes, head);
  block.seq[row] = seq;
  builder.rows = row + 1;
  event.count++;
  return true;
}

/** The task's code; the command that its thread had before is tried first. */
function commOf(set: TableSet, bytes: Uint8Array, head: LineHead): number {
  const { commStart, commEnd, tid } = head;
  const slot = tid & (TID_SLOTS - 1);
  const last = set.commOfTid[slot] as KnownComm;
  const isSame = last.tid === tid && last.text.length === commEnd - commStart;
  if (isSame && isAt(bytes, commStart, last.text)) return last.code;
  const code = newComm(set, bytes, head);
  set.commOfTid[slot] = { tid, text: literalOf(bytes.slice(commStart, commEnd)), code };
  return code;
}

/** perf prints `:tid` for a task without a known name, and calls the idle task `swapper`. */
function newComm(set: TableSet, bytes: Uint8Array, head: LineHead): number {
  const { commStart, commEnd, tid } = head;
  if (head.hasTid && tid === 0) return set.comms.code(IDLE_COMM);
  const text = Buffer.from(bytes.subarray(commStart, commEnd)).toString('latin1');
  if (text === '' || /^:-?\d{1,10}$/.test(text)) return set.comms.code(UNKNOWN_COMM);
  return set.comms.codeOfBytes(bytes, commStart, commEnd);
}

/** Tables by name; `shift` is added to all times. */
export function finishTables(set: TableSet, shift: number): Map<string, Table> {
  const tables = new Map<string, Table>();
  for (const name of [...set.builders.keys()].sort()) {
    const builder = set.builders.get(name);
    if (builder === undefined || !hasRows(builder)) continue;
    tables.set(name, withoutNoCpu(finishTable(builder, set.comms.dictionary, shift)));
    // What was joined is dropped at once: the peak is one table above the result.
    set.builders.delete(name);
  }
  return tables;
}

function withoutNoCpu(table: Table): Table {
  const { values } = numbers(table, 'cpu');
  const own = values instanceof Uint16Array ? withUnknown(values, NO_CPU) : values;
  if (own === values) return table;
  const { name, system, known } = table;
  const columns = { ...table.columns, cpu: numberColumn(own, 'id') };
  return makeTable(name, columns, { system, known });
}

/** Counts by printed name, in order of name. */
export function countEvents(set: TableSet): EventCount[] {
  return [...set.byName.values()]
    .filter(({ count }) => count > 0)
    .map(({ name, system, count }) => ({ name, system, count }))
    .sort((left, right) => (left.name < right.name ? -1 : 1));
}
