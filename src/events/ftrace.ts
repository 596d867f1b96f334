/** Records of the tracer itself. */
import { defineEvent, type EventDefinition, id, text } from './define.ts';

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

export const FTRACE_EVENTS: readonly EventDefinition[] = [print];
