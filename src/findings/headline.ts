/** The first thing that a reader sees: what stalled, for how long, and how sure that is. */
import type { StallGroup } from '../derive/stall-summary.ts';
import type { StallPlace } from '../derive/stalls.ts';
import { totalEvents } from '../trace/trace.ts';
import type { Context } from './context.ts';
import type { DetailUnit } from './detail.ts';
import { bytes, count, duration, percent, thousands } from './format.ts';
import { lostShare, weaknesses } from './run.ts';

export type Fact = {
  readonly label: string;
  readonly value: number;
  readonly unit: DetailUnit;
  readonly text: string;
};

export type Headline = {
  readonly sentence: string;
  readonly facts: readonly Fact[];
  readonly confidence: 'high' | 'reduced' | 'low';
  readonly confidence_reasons: readonly string[];
};

export function headline(context: Context): Headline {
  const { confidence, reasons } = confidenceOf(context);
  return {
    sentence: sentence(context),
    facts: facts(context),
    confidence,
    confidence_reasons: reasons,
  };
}

const PLACE_WORDS: Readonly<Record<StallPlace, string>> = {
  'dirty-throttling': 'dirty throttling',
  sync: 'sync system calls',
  reclaim: 'memory reclaim',
  'reclaim-throttling': 'throttled reclaim',
  'fuse-request': 'requests to a FUSE server',
};

function totalNs(context: Context, place: StallPlace): number {
  return context.stalls
    .filter((stall) => stall.place === place)
    .reduce((sum, { duration_ns }) => sum + duration_ns, 0);
}

function sentence(context: Context): string {
  const { trace, stalls } = context;
  const window = duration(trace.meta.duration_ns);
  if (totalEvents(trace.meta) === 0) return 'No event could be read from this capture.';
  const places = [...new Set(stalls.map(({ place }) => place))].sort(
    (left, right) => totalNs(context, right) - totalNs(context, left),
  );
  const [place] = places;
  if (place === undefined) return quietSentence(context, window);
  const groups = groupsOf(context, place);
  const [worst] = groups;
  if (worst === undefined) return quietSentence(context, window);
  const atLeast = trace.losses.length > 0 ? 'at least ' : '';
  const who = `${worst.comm} (pid ${worst.pid})`;
  const where = worst.bdi === '' ? '' : ` on bdi ${worst.bdi}`;
  const lost_ns = worst.total_ms * 1e6;
  if (lost_ns < NOTEWORTHY * trace.meta.duration_ns) {
    return (
      `No task lost much time: the most was ${atLeast}${duration(lost_ns)} of ${window}, ` +
      `by ${who} in ${PLACE_WORDS[place]}${where}.`
    );
  }
  const verb = place === 'dirty-throttling' ? 'was paused for' : 'waited';
  const own =
    `${who} ${verb} ${atLeast}${duration(worst.total_ms * 1e6)} of ${window} ` +
    `in ${PLACE_WORDS[place]}${where}`;
  const tasks = new Set(groups.map(({ pid }) => pid)).size;
  const all =
    tasks > 1 ? `; ${count(tasks, 'task')} lost ${duration(totalNs(context, place))} together` : '';
  return `${own}${all}.`;
}

/** Below this share of the capture, a wait is an answer to look up and no headline. */
const NOTEWORTHY = 0.01;

function groupsOf(context: Context, place: StallPlace): readonly StallGroup[] {
  const events = new Set(
    context.stalls.filter((stall) => stall.place === place).map(({ event }) => event),
  );
  return context.stallGroups.filter(({ event }) => events.has(event));
}

function quietSentence(context: Context, window: string): string {
  const { trace } = context;
  const throttle = 'balance_dirty_pages';
  if (trace.tables.has(throttle) || trace.meta.silent_events.includes(throttle)) {
    return `No task was paused by dirty throttling in the ${window} of this capture.`;
  }
  return `This capture of ${window} has no ${throttle} events, so it cannot say who was paused.`;
}

function facts(context: Context): Fact[] {
  const { trace, dirty, stalls, pageSize } = context;
  const paused = totalNs(context, 'dirty-throttling');
  const pauses = stalls.filter(({ place }) => place === 'dirty-throttling');
  const [worst] = groupsOf(context, 'dirty-throttling');
  const list: Fact[] = [
    { label: 'Paused in total', value: paused / 1e9, unit: 's', text: duration(paused) },
    { label: 'Pauses', value: pauses.length, unit: 'count', text: thousands(pauses.length) },
  ];
  if (worst !== undefined) {
    const text = `${worst.comm} on ${worst.bdi}`;
    list.push({ label: 'Most paused', value: worst.total_ms / 1e3, unit: 's', text });
  }
  if (dirty !== undefined) {
    const peak = dirty.level_pages.reduce((most, value) => Math.max(most, value), 0);
    const limit = dirty.limit_pages.reduce((most, value) => Math.max(most, value), 0);
    const text = `${bytes(peak * pageSize)} of ${bytes(limit * pageSize)}`;
    list.push({ label: 'Peak of dirty memory', value: peak * pageSize, unit: 'bytes', text });
  }
  const length = trace.meta.duration_ns;
  list.push({ label: 'Capture', value: length / 1e9, unit: 's', text: duration(length) });
  return list;
}

const DISAGREEMENT = 0.001;

function confidenceOf(context: Context): {
  confidence: Headline['confidence'];
  reasons: string[];
} {
  const { trace } = context;
  const reasons = weaknesses(trace);
  const share = lostShare(trace);
  if (share > 0) reasons.push(`${percent(share)} of the events were lost while recording.`);
  const checks = Object.values(context.identities.results);
  const n = checks.reduce((sum, result) => sum + result.n, 0);
  const wrong = checks.reduce((sum, result) => sum + result.n - result.exact, 0);
  if (n > 0 && wrong / n > DISAGREEMENT) {
    reasons.push(`${percent(wrong / n)} of the kernel's numbers do not obey the expected laws.`);
  }
  if (reasons.length === 0) {
    const agree = n > 0 ? ` All ${count(n, 'check')} of the kernel's arithmetic agree.` : '';
    return { confidence: 'high', reasons: [`No event was lost.${agree}`] };
  }
  return { confidence: share > 0.5 ? 'low' : 'reduced', reasons };
}
