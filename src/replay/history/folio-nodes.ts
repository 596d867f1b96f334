/**
 * The memory node of a page frame, by the zones that /proc/zoneinfo lists. Spans of nodes may
 * overlap on some machines; a frame in the spans of several is in none for sure.
 */
import { parseSpans } from '../../derive/zoneinfo.ts';

export type NodeOf = {
  /** Numbers of the nodes; codes count from 1 in this order, and 0 is not known. */
  readonly numbers: readonly number[];
  /** The code of the node that holds the frame. */
  codeOf(pfn: number): number;
};

/** Undefined where zoneinfo is not given, or does not say where zones begin. */
export function nodesOf(zoneinfo: string | undefined): NodeOf | undefined {
  const spans = parseSpans(zoneinfo);
  if (spans.length === 0) return undefined;
  const numbers = [...new Set(spans.map(({ node }) => node))].sort((left, right) => left - right);
  return {
    numbers,
    codeOf(pfn) {
      let code = 0;
      for (const { node, from_pfn, to_pfn } of spans) {
        if (!(pfn >= from_pfn && pfn < to_pfn)) continue;
        const own = numbers.indexOf(node) + 1;
        if (code !== 0 && code !== own) return 0;
        code = own;
      }
      return code;
    },
  };
}
