/**
 * How far the data of a capture can be trusted: what was lost, damaged or too short, and whether
 * the kernel's numbers obey the laws that the rules rest on. Each weakness is a factor and a
 * sentence that says what it is.
 */
import type { Diagnostic, DiagnosticCode } from '../trace/diagnostics.ts';
import { lostEvents, type Trace, totalEvents } from '../trace/trace.ts';
import type { CauseDefinition } from './cause.ts';
import type { Facts } from './facts.ts';
import { count, duration, percent } from './format.ts';
import { lostShare } from './run.ts';

export type Quality = {
  /** Multiplies the confidence of everything, 0 to 1. */
  readonly factor: number;
  readonly reasons: readonly string[];
};

const WHOLE: Quality = { factor: 1, reasons: [] };

export function dataQuality(facts: Facts): Quality {
  const { trace } = facts;
  return joined([lossOf(facts), damageOf(trace), fitOf(facts), lengthOf(facts)]);
}

function joined(parts: readonly Quality[]): Quality {
  return {
    factor: parts.reduce((product, { factor }) => product * factor, 1),
    reasons: parts.flatMap(({ reasons }) => reasons),
  };
}

/** Below even odds: with most events lost, whatever is left is a guess. */
const MOSTLY_LOST = 0.45;
const DAMAGED = 0.9;

/** Lost time hides counter-evidence, in proportion to what is missing. */
function lossOf({ trace, duration_ns, observed_ns }: Facts): Quality {
  const lost = lostShare(trace);
  if (totalEvents(trace.meta) === 0 || trace.losses.length === 0) return WHOLE;
  if (lost > 0) {
    const events = count(lostEvents(trace), 'event');
    const were = lostEvents(trace) === 1 ? 'was' : 'were';
    const reason = `${events} (${percent(lost)}) ${were} lost while recording.`;
    const factor = lost > 0.5 ? Math.min(1 - lost, MOSTLY_LOST) : 1 - lost;
    return { factor, reasons: [reason] };
  }
  const gaps_ns = Math.max(0, duration_ns - observed_ns);
  const reason = `Events were lost while recording, in ${duration(gaps_ns)} of the capture.`;
  const seen = duration_ns > 0 ? observed_ns / duration_ns : 1;
  return { factor: Math.min(DAMAGED, Math.max(0.1, seen)), reasons: [reason] };
}

/** Losses are counted by themselves (above). */
const COUNTED: readonly DiagnosticCode[] = ['events_lost', 'events_overwritten'];
/**
 * What causes judge by; a miscount elsewhere says nothing about it. That a dirty counter is below
 * zero is an answer by itself (causes/counter-underflow.ts), and its pauses are kept apart.
 */
const JUDGED =
  /^(?:balance_dirty_pages|global_dirty_state|bdi_dirty_ratelimit)\.(?!(?:nr_|wb_)?(?:dirty|writeback|unstable)_pages$)/;

function damageOf({ diagnostics }: Trace): Quality {
  const damage = diagnostics.filter(
    ({ code, severity }) =>
      (severity === 'data_loss' || severity === 'error') &&
      !COUNTED.includes(code) &&
      code !== 'counter_below_zero',
  );
  const wrapped = diagnostics.filter(isJudgedCounter);
  const reasons = [...damage, ...wrapped].map(({ message }) => message);
  return { factor: DAMAGED ** Math.min(2, reasons.length), reasons };
}

function isJudgedCounter({ code, places }: Diagnostic): boolean {
  return code === 'counter_below_zero' && places.some(({ subject }) => JUDGED.test(subject ?? ''));
}

/** A share of exact numbers from which the model knows this kernel; fewer checks tell nothing. */
const GOOD_FIT = 0.99;
const LEAST_CHECKS = 20;

/** Where the kernel's numbers do not obey the laws that were assumed, it may decide otherwise. */
function fitOf({ identities }: Facts): Quality {
  let checks = 0;
  let agreed = 0;
  for (const { n, exact, inside, causes } of Object.values(identities.results)) {
    const explained = Object.values(causes).reduce((sum, times) => sum + times, 0);
    checks += n;
    agreed += Math.min(n, Math.max(exact + explained, inside ?? 0));
  }
  const share = agreed / Math.max(1, checks);
  if (checks < LEAST_CHECKS || share >= GOOD_FIT) return WHOLE;
  const reason =
    `Only ${percent(share)} of the kernel's numbers obey the laws that Tidemark knows: this ` +
    'kernel may decide otherwise.';
  return { factor: Math.max(0.5, share), reasons: [reason] };
}

/** Shorter than this, a capture shows a moment and not what is usual. */
const SHORT_NS = 1e9;
const SHORT = 0.8;

function lengthOf({ trace, observed_ns }: Facts): Quality {
  const events = totalEvents(trace.meta);
  if (observed_ns >= SHORT_NS || events === 0) return WHOLE;
  const what = observed_ns > 0 ? duration(observed_ns) : count(events, 'event');
  return { factor: SHORT, reasons: [`The capture shows no more than ${what}.`] };
}

/** What is found is less sure where nothing recorded could have contradicted it. */
export function askedQuality({ contradicted_by = [] }: CauseDefinition, facts: Facts): Quality {
  return joined(
    contradicted_by
      .filter(({ events }) => !events.some((name) => facts.isRecorded(name)))
      .map(({ events, asks }) => ({
        factor: DAMAGED,
        reasons: [`${events[0]} was not recorded: it would tell ${asks}.`],
      })),
  );
}

/** Where tasks wait, and events that would show it; without any, that nothing stalled is a guess. */
const SEEN: readonly { readonly waits: string; readonly events: readonly string[] }[] = [
  { waits: 'Pauses of dirty throttling', events: ['balance_dirty_pages'] },
  {
    waits: 'Waits in fsync and sync',
    events: ['sys_enter_fsync', 'ext4_sync_file_enter', 'xfs_file_fsync', 'btrfs_sync_file'],
  },
  {
    waits: 'Waits in memory reclaim',
    events: ['mm_vmscan_direct_reclaim_begin', 'mm_vmscan_memcg_reclaim_begin'],
  },
];
const UNSEEN = 0.8;

export function seenQuality(facts: Facts): Quality {
  return joined(
    SEEN.filter(({ events }) => !events.some((name) => facts.isRecorded(name))).map(
      ({ waits, events }) => ({
        factor: UNSEEN,
        reasons: [`${waits} were not recorded (${events[0]}).`],
      }),
    ),
  );
}
