/**
 * btrfs refuses to write dirty metadata below 32 MiB while writers wait for it to be written: they
 * wait for each other (btree_writepages before 6.19; Qu Wenruo, "btrfs: do not strictly require
 * dirty metadata threshold for metadata writepages", January 2026).
 */
import { textAt } from '../../trace/column.ts';
import { bigs, numbers, texts } from '../../trace/table.ts';
import {
  type Advice,
  type CauseDefinition,
  type CauseOutcome,
  clear,
  notApplicable,
} from '../cause.ts';
import { claimedWindow, StallClaims } from '../claims.ts';
import { throttleFacts } from '../facts/throttle.ts';
import type { Facts } from '../facts.ts';
import { bytes, count, duration } from '../format.ts';
import { pauseEvidence } from './from-stalls.ts';

export const btreeGateLivelock: CauseDefinition = {
  id: 'btree-gate-livelock',
  title: 'btrfs does not write the metadata that writers wait for',
  question: 'Were writers paused for metadata that btrfs refuses to write below 32 MiB?',
  needs: [['balance_dirty_pages'], ['writeback_single_inode']],
  precedes: [
    'memcg-dirty-limit',
    'device-slower-than-writers',
    'metadata-dirty-flood',
    'bdi-limited',
  ],
  links: ['fs/btrfs/disk-io.c, btree_writepages, BTRFS_DIRTY_METADATA_THRESH'],
  evaluate,
};

const BTREE_INODE = 1;
/** Fewer turns without a page written may be chance. */
const LEAST_TURNS = 3;
/** Pauses of nearly MAX_PAUSE (200 ms): the rate is zero. */
const LONG_PAUSE_NS = 1e8;
const GATE_BYTES = 32 * 2 ** 20;

const ADVICE: readonly Advice[] = [
  {
    kind: 'kernel',
    text: 'Update to a kernel without the gate (6.19, and backports to 6.12.78 and 6.1.167).',
    unpredicted: 'tidemark compare replays this capture with and without the gate',
  },
  {
    kind: 'cgroup',
    text: 'Until then give the cgroup a dirty limit well above 32 MiB, or call sync from a timer.',
    command: 'echo 1G > /sys/fs/cgroup/GROUP/memory.high',
    unpredicted: 'what else the cgroup holds was not recorded; sample its memory.stat',
  },
];

function evaluate(facts: Facts): CauseOutcome {
  const slices = facts.works?.slices;
  const bdis = slices === undefined ? [] : texts(slices, 'bdi').dictionary;
  if (slices === undefined || !bdis.some((name) => name.startsWith('btrfs'))) {
    return notApplicable('No btrfs was written to.');
  }
  const idle = idleTurns(facts);
  if (idle.rows.length < LEAST_TURNS) {
    return clear('The flusher wrote metadata whenever it turned to it.');
  }
  const [from_ns, to_ns] = [idle.from_ns, idle.to_ns];
  const pauses = facts
    .once(throttleFacts)
    .pauses.filter(
      ({ bdi, ts_ns, own_ns }) =>
        bdi === idle.bdi && own_ns >= LONG_PAUSE_NS && ts_ns >= from_ns && ts_ns <= to_ns,
    );
  if (pauses.length === 0) {
    return clear('The flusher left metadata unwritten, but nobody was paused for it.');
  }
  const claims = new StallClaims();
  for (const { stall, own_ns } of pauses) claims.add(stall, own_ns);
  const most = pauses.reduce((max, { wb_dirty_pages }) => Math.max(max, wb_dirty_pages), 0);
  const held = most * facts.pageSize;
  return {
    status: 'found',
    bdi: idle.bdi,
    claims,
    window_ns: claimedWindow(facts.stalls, claims),
    summary:
      `Writers on bdi ${idle.bdi} lost ${duration(claims.total_ns())} while the flusher turned ` +
      `to its metadata ${count(idle.rows.length, 'time')} and wrote none of it: ${bytes(held)} ` +
      `is below the ${bytes(GATE_BYTES)} from which btrfs writes.`,
    culprits: [{ kind: 'kernel', name: 'btree_writepages', bdi: idle.bdi, ino: '1' }],
    numbers: [
      {
        name: 'dirty on that bdi at the pauses (largest)',
        value: held,
        unit: 'bytes',
        relation: '<',
        threshold: GATE_BYTES,
        source: 'balance_dirty_pages wb_dirty; btree_writepages of kernels before 6.19',
      },
      {
        name: 'turns of the flusher without a page written',
        value: idle.rows.length,
        unit: 'count',
        relation: '≥',
        threshold: LEAST_TURNS,
        source: 'writeback_single_inode of inode 1, wrote=0, still dirty',
      },
    ],
    evidence: pauseEvidence(facts, pauses),
    counter_evidence: [
      {
        question: 'Did any turn for that inode write something meanwhile?',
        seen: idle.wrote > 0 ? `${count(idle.wrote, 'page')}` : 'no',
        result: idle.wrote > 0 ? 'against' : 'for',
      },
    ],
    confidence: held < GATE_BYTES && idle.wrote === 0 ? 0.9 : 0.6,
    confidence_reasons: [],
    advice: ADVICE,
  };
}

type Idle = {
  readonly bdi: string;
  readonly rows: readonly number[];
  readonly from_ns: number;
  readonly to_ns: number;
  /** Pages that turns for that inode did write between the first and the last idle one. */
  readonly wrote: number;
};

/** Turns of the flusher to a btree inode that wrote nothing and left it dirty. */
function idleTurns(facts: Facts): Idle {
  const none = { bdi: '', rows: [], from_ns: 0, to_ns: 0, wrote: 0 };
  const slices = facts.works?.slices;
  if (slices === undefined) return none;
  const bdi = texts(slices, 'bdi');
  const after = texts(slices, 'state_after');
  const { words } = bigs(slices, 'ino');
  const wrote = numbers(slices, 'wrote_pages').values;
  const end = numbers(slices, 'end_ns').values;
  const byBdi = new Map<string, number[]>();
  const turns: number[] = [];
  for (let row = 0; row < slices.rows; row++) {
    const isBtree = words[2 * row + 1] === 0 && words[2 * row] === BTREE_INODE;
    if (!isBtree || !textAt(bdi, row).startsWith('btrfs')) continue;
    turns.push(row);
    if (wrote[row] !== 0 || !/PAGES/.test(textAt(after, row))) continue;
    const list = byBdi.get(textAt(bdi, row)) ?? [];
    list.push(row);
    byBdi.set(textAt(bdi, row), list);
  }
  const [most] = [...byBdi].sort(([, left], [, right]) => right.length - left.length);
  if (most === undefined) return none;
  const [name, rows] = most;
  const from_ns = end[rows[0] as number] as number;
  const to_ns = Math.max(end[rows.at(-1) as number] as number, from_ns);
  const between = turns.filter(
    (row) =>
      textAt(bdi, row) === name && (end[row] as number) >= from_ns && (end[row] as number) <= to_ns,
  );
  const pages = between.reduce((sum, row) => sum + (wrote[row] as number), 0);
  return { bdi: name, rows, from_ns, to_ns: to_ns + 2e8, wrote: pages };
}
