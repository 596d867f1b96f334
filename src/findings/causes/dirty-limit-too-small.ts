/** The limit holds less than the device writes in a moment, so that writers wait on a fast device. */

import { type Advice, type CauseDefinition, type CauseOutcome, clear, unknown } from '../cause.ts';
import { dirtyingCulprits } from '../facts/dirtiers.ts';
import { pausesByReason } from '../facts/pause-reasons.ts';
import { busyWriteRate, estimatedRate, writtenRate } from '../facts/rates.ts';
import { predictPauses } from '../facts/what-if.ts';
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

export const dirtyLimitTooSmall: CauseDefinition = {
  id: 'dirty-limit-too-small',
  title: 'The dirty limit is too small for the device',
  question: 'Is the limit so low that the device empties it faster than writers can be paced?',
  needs: [['balance_dirty_pages']],
  // A limit that small also keeps the kernel from ever seeing the device's real speed.
  precedes: ['device-slower-than-writers', 'bandwidth-misestimate'],
  contradicted_by: [{ events: ['global_dirty_state'], asks: 'how much was really written' }],
  links: ['Documentation/admin-guide/sysctl/vm.rst, dirty_bytes, dirty_background_bytes'],
  evaluate,
};

function evaluate(facts: Facts): CauseOutcome {
  const pauses = facts.once(pausesByReason)['own-bdi'];
  if (pauses.length === 0) return clear('No writer was paused near the machine’s dirty limit.');
  const claims = claimPauses(pauses);
  const window = windowOf(facts, claims);
  const bdi = mainBdi(pauses);
  const limit = median(pauses.map(({ limit_pages }) => limit_pages));
  const written = writtenRate(facts, window);
  // The estimate follows a device that has become slower only after many seconds.
  const busy = facts.once(busyWriteRate) ?? Number.POSITIVE_INFINITY;
  const rate = Math.max(written ?? 0, Math.min(busy, estimatedRate(facts, bdi, window) ?? 0));
  if (!(rate > 0)) return unknown('How fast the device writes was not recorded.');
  const drain_s = limit / rate;
  const least_s = facts.settings['dirty-limit-too-small.drain_s'];
  const size = facts.pageSize;
  const numbers = [
    {
      name: 'time in which the device empties the whole limit',
      value: drain_s,
      unit: 's' as const,
      relation: drain_s < least_s ? ('<' as const) : ('≥' as const),
      threshold: least_s,
      source: 'limit of balance_dirty_pages ÷ pages written per second; setting drain_s',
    },
    {
      name: 'limit (median of the pauses)',
      value: limit * size,
      unit: 'bytes' as const,
      relation: 'of' as const,
      threshold: undefined,
      source: 'balance_dirty_pages limit',
    },
  ];
  if (drain_s >= least_s) {
    const text = `The limit of ${bytes(limit * size)} holds ${duration(drain_s * 1e9)} of writing.`;
    return clear(text, numbers);
  }
  return {
    status: 'found',
    bdi,
    claims,
    window_ns: window,
    summary:
      `${whoPaused(pauses)} lost ${duration(seconds(pauses) * 1e9)} on bdi ${bdi}: the limit is ` +
      `${bytes(limit * size)}, which the device writes in ${duration(drain_s * 1e9)} ` +
      `at ${bytes(rate * size)}/s.`,
    culprits: [
      { kind: 'setting', name: limitSetting(facts), bytes: limit * size },
      ...dirtyingCulprits(facts, window, bdi),
    ],
    numbers,
    evidence: pauseEvidence(facts, pauses),
    counter_evidence: [
      {
        question: 'Is the device slow, so that any limit would fill up?',
        seen: `it wrote ${bytes(rate * size)}/s even so`,
        result: 'for',
      },
    ],
    confidence: drain_s < least_s / 2 ? 0.9 : 0.75,
    confidence_reasons:
      drain_s < least_s / 2 ? [] : ['The limit is only a little below what is reasonable.'],
    advice: [raise(facts, bdi, rate * size)],
  };
}

/** A limit that holds some seconds of what the device writes. */
function raise(facts: Facts, bdi: string, bytes_per_s: number): Advice {
  const better = 2 ** Math.ceil(Math.log2(bytes_per_s * 4));
  return {
    kind: 'sysctl',
    text: `Raise the limit to some seconds of writing, e.g. ${bytes(better)}.`,
    command: `sysctl -w vm.dirty_bytes=${better} vm.dirty_background_bytes=${better / 2}`,
    ...predictPauses(facts, bdi, { dirty_bytes: better, background_bytes: better / 2 }),
  };
}

/** Which sysctl the limit comes from, as far as meta.json tells. */
function limitSetting({ trace }: Facts): string {
  const bytesSet = Number(trace.host.sysctl?.['vm.dirty_bytes'] ?? Number.NaN);
  if (Number.isNaN(bytesSet)) return 'vm.dirty_bytes or vm.dirty_ratio';
  return bytesSet > 0 ? 'vm.dirty_bytes' : 'vm.dirty_ratio';
}
