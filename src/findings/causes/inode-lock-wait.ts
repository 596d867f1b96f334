/** Tasks wait for an inode that the flusher holds, without any throttle event. */
import { enterOf, INODE_CALLS } from '../../derive/stalls/sources.ts';
import { isKernelThread } from '../../derive/stalls.ts';
import { type CauseDefinition, type CauseOutcome, clear } from '../cause.ts';
import { claimedWindow, StallClaims } from '../claims.ts';
import type { Facts } from '../facts.ts';
import { count, duration } from '../format.ts';
import { rowEvidence } from './from-stalls.ts';

export const inodeLockWait: CauseDefinition = {
  id: 'inode-lock-wait',
  title: 'Tasks wait for an inode under writeback',
  question: 'Did tasks wait, without being throttled, for an inode that was being written?',
  needs: [
    ['writeback_single_inode_start', 'writeback_single_inode'],
    [...INODE_CALLS.map(enterOf), 'sched_switch'],
  ],
  precedes: ['device-slower-than-writers'],
  links: ['fs/fs-writeback.c, inode_wait_for_writeback', 'fs/inode.c'],
  evaluate,
};

function evaluate(facts: Facts): CauseOutcome {
  const least_ns = facts.settings['stall.least_ms'] * 1e6;
  const claims = new StallClaims();
  const found = facts.stalls.flatMap((stall, index) => {
    const counts = stall.place === 'inode-wait' && !isKernelThread(stall.comm);
    if (!counts || stall.duration_ns < least_ns) return [];
    claims.add(index, facts.stallNs(index));
    return [stall];
  });
  const [longest] = [...found].sort((left, right) => right.duration_ns - left.duration_ns);
  if (longest === undefined) return clear('No task was seen waiting for an inode.');
  const sure = found.filter(({ certainty }) => certainty === 'certain').length / found.length;
  const where = longest.bdi === undefined ? '' : ` on bdi ${longest.bdi}`;
  return {
    status: 'found',
    bdi: longest.bdi,
    claims,
    window_ns: claimedWindow(facts.stalls, claims),
    summary:
      `${count(found.length, 'wait')} for an inode under writeback cost ` +
      `${duration(claims.total_ns())}; the longest was ${duration(longest.duration_ns)} of ` +
      `${longest.comm} (pid ${longest.pid}) for inode ${longest.ino ?? '?'}${where}.`,
    culprits: [
      {
        kind: 'inode',
        name: `inode ${longest.ino ?? '?'}${where}`,
        bdi: longest.bdi,
        ino: longest.ino,
      },
    ],
    numbers: [
      {
        name: 'longest wait',
        value: longest.duration_ns / 1e9,
        unit: 's',
        relation: '>',
        threshold: least_ns / 1e9,
        source: 'silence of the task while the inode was written; setting stall.least_ms',
      },
    ],
    evidence: longest.evidence.flatMap(({ table, row }) => rowEvidence(facts, table, [row])),
    counter_evidence: [
      {
        question: 'Was the task paused by the throttle instead?',
        seen: 'no throttle event of it lies in those waits',
        result: 'for',
      },
    ],
    confidence: 0.5 + 0.3 * sure,
    confidence_reasons: ['The place is concluded from what else happened, not recorded.'],
    advice: [
      {
        kind: 'sysctl',
        text: 'Write in smaller pieces: less dirty data makes each inode’s turn shorter.',
        command: 'sysctl -w vm.dirty_background_bytes=67108864 vm.dirty_bytes=268435456',
        unpredicted:
          'how long each turn of the flusher held the inode is in no event of this capture; ' +
          'record writeback:writeback_single_inode and compare after the change',
      },
    ],
  };
}
