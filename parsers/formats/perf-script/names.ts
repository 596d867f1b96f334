/** The event and the command that a line of perf script names, by their bytes. */
import { IDLE_COMM, splitEventName, UNKNOWN_COMM } from '../../decode/perf-event-name.ts';
import type { LineHead as CommonHead } from '../../decode/text-head.ts';
import { hasWords, literalOfText, viewOf } from '../../decode/text-literal.ts';
import {
  addEvent,
  addGuess,
  type EventName,
  GUESS_BITS,
  type TableSet,
} from '../../decode/text-tables.ts';
import { type LineHead, nameEnd, skipToName } from './line.ts';

const SPACE = 0x20;
/** Bytes of the name's end by which it is guessed. */
const PROBE_BYTES = 13;

/** Finds the event where the last one was: perf aligns names at their ends. */
export function guessEvent(
  set: TableSet,
  bytes: Uint8Array,
  end: number,
  head: CommonHead & { readonly nameWidth: number },
): EventName | undefined {
  const colon = head.afterTime + head.nameWidth;
  if (colon >= end || head.nameWidth === 0) return undefined;
  const words = viewOf(bytes);
  if (bytes[colon + 1] !== SPACE) return undefined;
  const names = set.guesses[slotOf(words, colon)] as readonly EventName[];
  for (let i = 0; i < names.length; i++) {
    const event = names[i] as EventName;
    const nameAt = colon + 1 - event.literal.length;
    // The name may be a part of a longer one, so a space must stand before it.
    if (nameAt <= head.afterTime || bytes[nameAt - 1] !== SPACE) continue;
    if (!hasWords(words, nameAt, event.literal)) continue;
    head.payload = Math.min(end, colon + 2);
    return event;
  }
  return undefined;
}

/** The plain version; undefined when the line names no event, or when there are too many. */
export function eventOf(
  set: TableSet,
  bytes: Uint8Array,
  end: number,
  head: LineHead,
): EventName | undefined {
  const nameAt = skipToName(bytes, end, head);
  const stop = nameEnd(bytes, nameAt, end);
  if (stop < 0) return undefined;
  const printed = Buffer.from(bytes.subarray(nameAt, stop)).toString('latin1');
  const event = set.byName.get(printed) ?? makeEvent(set, printed);
  if (event === undefined) return undefined;
  head.payload = Math.min(end, stop + 2);
  head.nameWidth = stop - head.afterTime;
  addGuess(set, slotOf(viewOf(bytes), stop), event);
  return event;
}

/** By a hash of bytes at the end of the name, where its colon stands. */
function slotOf(words: DataView, colon: number): number {
  if (colon < PROBE_BYTES) return 0;
  const hash =
    Math.imul(words.getInt32(colon - 4, true), 0x9e3779b1) ^
    Math.imul(words.getInt32(colon - 8, true), 0x85ebca6b) ^
    words.getInt32(colon - PROBE_BYTES, true);
  return Math.imul(hash, 0xc2b2ae35) >>> (32 - GUESS_BITS);
}

function makeEvent(set: TableSet, printed: string): EventName | undefined {
  const [system, name] = splitEventName(printed);
  const definition = set.dictionary.get(name);
  const literal = literalOfText(`${printed}:`);
  return addEvent(set, printed, { name, system, literal, definition, isApart: true });
}

/** perf prints `:tid` for a task without a known name, and calls the idle task `swapper`. */
export function commOf(set: TableSet, bytes: Uint8Array, head: LineHead): number {
  const { commStart, commEnd, pid } = head;
  if (head.hasTid && pid === 0) return set.comms.code(IDLE_COMM);
  const text = Buffer.from(bytes.subarray(commStart, commEnd)).toString('latin1');
  if (text === '' || /^:-?\d{1,10}$/.test(text)) return set.comms.code(UNKNOWN_COMM);
  return set.comms.codeOfBytes(bytes, commStart, commEnd);
}
