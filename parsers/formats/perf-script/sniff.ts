/** Is it text of `perf script`? Decided by the first bytes alone. */
import { unwrapHead } from '../../decode/text-entries.ts';
import { repairHead } from '../../decode/text-repair.ts';
import { beginsWithTracer } from '../ftrace-text/sniff.ts';
import { lineKinds, makeLineHead, nameEnd, parseHead, parseHeadFrom, skipToName } from './line.ts';

/** Lines of other text (headers, callchains, records) that may stand before the first event. */
const MAX_LINES = 500;
const HASH = 0x23;
const COLON = 0x3a;

export function sniff(bytes: Uint8Array): boolean {
  const head = unwrapHead(bytes);
  // One damaged line of the kernel's text may look like one of perf.
  if (head.subarray(0, 4096).includes(0) || beginsWithTracer(head)) return false;
  return hasEventLine(head) || hasEventLine(repairHead(head, lineKinds()));
}

function hasEventLine(head: Uint8Array | undefined): boolean {
  if (head === undefined) return false;
  let start = 0;
  for (let line = 0; line < MAX_LINES && start < head.length; line++) {
    const newline = head.indexOf(0x0a, start);
    const end = newline < 0 ? head.length : newline;
    if (head[start] !== HASH && isEventLine(head, start, end)) return true;
    start = end + 1;
  }
  return false;
}

/** Lines of ftrace look alike, but for `comm-pid` and an event without its system. */
function isEventLine(bytes: Uint8Array, start: number, end: number): boolean {
  const head = makeLineHead();
  let isHead = parseHead(bytes, start, end, head);
  while (isHead) {
    const nameAt = skipToName(bytes, end, head);
    const stop = nameEnd(bytes, nameAt, end);
    if (stop > 0 && (head.hasTid || bytes.subarray(nameAt, stop).includes(COLON))) return true;
    isHead = parseHeadFrom(bytes, start, start + head.usual + 1, end, head);
  }
  return false;
}
