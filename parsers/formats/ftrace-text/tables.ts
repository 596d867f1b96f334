/** Event lines → the rows of their event's table, in the order of the file. */
import type { EventDefinition } from '../../../src/events/index.ts';
import type { Table } from '../../../src/trace/table.ts';
import type { EventCount } from '../../../src/trace/trace.ts';
import { TextCodes } from '../../decode/text-codes.ts';
import {
  isAt,
  type Literal,
  literalOf,
  literalOfText,
  NOWHERE,
  wordAt,
} from '../../decode/text-literal.ts';
import { isSpace } from '../../decode/text-values.ts';
import {
  type LineHead,
  NAME_EVENT,
  NAME_FUNCTION,
  NAME_SYSCALL_ENTER,
  type NameForm,
  parseName,
} from './line.ts';
import {
  finishTable,
  hasRows,
  makeBuilder,
  nextBlock,
  type TableBuilder,
} from './table-builder.ts';

/** One name as it is printed; several may belong to one table. */
export type EventName = {
  readonly name: string;
  /** `name: ` as it stands in the line. */
  readonly literal: Literal;
  readonly builder: TableBuilder;
  /** The `print` record as trace-cmd prints it: the calling symbol stands before the text. */
  readonly hasSymbol: boolean;
  /** The payload is kept with its leading spaces: it is what a program wrote. */
  readonly isVerbatim: boolean;
  count: number;
};

/** More names than this are not events; the lines are counted as unreadable. */
const MAX_NAMES = 8192;
const GUESS_BITS = 12;
const PID_SLOTS = 1024;

export type TableSet = {
  readonly dictionary: ReadonlyMap<string, EventDefinition>;
  readonly pageSize: number;
  /** By a hash of bytes at the name's place; whether it is this one must be checked. */
  readonly guesses: (EventName | undefined)[];
  readonly byName: Map<string, EventName>;
  readonly builders: Map<string, TableBuilder>;
  readonly comms: TextCodes;
  /** The last command of the pids that share a slot. */
  readonly commOfPid: KnownComm[];
};

type KnownComm = { readonly text: Literal; readonly code: number };

export function makeTableSet(
  dictionary: ReadonlyMap<string, EventDefinition>,
  pageSize: number,
): TableSet {
  return {
    dictionary,
    pageSize,
    guesses: new Array(1 << GUESS_BITS).fill(undefined),
    byName: new Map(),
    builders: new Map(),
    comms: new TextCodes(),
    commOfPid: new Array(PID_SLOTS).fill({ text: NOWHERE, code: 0 }),
  };
}

/**
 * The event that a line names; undefined when the line has none, or when there are too many. Most
 * names are recognised by 12 of the bytes that stand there, without looking for their end.
 */
export function eventOf(
  set: TableSet,
  bytes: Uint8Array,
  end: number,
  head: LineHead,
): EventName | undefined {
  const slot = slotOf(bytes, head.nameStart);
  const guess = set.guesses[slot];
  if (guess !== undefined && isAt(bytes, head.nameStart, guess.literal)) {
    head.payload = head.nameStart + guess.literal.length;
    return head.payload <= end ? guess : undefined;
  }
  if (!parseName(bytes, end, head)) return undefined;
  const printed = Buffer.from(bytes.subarray(head.nameStart, head.nameEnd)).toString('latin1');
  const key = `${head.nameForm} ${printed}`;
  let event = set.byName.get(key);
  if (event === undefined) {
    if (set.byName.size >= MAX_NAMES) return undefined;
    event = makeEvent(set, printed, head.nameForm);
    set.byName.set(key, event);
  }
  if (head.nameForm === NAME_EVENT) set.guesses[slot] = event;
  return event;
}

function slotOf(bytes: Uint8Array, at: number): number {
  const first = Math.imul(wordAt(bytes, at), 0x9e3779b1);
  const middle = Math.imul(wordAt(bytes, at + 10), 0x85ebca6b);
  const last = Math.imul(wordAt(bytes, at + 16), 0xc2b2ae35);
  return (first ^ middle ^ last) >>> (32 - GUESS_BITS);
}

/** System calls are called as their records are: `sys_fsync(…)` is sys_enter_fsync. */
function eventName(printed: string, form: NameForm): string {
  if (form === NAME_EVENT) return printed;
  if (form === NAME_FUNCTION) return 'function';
  const call = printed.replace(/^sys_/, '');
  return form === NAME_SYSCALL_ENTER ? `sys_enter_${call}` : `sys_exit_${call}`;
}

function makeEvent(set: TableSet, printed: string, form: NameForm): EventName {
  const name = eventName(printed, form);
  const definition = form === NAME_EVENT ? set.dictionary.get(name) : undefined;
  const table = definition?.name ?? name;
  let builder = set.builders.get(table);
  if (builder === undefined) {
    builder = makeBuilder(table, definition, set.pageSize);
    set.builders.set(table, builder);
  }
  return {
    name,
    literal: literalOfText(`${printed}: `),
    builder,
    hasSymbol: ['print', 'bprint', 'bputs'].includes(name),
    isVerbatim: name === 'tracing_mark_write',
    count: 0,
  };
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
  if (!builder.payloads.read(bytes, payloadStart(event, bytes, head.payload, end), end, row)) {
    return false;
  }
  const { block } = builder;
  block.ts[row] = ts;
  block.cpu[row] = head.cpu;
  block.pid[row] = head.pid;
  block.comm[row] = commOf(set, bytes, head);
  block.seq[row] = seq;
  builder.rows = row + 1;
  event.count++;
  return true;
}

/** The command's code; that of the same pid before is tried first. */
function commOf(set: TableSet, bytes: Uint8Array, head: LineHead): number {
  const { commStart, commEnd, pid } = head;
  const slot = pid & (PID_SLOTS - 1);
  const last = set.commOfPid[slot] as KnownComm;
  const isSame = last.text.length === commEnd - commStart;
  if (isSame && isAt(bytes, commStart, last.text)) return last.code;
  const code = set.comms.codeOfBytes(bytes, commStart, commEnd);
  set.commOfPid[slot] = { text: literalOf(bytes.slice(commStart, commEnd)), code };
  return code;
}

// print:                lazy_rcu_shrink_scan: vmstat nr_dirty=616
function payloadStart(event: EventName, bytes: Uint8Array, from: number, end: number): number {
  if (event.isVerbatim) return from;
  let at = from;
  while (at < end && isSpace(bytes[at])) at++;
  if (!event.hasSymbol) return at;
  const payload = at;
  while (at < end && !(bytes[at] === 0x3a && isSpace(bytes[at + 1]))) at++;
  return at < end ? at + 2 : payload;
}

/** Tables by name; `shift` is added to all times. */
export function finishTables(set: TableSet, shift: number): Map<string, Table> {
  const tables = new Map<string, Table>();
  for (const name of [...set.builders.keys()].sort()) {
    const builder = set.builders.get(name);
    if (builder === undefined || !hasRows(builder)) continue;
    tables.set(name, finishTable(builder, set.comms.dictionary, shift));
    // What was joined is dropped at once: the peak is one table above the result.
    set.builders.delete(name);
  }
  return tables;
}

/** Events by printed name, with the fields that their text tells of. */
export function seenEvents(set: TableSet): Map<string, readonly string[]> {
  const events = [...set.byName.values()].filter(({ count }) => count > 0);
  return new Map(events.map(({ name, builder }) => [name, builder.payloads.wireNames]));
}

/** Counts by printed name, in order of name. */
export function countEvents(set: TableSet): EventCount[] {
  const counts = new Map<string, EventCount>();
  for (const { name, count, builder } of set.byName.values()) {
    if (count === 0) continue;
    const total = count + (counts.get(name)?.count ?? 0);
    counts.set(name, { name, system: builder.system, count: total });
  }
  return [...counts.values()].sort((left, right) => (left.name < right.name ? -1 : 1));
}
