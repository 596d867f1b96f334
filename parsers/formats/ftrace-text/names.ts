/** The event that a line of trace text names, by the bytes of the name. */
import { type LineHead as CommonHead, isBlank } from '../../decode/text-head.ts';
import { hasWords, literalOfText, viewOf } from '../../decode/text-literal.ts';
import {
  addEvent,
  addGuess,
  type EventName,
  GUESS_BITS,
  type TableSet,
} from '../../decode/text-tables.ts';
import {
  type LineHead,
  NAME_EVENT,
  NAME_FUNCTION,
  NAME_SYSCALL_ENTER,
  type NameForm,
  parseName,
} from './line.ts';

const SPACE = 0x20;
const COLON = 0x3a;
/**
 * Where the 12 bytes begin by which a name is guessed: the first list is for names of 20 bytes with
 * their colon, as they differ late; the others are for shorter ones.
 */
const PROBES: readonly Probe[] = [
  { bytes: 20, middle: 10, last: 16 },
  { bytes: 12, middle: 4, last: 8 },
  { bytes: 6, middle: 1, last: 2 },
];

type Probe = { readonly bytes: number; readonly middle: number; readonly last: number };

/** Finds the event without looking for the end of its name; undefined when it was not met. */
export function guessEvent(
  set: TableSet,
  bytes: Uint8Array,
  end: number,
  head: CommonHead,
): EventName | undefined {
  const at = head.afterTime + 1;
  if (bytes[at - 1] !== SPACE) return undefined;
  const words = viewOf(bytes);
  const next = set.last?.next;
  if (next !== undefined && hasWords(words, at, next.literal)) {
    const payload = at + next.literal.length;
    if (payload > end) return undefined;
    head.payload = payloadStart(next, bytes, payload, end);
    return next;
  }
  for (let i = 0; i < PROBES.length; i++) {
    const probe = PROBES[i] as Probe;
    if (at + probe.bytes > end) continue;
    const names = set.guesses[slotOf(words, at, probe)] as readonly EventName[];
    for (let j = 0; j < names.length; j++) {
      const event = names[j] as EventName;
      const payload = at + event.literal.length;
      if (payload > end || !hasWords(words, at, event.literal)) continue;
      head.payload = payloadStart(event, bytes, payload, end);
      return event;
    }
  }
  return undefined;
}

/** The plain version, once the line's head is known; undefined when there are too many names. */
export function eventOf(
  set: TableSet,
  bytes: Uint8Array,
  end: number,
  head: LineHead,
): EventName | undefined {
  if (!parseName(bytes, end, head)) return undefined;
  const { nameStart, nameEnd, nameForm } = head;
  const printed = Buffer.from(bytes.subarray(nameStart, nameEnd)).toString('latin1');
  const key = `${nameForm} ${printed}`;
  const event = set.byName.get(key) ?? makeEvent(set, key, printed, nameForm);
  if (event === undefined) return undefined;
  const probe = PROBES.find(({ bytes: least }) => least <= event.literal.length);
  if (nameForm === NAME_EVENT && probe !== undefined && nameStart + probe.bytes <= end) {
    addGuess(set, slotOf(viewOf(bytes), nameStart, probe), event);
  }
  head.payload = payloadStart(event, bytes, head.payload, end);
  return event;
}

function slotOf(words: DataView, at: number, probe: Probe): number {
  const first = Math.imul(words.getInt32(at, true), 0x9e3779b1);
  const middle = Math.imul(words.getInt32(at + probe.middle, true), 0x85ebca6b);
  const last = Math.imul(words.getInt32(at + probe.last, true), 0xc2b2ae35);
  return (first ^ middle ^ last) >>> (32 - GUESS_BITS);
}

/** System calls are called as their records are: `sys_fsync(…)` is sys_enter_fsync. */
function eventName(printed: string, form: NameForm): string {
  if (form === NAME_EVENT) return printed;
  if (form === NAME_FUNCTION) return 'function';
  const call = printed.replace(/^sys_/, '');
  return form === NAME_SYSCALL_ENTER ? `sys_enter_${call}` : `sys_exit_${call}`;
}

function makeEvent(
  set: TableSet,
  key: string,
  printed: string,
  form: NameForm,
): EventName | undefined {
  const name = eventName(printed, form);
  return addEvent(set, key, {
    name,
    system: '',
    literal: literalOfText(`${printed}: `),
    definition: form === NAME_EVENT ? set.dictionary.get(name) : undefined,
    isApart: false,
    hasSymbol: ['print', 'bprint', 'bputs'].includes(name),
    isVerbatim: name === 'tracing_mark_write',
  });
}

// print:                lazy_rcu_shrink_scan: vmstat nr_dirty=616
function payloadStart(event: EventName, bytes: Uint8Array, from: number, end: number): number {
  if (event.isVerbatim) return from;
  let at = from;
  while (at < end && isBlank(bytes[at])) at++;
  if (!event.hasSymbol) return at;
  const payload = at;
  while (at < end && !(bytes[at] === COLON && isBlank(bytes[at + 1]))) at++;
  return at < end ? at + 2 : payload;
}
