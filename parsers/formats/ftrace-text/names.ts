/** The event that a line of trace text names, by the bytes of the name. */
import { isBlank } from '../../decode/text-head.ts';
import { addEvent, type EventName, learnName, type TableSet } from '../../decode/text-tables.ts';
import {
  type LineHead,
  NAME_EVENT,
  NAME_FUNCTION,
  NAME_STACK,
  NAME_SYSCALL_ENTER,
  type NameForm,
  parseName,
} from './line.ts';

const COLON = 0x3a;
/** Once the line's head is known; undefined when there are too many names. */
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
  if (nameForm === NAME_EVENT && !event.hasSymbol) {
    learnName(set, event, nameStart, nameEnd, { skipsBlanks: !event.isVerbatim });
  }
  head.payload = payloadStart(event, bytes, head.payload, end);
  return event;
}

/** System calls are called as their records are: `sys_fsync(…)` is sys_enter_fsync. */
function eventName(printed: string, form: NameForm): string {
  if (form === NAME_EVENT) return printed;
  if (form === NAME_FUNCTION) return 'function';
  if (form === NAME_STACK) return printed.includes('user') ? 'user_stack' : 'kernel_stack';
  const call = printed.replace(/^sys_/, '');
  return form === NAME_SYSCALL_ENTER ? `sys_enter_${call}` : `sys_exit_${call}`;
}

const OF_THE_TRACER = new Set(['function', 'kernel_stack', 'user_stack']);

function makeEvent(
  set: TableSet,
  key: string,
  printed: string,
  form: NameForm,
): EventName | undefined {
  const name = eventName(printed, form);
  return addEvent(set, key, {
    name,
    system: OF_THE_TRACER.has(name) ? 'ftrace' : '',
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
