/** The first thing that a reader sees: the verdict, its numbers, and how sure it is in words. */
import { isKernelThread, PLACE_WORDS, type Stall } from '../derive/stalls.ts';
import type { Context } from './context.ts';
import type { DetailUnit } from './detail.ts';
import { bytes, count, duration, percent } from './format.ts';
import { lostShare } from './run.ts';

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
  const { verdict } = context.diagnosis;
  return {
    sentence: verdict.summary,
    facts: facts(context),
    confidence: confidenceWord(verdict.confidence),
    confidence_reasons: [dataSentence(context), ...verdict.confidence_reasons],
  };
}

const HIGH = 0.8;
const EVEN = 0.5;

function confidenceWord(confidence: number): Headline['confidence'] {
  if (confidence >= HIGH) return 'high';
  return confidence >= EVEN ? 'reduced' : 'low';
}

/** What the conclusions rest on, in one sentence. */
function dataSentence(context: Context): string {
  const share = lostShare(context.trace);
  const checks = Object.values(context.identities.results);
  const n = checks.reduce((sum, result) => sum + result.n, 0);
  const exact = checks.reduce((sum, result) => sum + result.exact, 0);
  const lost = share > 0 ? `${percent(share)} of the events were lost` : 'No event was lost';
  if (n === 0) return `${lost}.`;
  return `${lost}; ${percent(exact / n, 5)} of ${count(n, 'number')} of the kernel obey its laws.`;
}

function facts(context: Context): Fact[] {
  const { trace, dirty, diagnosis, pageSize } = context;
  const named = diagnosis.verdict.most_likely ?? diagnosis.verdict.root_cause;
  const found = diagnosis.judgements.find(({ definition }) => definition.id === named)?.ranked;
  const list: Fact[] = [];
  if (found !== undefined) {
    const lost_ns = found.own_s * 1e9;
    list.push({ label: 'Lost by all tasks', value: lost_ns, unit: 'ns', text: duration(lost_ns) });
    const [from_ns, to_ns] = found.outcome.window_ns;
    const text = `${seconds(from_ns)} to ${seconds(to_ns)} s`;
    list.push({ label: 'Between', value: from_ns, unit: 'ns', text });
  }
  const all = context.facts.stalls;
  const claimed = found?.outcome.claims;
  const worst = longestOf(
    all.filter(({ comm }, index) =>
      claimed === undefined || claimed.size === 0 ? !isKernelThread(comm) : claimed.has(index),
    ),
  );
  if (worst !== undefined) {
    const text = `${duration(worst.duration_ns)}, ${PLACE_WORDS[worst.place]}`;
    list.push({ label: 'Longest wait', value: worst.duration_ns, unit: 'ns', text });
  }
  if (dirty !== undefined) {
    const peak = dirty.level_pages.reduce((most, value) => Math.max(most, value), 0);
    const limit = dirty.limit_pages.reduce((most, value) => Math.max(most, value), 0);
    const text = `${bytes(peak * pageSize)} of ${bytes(limit * pageSize)}`;
    list.push({ label: 'Peak of dirty memory', value: peak * pageSize, unit: 'bytes', text });
  }
  const length = trace.meta.duration_ns;
  list.push({ label: 'Capture', value: length, unit: 'ns', text: duration(length) });
  return list;
}

function seconds(ns: number): string {
  return (ns / 1e9).toFixed(2);
}

function longestOf(stalls: readonly Stall[]): Stall | undefined {
  return stalls.reduce<Stall | undefined>(
    (worst, stall) =>
      worst === undefined || stall.duration_ns > worst.duration_ns ? stall : worst,
    undefined,
  );
}
