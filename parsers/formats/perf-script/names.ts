/** The event and the command that a line of perf script names, by their bytes. */
import { IDLE_COMM, splitEventName, UNKNOWN_COMM } from '../../decode/perf-event-name.ts';
import { isBlank } from '../../decode/text-head.ts';
import { PLACE } from '../../decode/text-places.ts';
import { addEvent, type EventName, learnName, type TableSet } from '../../decode/text-tables.ts';
import { type LineHead, nameEnd, skipToName } from './line.ts';

/** PERF_RECORD_COMM: dd:16037/16037    what perf notes beside the events */
export const RECORD = /^PERF_RECORD_[A-Z]/;

/** Undefined when the line names no event, or when there are too many. */
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
  if (RECORD.test(printed)) return undefined;
  const event = set.byName.get(printed) ?? makeEvent(set, printed);
  if (event === undefined) return undefined;
  head.payload = Math.min(end, stop + 2);
  // Addresses are aligned at their ends; columns that -F adds may be empty.
  while (head.payload < end && isBlank(bytes[head.payload])) head.payload++;
  head.nameWidth = stop - head.afterTime;
  // The loops find names where the last one ended, as perf aligns them there.
  set.memory.set(PLACE.NAME_WIDTH, head.nameWidth - 1);
  if (event.system !== '')
    learnName(set, event, nameAt, stop, { isAligned: true, skipsBlanks: true });
  if (head.hasPeriod) {
    event.builder.payloads.expectPeriod();
    if (event.counted !== 0) set.memory.expectPeriod(event.counted);
  }
  return event;
}

//  ffffffff8159cbae wb_workfn+0x47e ([kernel.kallsyms])     (-F +ip,+sym,+symoff,+dso)
const KERNEL_ADDRESS = / (ffff[0-9a-f]{12}) (\S+)(?: \(([^()]*)\))?$/;
// 7f48a8b30adf __strlen_evex+0x1f (/usr/lib/libc.so.6)
const SAMPLE_ADDRESS = /^([0-9a-f]{1,16}) (\S+)(?: \(([^()]*)\))?$/;

function makeEvent(set: TableSet, printed: string): EventName | undefined {
  const [system, name] = splitEventName(printed);
  const definition = set.dictionary.get(name);
  const isAlone = system === '';
  const address = { form: isAlone ? SAMPLE_ADDRESS : KERNEL_ADDRESS, isAlone };
  return addEvent(set, printed, { name, system, definition, isApart: true, address });
}

/** perf prints `:tid` for a task without a known name, and calls the idle task `swapper`. */
export function commOf(set: TableSet, bytes: Uint8Array, head: LineHead): number {
  const { commStart, commEnd, pid } = head;
  if (head.hasTid && pid === 0) return set.comms.code(IDLE_COMM);
  const text = Buffer.from(bytes.subarray(commStart, commEnd)).toString('latin1');
  if (text === '' || /^:-?\d{1,10}$/.test(text)) return set.comms.code(UNKNOWN_COMM);
  return set.comms.codeOfBytes(bytes, commStart, commEnd);
}
