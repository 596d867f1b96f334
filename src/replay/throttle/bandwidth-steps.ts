/**
 * The inferred avg_write_bandwidth as a table of steps: from `ts_ns` on, until the next row of the
 * same bdi and cgroup, it lay in [low, high]. Drawn as inferred, never as recorded.
 */
import type { WbDomain } from '../../derive/wb-domains.ts';
import type { Range } from '../../model/write-bandwidth.ts';
import { numberColumn, textColumn } from '../../trace/column.ts';
import { makeTable, type Table } from '../../trace/table.ts';

/** How a range became known; `hidden-update`: predicted of one that leaves no event. */
const EVIDENCE = [
  'recorded',
  'update-rule',
  'hidden-update',
  'task_ratelimit',
  'to_write',
  'pause',
] as const;
export type Evidence = (typeof EVIDENCE)[number];

export class BandwidthSteps {
  readonly #ts: number[] = [];
  readonly #domain: number[] = [];
  readonly #low: number[] = [];
  readonly #high: number[] = [];
  readonly #evidence: number[] = [];
  readonly #lastOf: number[] = [];

  /** A new value: an update was recorded or must have happened. */
  start(domain: number, ts_ns: number, { low, high }: Range, evidence: Evidence): void {
    this.#lastOf[domain] = this.#ts.length;
    this.#ts.push(ts_ns);
    this.#domain.push(domain);
    this.#low.push(low);
    this.#high.push(high);
    this.#evidence.push(EVIDENCE.indexOf(evidence));
  }

  /** More is known of the value that holds since the last step. */
  narrow(domain: number, { low, high }: Range, evidence: Evidence): void {
    const row = this.#lastOf[domain];
    if (row === undefined) return;
    this.#low[row] = low;
    this.#high[row] = high;
    this.#evidence[row] = EVIDENCE.indexOf(evidence);
  }

  /** Columns ts_ns, bdi, cgroup, low_pages_per_s, high_pages_per_s, evidence. */
  table(domains: readonly WbDomain[]): Table {
    const byDomain = (name: (domain: WbDomain) => string) => {
      const names = domains.map(name);
      const dictionary = [...new Set(names)];
      const codes = names.map((text) => dictionary.indexOf(text));
      const ofRow = Uint32Array.from(this.#domain, (domain) => codes[domain] as number);
      return textColumn(ofRow, dictionary);
    };
    return makeTable('avg_write_bandwidth', {
      ts_ns: numberColumn(Float64Array.from(this.#ts), 'ns'),
      bdi: byDomain(({ bdi }) => bdi),
      cgroup: byDomain(({ cgroup }) => cgroup),
      low_pages_per_s: numberColumn(Float64Array.from(this.#low), 'pages_per_s'),
      high_pages_per_s: numberColumn(Float64Array.from(this.#high), 'pages_per_s'),
      evidence: textColumn(Uint32Array.from(this.#evidence), EVIDENCE),
    });
  }
}
