/** Searches in spans that are in order. */
import { lowerBound } from '../../trace/search.ts';

export type Span = { readonly start_ns: number; readonly end_ns: number };

/** Spans in order of their beginning, which may overlap. */
export class Spans<T extends Span> {
  readonly #spans: readonly T[];
  /** The last end of all spans up to each. */
  readonly #reach: Float64Array;

  constructor(spans: readonly T[]) {
    this.#spans = [...spans].sort((left, right) => left.start_ns - right.start_ns);
    this.#reach = new Float64Array(this.#spans.length);
    let reach = Number.NEGATIVE_INFINITY;
    this.#spans.forEach(({ end_ns }, at) => {
      reach = Math.max(reach, end_ns);
      this.#reach[at] = reach;
    });
  }

  /** Time of [from, to] in which at least one of the wanted spans was open, nanoseconds. */
  overlap(from_ns: number, to_ns: number, isWanted: (span: T) => boolean = () => true): number {
    let covered_ns = from_ns;
    let sum = 0;
    for (let at = lowerBound(this.#reach, from_ns); at < this.#spans.length; at++) {
      const span = this.#spans[at] as T;
      if (span.start_ns >= to_ns) break;
      if (!isWanted(span)) continue;
      const start_ns = Math.max(covered_ns, span.start_ns);
      const end_ns = Math.min(to_ns, span.end_ns);
      if (!(end_ns > start_ns)) continue;
      sum += end_ns - start_ns;
      covered_ns = end_ns;
    }
    return sum;
  }
}
