/** Is it trace text? Decided by the first bytes alone; formats that look alike are ruled out. */
import { unwrapHead } from '../../decode/text-entries.ts';
import { repairHead } from '../../decode/text-repair.ts';
import { lineKinds } from './header.ts';
import { isLatencyText } from './latency.ts';
import { makeLineHead, parseLine } from './line.ts';

/** Lines of other text that may stand before the first event. */
const MAX_LINES = 2000;
// # tracer: nop     as the first line: a text about traces may have it further down
const TRACER = /^(?:\xEF\xBB\xBF)?\s*# tracer: [\w.-]+[ \t]*\r?(?:\n|$)/;
// {"traceEvents": [   [1,2   ["a   <!DOCTYPE html>   <html>   <?xml
//   but not: <idle>-0   <...>-4719   [  150.371262]
const OTHER_FORMATS =
  /^(?:\xEF\xBB\xBF)?\s*(?:\{|\[(?! *\d+\.\d{6}\])\s*[\d"{[\]]|<[!?a-zA-Z][^>]*>(?!-\d))/;

export function sniff(bytes: Uint8Array): boolean {
  const head = unwrapHead(bytes);
  // Text of a kernel has no NUL; binary formats do.
  if (head.subarray(0, 4096).includes(0)) return false;
  const start = startOf(head);
  const isOther = OTHER_FORMATS.test(start);
  if (TRACER.test(start)) return !isOther;
  const found = firstEventLine(head) ?? firstEventLine(repairHead(head, lineKinds()));
  // A command may begin like another format does, but then its line is an event.
  return found === 0 || ((found !== undefined || isLatencyText(head)) && !isOther);
}

/** Does the kernel's own header stand at the beginning? */
export function beginsWithTracer(head: Uint8Array): boolean {
  return TRACER.test(startOf(head));
}

function startOf(head: Uint8Array): string {
  return Buffer.from(head.subarray(0, 4096)).toString('latin1');
}

/** Number of the first line that is an event, from 0. */
function firstEventLine(bytes: Uint8Array | undefined): number | undefined {
  if (bytes === undefined) return undefined;
  const parts = makeLineHead();
  let start = 0;
  for (let line = 0; line < MAX_LINES && start < bytes.length; line++) {
    const newline = bytes.indexOf(0x0a, start);
    const end = newline < 0 ? bytes.length : newline;
    const isComment = bytes[start] === 0x23;
    const last = end > start && bytes[end - 1] === 0x0d ? end - 1 : end;
    if (!isComment && parseLine(bytes, start, last, parts)) return line;
    start = end + 1;
  }
  return undefined;
}
