/** Numbers and causes of two captures beside each other, each with what became of it. */
import { NS_PER_MS } from '../../trace/time.ts';
import type { Context } from '../context.ts';
import type { Judgement } from '../diagnose.ts';
import { duration } from '../format.ts';
import type { ComparedCause, ComparedNumber, Judged } from './comparison.ts';
import { growths } from './growth.ts';
import {
  DECISIVE,
  isMostlyBlind,
  MEASURES,
  type Measure,
  type MeasureDefinition,
} from './measures.ts';

/** Closer than this it is called the same: two runs of the same work differ by as much. */
export const SAME = 0.05;
/** Amounts of work that are this near to each other. */
const AS_MUCH = 0.05;
/** Less than this in all is worth no word, whatever the factor between the two. */
const LEAST_NS = 1e7;

export type ComparedNumbers = {
  readonly numbers: readonly ComparedNumber[];
  /** Those of them by which it is decided whether it helped. */
  readonly decisive: readonly ComparedNumber[];
  readonly didAsMuch: boolean;
};

export function compareNumbers(before: Context, after: Context): ComparedNumbers {
  const didAsMuch = isAsMuch(before, after);
  const stall_ns = Math.min(...[before, after].map(stallNs));
  const compared = MEASURES.flatMap((definition) => {
    const [a, b] = [definition.measure(before), definition.measure(after)];
    if (a === undefined && b === undefined) return [];
    // What did not happen in either is no news.
    if (a?.high === 0 && b?.high === 0 && definition.isMain !== true) return [];
    const { group, name, unit, isKey } = definition;
    const { judged, why } = judge(definition, { didAsMuch, stall_ns }, a, b);
    const known = (measure: Measure | undefined) => measure?.basis ?? 'not recorded';
    const basis = `Before: ${known(a)}. After: ${known(b)}.${why === '' ? '' : ` ${why}`}`;
    const number = { group, name, unit, isKey, before: a?.value, after: b?.value, judged, basis };
    return [{ definition, number }];
  });
  const { inAll, perSecond, perAmount } = DECISIVE;
  // Twice the work may take twice the waiting: then what counts is what a second and a GiB cost.
  const wanted = didAsMuch ? [inAll] : [perSecond, perAmount];
  const decisive = compared.filter(({ definition }) => wanted.includes(definition));
  return {
    numbers: compared.map(({ number }) => number),
    decisive: decisive.map(({ number }) => number),
    didAsMuch,
  };
}

/** The shortest wait that is called a stall. */
function stallNs({ facts }: Context): number {
  return facts.settings['stall.least_ms'] * NS_PER_MS;
}

type Said = { readonly judged: Judged; readonly why: string };

/** Half as much in half the time is no speed. */
function isAsMuch(before: Context, after: Context): boolean {
  const [a = 0, b = 0] = [before, after].map(
    (context) => context.once(growths)('nr_dirtied_pages')?.amount.value,
  );
  return a > 0 && b > 0 && Math.abs(a - b) <= AS_MUCH * Math.max(a, b);
}

function judge(
  { goal, unit, isOneWait }: MeasureDefinition,
  { didAsMuch, stall_ns }: { readonly didAsMuch: boolean; readonly stall_ns: number },
  before: Measure | undefined,
  after: Measure | undefined,
): Said {
  if (before === undefined || after === undefined) {
    return { judged: 'unknown', why: 'One of the captures does not tell.' };
  }
  const largest = Math.max(Math.abs(before.value), Math.abs(after.value));
  const difference = Math.abs(after.value - before.value);
  if (difference <= SAME * largest) return { judged: 'same', why: '' };
  const isLess = after.high < before.low;
  const isMore = after.low > before.high;
  if (!isLess && !isMore) {
    const why = Number.isFinite(Math.max(before.high, after.high))
      ? 'Both lie within what the numbers can tell apart.'
      : 'Events were lost: the value is a lower end.';
    return { judged: 'unclear', why };
  }
  const least_ns = isOneWait === true ? stall_ns : LEAST_NS;
  if (unit === 'ns' && largest < least_ns) {
    return { judged: 'changed', why: `Below ${duration(least_ns)} nobody calls it a stall.` };
  }
  if (goal === 'none') return { judged: 'changed', why: '' };
  if (goal !== 'less' && !didAsMuch) return { judged: 'changed', why: 'They did not do as much.' };
  return { judged: isLess === (goal !== 'quicker') ? 'better' : 'worse', why: '' };
}

/** Every cause that was found in one of them, the one that cost most first. */
export function compareCauses(before: Context, after: Context): ComparedCause[] {
  const others = new Map(
    after.diagnosis.judgements.map((judgement) => [judgement.definition.id, judgement]),
  );
  const causes = before.diagnosis.judgements.flatMap((own): ComparedCause[] => {
    const other = others.get(own.definition.id);
    if (other === undefined) return [];
    if (own.status !== 'found' && other.status !== 'found') return [];
    const { id, title } = own.definition;
    const [before_s, after_s] = [costOf(own), costOf(other)];
    const isBlind = isMostlyBlind(before) || isMostlyBlind(after);
    const judged = isBlind ? 'unclear' : judgeCost(own, other, lowest(before, after));
    return [{ id, title, before: own.status, after: other.status, before_s, after_s, judged }];
  });
  const most = ({ before_s = 0, after_s = 0 }: ComparedCause) => Math.max(before_s, after_s);
  return causes.sort((left, right) => most(right) - most(left));
}

/** Task-seconds; what was looked for and is not there cost nothing. */
function costOf({ status, ranked }: Judgement): number | undefined {
  if (ranked !== undefined) return ranked.own_s;
  return status === 'clear' || status === 'not-applicable' ? 0 : undefined;
}

/** What is worth a reader's time in the more attentive of the two. */
function lowest(before: Context, after: Context): number {
  return Math.min(before.facts.notable_s, after.facts.notable_s);
}

function judgeCost(own: Judgement, other: Judgement, notable_s: number): Judged {
  const [before_s, after_s] = [costOf(own), costOf(other)];
  if (before_s === undefined || after_s === undefined) return 'unknown';
  const [most, difference] = [Math.max(before_s, after_s), Math.abs(after_s - before_s)];
  if (most === 0) return own.status === other.status ? 'same' : 'changed';
  if (difference <= SAME * most) return 'same';
  if (difference < notable_s) return 'unclear';
  return after_s < before_s ? 'better' : 'worse';
}
