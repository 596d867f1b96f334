/**
 * The livelock of a gate on tree nodes: background writing of one bdi (and cgroup) begins again and
 * again, writes nothing of inode 1 although it stays dirty, and tasks of the same cgroup sleep the
 * longest pause ("btrfs: do not strictly require dirty metadata threshold …", 17 Jan 2026).
 */

import { WbDomains } from '../../derive/wb-domains.ts';
import { nodesToGate, TREE_THRESHOLD } from '../../model/policies/btree-rules.ts';
import type { RunFacts } from '../../model/policies/policy.ts';
import { textAt } from '../../trace/column.ts';
import { numbers, tableWith, texts } from '../../trace/table.ts';
import { NS_PER_S } from '../../trace/time.ts';
import type { Trace } from '../../trace/trace.ts';
import { treeRows } from './tree-nodes.ts';

/** Longer than this nothing is written; pauses of MAX_PAUSE are 200 ms, less a tick. */
const LEAST_NS = 10 * NS_PER_S;
const LONGEST_PAUSE_MS = 190;
/** Rounds and pauses that make a pattern of it. */
const LEAST_ROUNDS = 3;
const LEAST_PAUSES = 3;
const I_DIRTY_PAGES = 0x40;

export type TreeLivelock = {
  readonly bdi: string;
  readonly cgroup: string;
  readonly from_ns: number;
  readonly to_ns: number;
  readonly rounds: number;
  readonly pauses: number;
  /** wb_dirty as the throttle printed it last, in bytes: an upper bound of the dirty nodes. */
  readonly dirty_bytes: number;
  readonly threshold_bytes: number;
  readonly nodes_missing: number;
  /** The limit that the tasks were held to, pages. */
  readonly limit_pages: number;
  readonly text: string;
};

type Stretch = { from_ns: number; to_ns: number; rounds: number };

export function treeLivelocks(
  trace: Trace,
  { page_size, node_size }: Pick<RunFacts, 'page_size' | 'node_size'>,
): readonly TreeLivelock[] {
  const domains = new WbDomains();
  const stuck = stuckStretches(trace, domains);
  if (stuck.length === 0) return [];
  return stuck.flatMap(({ domain, from_ns, to_ns, rounds }) => {
    const { bdi, cgroup } = domains.list[domain] ?? { bdi: '', cgroup: '' };
    const paused = pausesIn(trace, cgroup, from_ns, to_ns);
    if (rounds < LEAST_ROUNDS || paused.pauses < LEAST_PAUSES) return [];
    const dirty_bytes = paused.wb_dirty * page_size;
    const nodes = nodesToGate(dirty_bytes, TREE_THRESHOLD, node_size);
    const seconds = ((to_ns - from_ns) / NS_PER_S).toFixed(1);
    const where = cgroup === '' ? bdi : `${bdi} (cgroup ${cgroup})`;
    const text =
      `Livelock of tree nodes on ${where}: in ${seconds} s ${rounds} background rounds wrote no ` +
      `node, ${paused.pauses} pauses of ${LONGEST_PAUSE_MS} ms and more; ${dirty_bytes} B dirty, ` +
      `${nodes} nodes below 32 MiB, limit ${paused.limit} pages.`;
    return [
      {
        ...{ bdi, cgroup, from_ns, to_ns, rounds, pauses: paused.pauses, dirty_bytes },
        ...{ threshold_bytes: TREE_THRESHOLD, nodes_missing: nodes, limit_pages: paused.limit },
        text,
      },
    ];
  });
}

/** Stretches over LEAST_NS in which background rounds wrote nothing of the dirty trees. */
function stuckStretches(trace: Trace, domains: WbDomains): (Stretch & { domain: number })[] {
  const { tables } = trace;
  const slices = tableWith(tables, 'writeback_single_inode', ['bdi', 'ino', 'wrote_pages']);
  const works = tableWith(tables, 'writeback_start', ['bdi', 'for_background']);
  if (slices === undefined || works === undefined) return [];
  const isTree = treeRows(slices);
  const domainOf = domains.reader(slices);
  const ts = numbers(slices, 'ts_ns').values;
  const wrote = numbers(slices, 'wrote_pages').values;
  const bits = slices.columns.state_bits;
  const state = bits?.kind === 'number' ? bits.values : undefined;
  const open = new Map<number, Stretch>();
  const found: (Stretch & { domain: number })[] = [];
  const close = (domain: number) => {
    const stretch = open.get(domain);
    open.delete(domain);
    if (stretch !== undefined && stretch.to_ns - stretch.from_ns > LEAST_NS) {
      found.push({ ...stretch, domain });
    }
  };
  for (let row = 0; row < slices.rows; row++) {
    if (!isTree(row)) continue;
    const domain = domainOf(row);
    const isDirty = state === undefined || ((state[row] as number) & I_DIRTY_PAGES) !== 0;
    if (wrote[row] !== 0 || !isDirty) close(domain);
    else {
      const stretch = open.get(domain);
      const now_ns = ts[row] as number;
      if (stretch === undefined) open.set(domain, { from_ns: now_ns, to_ns: now_ns, rounds: 0 });
      else stretch.to_ns = now_ns;
    }
  }
  for (const domain of [...open.keys()]) close(domain);
  const rounds = backgroundRounds(works, domains);
  return found.map((stretch) => ({ ...stretch, rounds: rounds(stretch) }));
}

function backgroundRounds(works: Parameters<WbDomains['reader']>[0], domains: WbDomains) {
  const domainOf = domains.reader(works);
  const ts = numbers(works, 'ts_ns').values;
  const background = numbers(works, 'for_background').values;
  const rows: { domain: number; ts_ns: number }[] = [];
  for (let row = 0; row < works.rows; row++) {
    if (background[row] === 1) rows.push({ domain: domainOf(row), ts_ns: ts[row] as number });
  }
  return ({ domain, from_ns, to_ns }: Stretch & { domain: number }) =>
    rows.filter((row) => row.domain === domain && row.ts_ns >= from_ns && row.ts_ns <= to_ns)
      .length;
}

/** The longest pauses of tasks of a cgroup, and what the last one printed. */
function pausesIn({ tables }: Trace, cgroup: string, from_ns: number, to_ns: number) {
  const table = tableWith(tables, 'balance_dirty_pages', ['bdi', 'pause_ms', 'wb_dirty_pages']);
  const none = { pauses: 0, wb_dirty: 0, limit: 0 };
  if (table === undefined) return none;
  const domains = new WbDomains();
  const domainOf = domains.reader(table);
  const column = (name: string) => numbers(table, name).values;
  const [ts, pause, wbDirty] = [column('ts_ns'), column('pause_ms'), column('wb_dirty_pages')];
  const limit = 'limit_pages' in table.columns ? column('limit_pages') : undefined;
  const bdi = texts(table, 'bdi');
  const found = { ...none };
  for (let row = 0; row < table.rows; row++) {
    const now_ns = ts[row] as number;
    if (now_ns < from_ns || now_ns > to_ns) continue;
    if (!textAt(bdi, row).startsWith('btrfs-')) continue;
    if (domains.list[domainOf(row)]?.cgroup !== cgroup) continue;
    if (!((pause[row] as number) >= LONGEST_PAUSE_MS)) continue;
    found.pauses++;
    found.wb_dirty = wbDirty[row] as number;
    found.limit = (limit?.[row] as number) ?? 0;
  }
  return found;
}
