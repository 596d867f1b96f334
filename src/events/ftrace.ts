/** Records of the tracer itself. */
import { defineEvent, type EventDefinition, id, int, text } from './define.ts';

// %ps: %s, or `tracing_mark_write: %s` in the kernel's own text: what programs write into
// trace_marker.
const print = defineEvent(
  'ftrace',
  'print',
  {
    text: text('buf', { text: [''] }),
    ip: id('ip', { text: [], optional: true }),
  },
  ['tracing_mark_write'],
);

/** The record holds the address of a format and its arguments, or that of a text. */
const printed = (field: string) => ({
  text: text(field, { text: [''], optional: true }),
  ip: id('ip', { text: [], optional: true }),
});
// %ps: %s: what trace_printk() writes in the kernel.
const printk = [
  defineEvent('ftrace', 'bprint', printed('fmt')),
  defineEvent('ftrace', 'bputs', printed('str')),
];

// id:%04x %08x: what programs write into trace_marker_raw.
const rawData = defineEvent('ftrace', 'raw_data', {
  id: int('id', { text: [], optional: true }),
  text: text('buf', { text: [''] }),
});

export const FTRACE_EVENTS: readonly EventDefinition[] = [print, ...printk, rawData];
