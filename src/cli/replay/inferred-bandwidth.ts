/** avg_write_bandwidth between its prints, as `replay` shows it: inferred, and what from. */
import type { Identities } from '../../replay/identities.ts';
import { textAt } from '../../trace/column.ts';
import { numbers, texts } from '../../trace/table.ts';
import { thousands } from '../../trace/wording.ts';

type Inferred = {
  readonly ts_ns: number;
  readonly bdi: string;
  readonly cgroup: string;
  readonly low_pages_per_s: number;
  readonly high_pages_per_s: number;
  readonly evidence: string;
};

/** From each time on, until the next of the same bdi and cgroup, it lay between low and high. */
export function inferredBandwidth({ avg_write_bandwidth: steps }: Identities): Inferred[] {
  const column = (name: string) => numbers(steps, name).values;
  const [ts, low, high] = ['ts_ns', 'low_pages_per_s', 'high_pages_per_s'].map(column);
  const text = (name: string, row: number) => textAt(texts(steps, name), row);
  return Array.from({ length: steps.rows }, (_, row) => ({
    ts_ns: ts?.[row] as number,
    bdi: text('bdi', row),
    cgroup: text('cgroup', row),
    low_pages_per_s: low?.[row] as number,
    high_pages_per_s: high?.[row] as number,
    evidence: text('evidence', row),
  }));
}

/** One line: how many intervals rest on what; empty where the bandwidth was never told. */
export function inferredText(identities: Identities): string {
  const counts = new Map<string, number>();
  for (const { evidence } of inferredBandwidth(identities)) {
    counts.set(evidence, (counts.get(evidence) ?? 0) + 1);
  }
  if (counts.size === 0) return '';
  const parts = [...counts].map(([evidence, count]) => `${thousands(count)} ${evidence}`);
  return `write bandwidth in between, inferred as intervals: ${parts.join(', ')}`;
}
