/** Names of events as perf gives them, in its files and in its text. */

// cycles:u   cpu-clock:pppH: the letters after the colon say what is counted
const MODIFIED = /^[^:]+:[ukhHGpPSDWeI]{1,8}$/;

/** `system:event` of a tracepoint in two; other events have no system. */
export function splitEventName(text: string): [system: string, name: string] {
  const colon = text.indexOf(':');
  if (colon <= 0 || colon === text.length - 1 || MODIFIED.test(text)) return ['', text];
  return [text.slice(0, colon), text.slice(colon + 1)];
}

/** What the tables call a task whose name the capture does not know, and the idle task. */
export const UNKNOWN_COMM = '<...>';
export const IDLE_COMM = '<idle>';

/** The `cpu` of rows that have none, in arrays of 16 bits; tables have -1 there. */
export const NO_CPU = 65535;
