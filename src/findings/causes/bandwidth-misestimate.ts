/** The kernel takes a device for slower than it is, and paces writers while the device is idle. */

import { type CauseDefinition, type CauseOutcome, clear, unknown } from '../cause.ts';
import { dirtyingCulprits } from '../facts/dirtiers.ts';
import { pausesByReason } from '../facts/pause-reasons.ts';
import { busyWriteRate } from '../facts/rates.ts';
import { freeUnder } from '../facts/what-if.ts';
import type { Facts } from '../facts.ts';
import { bytes, duration } from '../format.ts';
import { median } from '../median.ts';
import {
  claimPauses,
  mainBdi,
  pauseEvidence,
  seconds,
  whoPaused,
  windowOf,
} from './from-stalls.ts';

export const bandwidthMisestimate: CauseDefinition = {
  id: 'bandwidth-misestimate',
  title: 'Writers are paced below what the device can do',
  question: 'Were writers held far below the speed of the device while it had nothing to do?',
  needs: [['balance_dirty_pages'], ['global_dirty_state']],
  precedes: ['device-slower-than-writers'],
  links: ['mm/page-writeback.c, wb_update_bandwidth and wb_update_dirty_ratelimit'],
  evaluate,
};

/** Held to less than this share of what the device shows when it works. */
const FAR_BELOW = 0.25;

function evaluate(facts: Facts): CauseOutcome {
  const all = facts.once(pausesByReason)['own-bdi'];
  if (all.length === 0) return clear('No writer was paused for its own bdi.');
  const speed = facts.once(busyWriteRate);
  if (speed === undefined) return unknown('How fast the device writes when busy was not recorded.');
  const kibps = (speed * facts.pageSize) / 1024;
  const pauses = all.filter(
    ({ nr_writeback_pages, dirty_pages, setpoint_pages, task_ratelimit_kibps }) =>
      nr_writeback_pages === 0 &&
      dirty_pages < setpoint_pages &&
      task_ratelimit_kibps < FAR_BELOW * kibps,
  );
  const rate = median(all.map(({ task_ratelimit_kibps }) => task_ratelimit_kibps));
  const numbers = [
    {
      name: 'rate that paused writers were held to (median)',
      value: rate * 1024,
      unit: 'bytes_per_s' as const,
      relation: '<' as const,
      threshold: FAR_BELOW * kibps * 1024,
      source: 'balance_dirty_pages task_ratelimit; a quarter of nr_written per second while busy',
    },
  ];
  if (pauses.length === 0) {
    return clear('While writers were paused, the device was at work or near its pace.', numbers);
  }
  const claims = claimPauses(pauses);
  const window = windowOf(facts, claims);
  const bdi = mainBdi(pauses);
  return {
    status: 'found',
    bdi,
    claims,
    window_ns: window,
    summary:
      `${whoPaused(pauses)} lost ${duration(seconds(pauses) * 1e9)} on bdi ${bdi} while nothing ` +
      `was under writeback: held to ${bytes(rate * 1024)}/s, although the device writes ` +
      `${bytes(kibps * 1024)}/s when it works.`,
    culprits: [{ kind: 'bdi', name: bdi, bdi }, ...dirtyingCulprits(facts, window, bdi)],
    numbers,
    evidence: pauseEvidence(facts, pauses),
    counter_evidence: [
      {
        question: 'Was the level above the setpoint, so that writers had to be slowed down?',
        seen: 'no, it was below at all of these pauses',
        result: 'for',
      },
    ],
    confidence: 0.75,
    confidence_reasons: ['The speed of the device is known only from when it was busy.'],
    advice: [
      {
        kind: 'sysctl',
        text: 'Raise the limits: below free run, the estimate does not matter.',
        command: 'sysctl -w vm.dirty_background_bytes=268435456 vm.dirty_bytes=1073741824',
        ...freeUnder(facts, pauses, { dirty_bytes: 2 ** 30, background_bytes: 2 ** 28 }),
      },
    ],
  };
}
