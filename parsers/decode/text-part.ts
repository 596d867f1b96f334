/**
 * Chunks of a text that several threads have read, put behind what was read before them. The result
 * is the same as if one thread had read on.
 */

import { type ChunkFacts, factsOf, type TextChunk, type TextPart } from './text-chunks.ts';
import { TextCodes } from './text-codes.ts';
import { isIdentity, recode, removeRows } from './text-columns.ts';
import { addBelowZero, type BelowZeroTally, type RowSpan } from './text-exchange.ts';
import { addDisorder, type Dialect, note, type TextReading } from './text-reading.ts';
import { type EventName, linesOf, type TableBuilder, type TableSet } from './text-tables.ts';

/** What a reading knew before its thread read chunks. */
export type ReadingState = {
  readonly facts: ChunkFacts;
  readonly onNotes: TextReading['onNotes'];
  readonly lastOfCpu: Float64Array;
  readonly isWaiting: Uint8Array;
  /** Lines by event name, in the order of names. */
  readonly lines: readonly number[];
  /** By table. */
  readonly rows: readonly number[];
  readonly belowZero: readonly BelowZeroTally[];
  readonly comms: readonly string[];
};

export function stateOf(reading: TextReading): ReadingState {
  const { set, onNotes } = reading;
  const { memory, tables, comms } = set;
  return {
    facts: factsOf(reading),
    onNotes,
    lastOfCpu: memory.lastOfCpu.slice(),
    isWaiting: memory.isWaiting.slice(),
    lines: Array.from(set.byName.values(), (event) => linesOf(set, event)),
    rows: tables.map(({ rows }) => rows),
    belowZero: tables.map(({ payloads }) => new Map(payloads.belowZero)),
    comms: [...comms.dictionary],
  };
}

/** The reading is as it was, but for what it has learned of how to read. */
export function restoreState(reading: TextReading, state: ReadingState): void {
  const { set } = reading;
  const { memory, tables, byName } = set;
  Object.assign(reading, state.facts, { onNotes: state.onNotes });
  memory.lastOfCpu.set(state.lastOfCpu);
  memory.isWaiting.set(state.isWaiting);
  for (const [nth, event] of [...byName.values()].entries()) {
    event.count = state.lines[nth] as number;
    if (event.counted !== 0) memory.set(event.counted, 0);
  }
  for (const [id, builder] of tables.entries()) {
    builder.rows = state.rows[id] as number;
    const { belowZero } = builder.payloads;
    belowZero.clear();
    for (const [column, found] of state.belowZero[id] ?? []) belowZero.set(column, found);
  }
}

/** Chunks that were read since leave nothing behind. */
export function dropChunks(reading: TextReading, state: ReadingState): void {
  cutTables(reading.set);
  useComms(reading, state.comms);
}

function cutTables({ tables }: TableSet): void {
  for (const { rows, payloads, detail } of tables) if (detail === 'columns') payloads.cut(rows);
}

/** Commands of lines that are read again may be met in another order then. */
export function useComms({ set }: TextReading, comms: readonly string[]): void {
  const own = set.comms.dictionary;
  if (own.length === comms.length && own.every((comm, code) => comm === comms[code])) return;
  set.comms = new TextCodes(comms);
  set.memory.forgetPrefixes();
}

/**
 * Puts the first `count` chunks of all parts, the first of which this reading's thread has read,
 * behind the state from before, with the commands of then. False, and nothing is put, where some
 * were not read.
 */
export function appendChunks(
  reading: TextReading,
  dialect: Dialect,
  parts: readonly TextPart[],
  { count, before }: { readonly count: number; readonly before: readonly string[] },
): boolean {
  const { set } = reading;
  const chunks = parts.flatMap((part) => part.chunks).filter(({ chunk }) => chunk < count);
  chunks.sort((left, right) => left.chunk - right.chunk);
  const isWhole = chunks.length === count && chunks.every(({ chunk }, nth) => chunk === nth);
  const events = [...set.byName.values()];
  if (!isWhole || parts.some(({ names }) => names !== set.byName.size)) return false;
  const comms = new TextCodes(before);
  for (const chunk of chunks) {
    appendChunk(reading, dialect, chunk);
    for (const comm of chunk.comms) comms.code(comm);
  }
  for (const [nth, part] of parts.entries()) {
    const own = part.chunks.filter(({ chunk }) => chunk < count);
    for (const [event, lines] of own.at(-1)?.lines.entries() ?? []) {
      (events[event] as EventName).count += lines;
    }
    adoptRows(set, part, () => spansOf(set, own), { comms, isOther: nth > 0 });
  }
  cutTables(set);
  removeGone(set, chunks);
  useComms(reading, comms.dictionary);
  return true;
}

function appendChunk(reading: TextReading, dialect: Dialect, chunk: TextChunk): void {
  const { tables } = reading.set;
  replaySteps(reading, dialect, chunk);
  appendFacts(reading, chunk);
  const { rows } = chunk;
  for (let at = 0; at < rows.length; at += 3) {
    (tables[rows[at] as number] as TableBuilder).rows = rows[at + 2] as number;
  }
  for (const [table, column, { count, ts }] of chunk.belowZero) {
    addBelowZero((tables[table] as TableBuilder).payloads.belowZero, column, count, ts);
  }
  reading.onNotes(reading.notes.splice(0));
}

function replaySteps(reading: TextReading, dialect: Dialect, { steps }: TextChunk): void {
  const { line: firstLine, firstTs } = reading;
  const { lastOfCpu, isWaiting } = reading.set.memory;
  const started = new Set<number>();
  for (const step of steps) {
    if (step.kind === 'note') {
      const place = { ...step.place, line: firstLine + step.place.line };
      note(reading, step.code, step.count, place);
    } else if (step.kind === 'resumed') {
      const { cpu, ts } = step;
      if (!started.has(cpu) && ts < (lastOfCpu[cpu] as number)) reading.backwards++;
      started.add(cpu);
      if (isWaiting[cpu] === 1) dialect.onResumed(cpu, ts);
      isWaiting[cpu] = 0;
    } else {
      reading.line = firstLine + step.line;
      if (!Number.isNaN(step.last)) lastOfCpu[step.cpu] = step.last;
      reading.firstTs = Math.min(firstTs, step.firstTs);
      dialect.onOther(step.text, 0, step.text.length - 1);
    }
  }
  reading.line = firstLine;
  reading.firstTs = firstTs;
}

function appendFacts(reading: TextReading, { facts, lastOfCpu }: TextChunk): void {
  reading.line += facts.line;
  reading.events += facts.events;
  reading.callers += facts.callers;
  reading.backwards += facts.backwards;
  reading.maxDigits = Math.max(reading.maxDigits, facts.maxDigits);
  reading.maxCpu = Math.max(reading.maxCpu, facts.maxCpu);
  if (facts.events === 0) return;
  appendDisorder(reading, facts);
  reading.firstTs = Math.min(reading.firstTs, facts.firstTs);
  reading.lastTs = Math.max(reading.lastTs, facts.lastTs);
  for (const [cpu, ts] of lastOfCpu) reading.set.memory.lastOfCpu[cpu] = ts;
}

function appendDisorder(reading: TextReading, facts: ChunkFacts): void {
  const { lastTs } = reading;
  // The chunk counts from its first event.
  if (facts.startTs < reading.previousTs) reading.disordered++;
  reading.disordered += facts.disordered;
  reading.previousTs = facts.previousTs;
  if (facts.firstTs < lastTs) addDisorder(reading, facts.firstTs, lastTs);
  for (const [from, to] of facts.disorder) addDisorder(reading, from, to);
}

/** By table: which of its rows are of these chunks. */
function spansOf({ tables }: TableSet, chunks: readonly TextChunk[]): RowSpan[][] {
  const spans = tables.map((): RowSpan[] => []);
  for (const { rows } of chunks) {
    for (let at = 0; at < rows.length; at += 3) {
      spans[rows[at] as number]?.push([rows[at + 1] as number, rows[at + 2] as number]);
    }
  }
  return spans;
}

/** Codes and exact values of rows become those of this reading. */
function adoptRows(
  { tables }: TableSet,
  part: TextPart,
  spansOfPart: () => readonly (readonly RowSpan[])[],
  { comms, isOther }: { comms: TextCodes; isOther: boolean },
): void {
  const known = new Map(comms.dictionary.map((comm, code) => [comm, code]));
  const codes = Uint32Array.from(part.comms, (comm) => known.get(comm) ?? 0);
  // Mostly, nothing new has come since the lead.
  let spans: readonly (readonly RowSpan[])[] | undefined;
  for (const [id, builder] of tables.entries()) {
    if (builder.detail === 'count') continue;
    const own = () => {
      spans ??= spansOfPart();
      return spans[id] ?? [];
    };
    if (!isIdentity(codes)) recode(builder.comm, codes, own());
    if (isOther) builder.payloads.adopt(part.notes[id] ?? [], own);
  }
}

/** Rows that were not understood leave no gaps. */
function removeGone({ tables }: TableSet, chunks: readonly TextChunk[]): void {
  const gone = tables.map((): number[] => []);
  for (const { table, from, to } of chunks.flatMap((chunk) => chunk.gone)) {
    for (let row = from; row < to; row++) gone[table]?.push(row);
  }
  for (const builder of tables) {
    const own = gone[builder.id] ?? [];
    if (own.length === 0) continue;
    const { rows, ts, cpu, pid, comm, seq, payloads, detail } = builder;
    for (const values of [ts, cpu, pid, comm, seq]) removeRows(values, own, rows);
    if (detail === 'columns') payloads.remove(own, rows);
    builder.rows = rows - own.length;
  }
}
