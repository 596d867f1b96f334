/** Did it help, by how much, and what became worse: the sentence over two captures. */

import type { Trace } from '../../trace/trace.ts';
import { changeText, thousands } from '../../trace/wording.ts';
import type { Context } from '../context.ts';
import type { DetailUnit } from '../detail.ts';
import { bytes, count, duration, percent } from '../format.ts';
import { lostShare } from '../run.ts';
import type { Answer, ComparedCause, ComparedNumber, SetupDifference } from './comparison.ts';
import { type ComparedNumbers, SAME } from './judge.ts';
import { DECISIVE, isMostlyBlind, tickNs, userWaits } from './measures.ts';
import { otherWork } from './setup.ts';

type Compared = ComparedNumbers & {
  readonly causes: readonly ComparedCause[];
  readonly setup: readonly SetupDifference[];
};

type Conclusion = {
  readonly answer: Answer;
  readonly sentence: string;
  readonly detail: string;
  readonly reasons: readonly string[];
};

export function conclude(before: Context, after: Context, compared: Compared): Conclusion {
  if (isSameCapture(before.trace, after.trace)) {
    const sentence =
      'These are the same: both captures hold the same events at the same times, so that there ' +
      'is nothing to compare.';
    return { ...one('same-capture', sentence), reasons: [] };
  }
  const [inAll] = compared.numbers;
  const reasons = reasonsOf(before, after, compared);
  if (inAll === undefined || inAll.judged === 'unknown' || compared.decisive.length === 0) {
    const sentence =
      'These cannot be compared: one of the captures has no event that would show a wait.';
    return { ...one('unknown', sentence), reasons };
  }
  const blind = [before, after].map((context) =>
    isMostlyBlind(context) ? lostShare(context.trace) : undefined,
  );
  if (blind.some((share) => share !== undefined)) {
    return { ...one('unknown', blindSentence(inAll, blind)), reasons };
  }
  const other = otherWork(before, after);
  if (other !== undefined) {
    const sentence = `These did not do the same work: ${other}.`;
    return { ...one('other-work', sentence, `${waits(inAll)}.`), reasons };
  }
  return { ...helped(inAll, compared), reasons };
}

function blindSentence(inAll: ComparedNumber, blind: readonly (number | undefined)[]): string {
  const lost = blind.flatMap((share, at) =>
    share === undefined ? [] : [`${percent(share)} of the events ${at === 0 ? 'before' : 'after'}`],
  );
  const seen = (value: number | undefined, at: number) =>
    `${blind[at] === undefined ? '' : 'at least '}${show(value, 'ns')}`;
  return (
    `Whether it helped cannot be told: ${lost.join(' and ')} were lost. Tasks waited ` +
    `${seen(inAll.before, 0)} before and ${seen(inAll.after, 1)} after.`
  );
}

/** The same events at the same times, whatever the files are called. */
function isSameCapture(a: Trace, b: Trace): boolean {
  if (a.meta.origin_ns !== b.meta.origin_ns || a.meta.duration_ns !== b.meta.duration_ns) {
    return false;
  }
  const counts = ({ meta }: Trace) =>
    meta.events
      .map(({ name, count: n }) => `${name} ${n}`)
      .sort()
      .join();
  if (counts(a) !== counts(b) || a.tables.size !== b.tables.size) return false;
  return [...a.tables].every(([name, table]) => {
    const other = b.tables.get(name);
    if (other === undefined || other.rows !== table.rows) return false;
    return Object.entries(table.columns).every(([id, column]) => {
      const their = other.columns[id];
      if (column.kind !== 'number') return their?.kind === column.kind;
      return their?.kind === 'number' && areSame(column.values, their.values);
    });
  });
}

function areSame(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let row = 0; row < a.length; row++) if (!Object.is(a[row], b[row])) return false;
  return true;
}

function helped(inAll: ComparedNumber, compared: Compared) {
  const { decisive, numbers: all, causes } = compared;
  const judged = decisive.map((entry) => entry.judged);
  const rest = all.filter((entry) => entry.isKey && !WEIGHED.has(entry.name));
  const [worse, better] = [namesOf(rest, 'worse'), namesOf(rest, 'better')];
  const said = lower(waits(inAll));
  const cost = compared.didAsMuch ? '' : costs(decisive);
  const left = remains(causes);
  const isBetter = judged.includes('better') && !judged.includes('worse');
  const isWorse = judged.includes('worse') && !judged.includes('better');
  if (isBetter) {
    // A cause that costs more now is named as what most time is lost to.
    const nothing = causes.some(({ judged: of }) => of === 'worse')
      ? ''
      : 'Nothing measured became worse.';
    const price = worse.length === 0 ? nothing : `Worse: ${list(worse)}.`;
    const answer = worse.length === 0 ? 'better' : 'mixed';
    return one(answer, `It became better: ${said}.`, cost, price, left);
  }
  if (isWorse) {
    const gain = better.length === 0 ? '' : `Better: ${list(better)}.`;
    return one(
      better.length === 0 ? 'worse' : 'mixed',
      `It became worse: ${said}.`,
      cost,
      left,
      gain,
    );
  }
  const tail = [
    ...(worse.length === 0 ? [] : [`Worse: ${list(worse)}.`]),
    ...(better.length === 0 ? [] : [`Better: ${list(better)}.`]),
  ];
  if (judged.includes('better')) {
    return one('mixed', `It depends on how one counts: ${said}.`, cost, left, ...tail);
  }
  if (judged.includes('unclear')) {
    const sentence =
      `Whether it helped cannot be told: ${said}, which is within what these captures can tell ` +
      'apart.';
    return one('unknown', sentence, cost, ...tail);
  }
  return withoutWaits(said, better, worse, [cost, ...tail]);
}

/** Those that the sentence begins with. */
const WEIGHED: ReadonlySet<string> = new Set(Object.values(DECISIVE).map(({ name }) => name));

/** What a second and a GiB cost, where amounts of work differ. */
function costs(decisive: readonly ComparedNumber[]): string {
  const parts = decisive.map(({ name, before, after }) => {
    const per = name === DECISIVE.perAmount.name ? 'per GiB dirtied' : 'per second';
    return `${per} ${show(before, 'ns')} → ${show(after, 'ns')}`;
  });
  return parts.length === 0 ? '' : `Waited ${parts.join(', ')}.`;
}

/** Which cause costs most after the change. */
function remains(causes: readonly ComparedCause[]): string {
  const [most] = causes.toSorted((a, b) => (b.after_s ?? 0) - (a.after_s ?? 0));
  const { after_s = 0, title = '' } = most ?? {};
  if (after_s < LEAST_SAID_S) return '';
  return `Most time is now lost to: ${lower(title)} (${duration(after_s * 1e9)}).`;
}

/** As long as the shortest stall; less is not worth a sentence. */
const LEAST_SAID_S = 0.05;

/** Tasks waited as long; something else may still have changed. */
function withoutWaits(
  said: string,
  better: readonly string[],
  worse: readonly string[],
  details: readonly string[],
) {
  const sentence = `No difference in what tasks waited: ${said}.`;
  if (better.length === 0 && worse.length === 0) return one('no-difference', sentence, ...details);
  if (worse.length === 0) return one('better', sentence, ...details);
  return one(better.length === 0 ? 'worse' : 'mixed', sentence, ...details);
}

function one(
  answer: Answer,
  sentence: string,
  ...details: readonly string[]
): Pick<Conclusion, 'answer' | 'sentence' | 'detail'> {
  return { answer, sentence, detail: details.filter((text) => text !== '').join(' ') };
}

function waits({ before, after }: ComparedNumber): string {
  if (before === 0 && after === 0) return 'Tasks waited for nothing in either';
  if (after === 0) return `Tasks waited ${show(before, 'ns')} before and not at all after`;
  if (before === 0) return `Tasks waited ${show(after, 'ns')} after and not at all before`;
  const change = changeText(before, after);
  const text = `Tasks waited ${show(before, 'ns')} before and ${show(after, 'ns')} after`;
  return change === '' ? text : `${text} (${change})`;
}

function lower(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}

const LISTED = 3;

function list(names: readonly string[]): string {
  const more = names.length - LISTED;
  return `${names.slice(0, LISTED).join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
}

function namesOf(numbersOf: readonly ComparedNumber[], judged: 'better' | 'worse'): string[] {
  return numbersOf
    .filter((entry) => entry.judged === judged)
    .map(({ name, unit, before, after }) => {
      const change = changeText(before, after);
      const tail = change === '' ? '' : ` (${change})`;
      return `${lower(name)} ${show(before, unit)} → ${show(after, unit)}${tail}`;
    });
}

function show(value: number | undefined, unit: DetailUnit): string {
  if (value === undefined) return 'not known';
  if (unit === 'ns') return duration(value);
  if (unit === 'bytes') return bytes(value);
  if (unit === 'bytes_per_s') return `${bytes(value)}/s`;
  return thousands(value);
}

/** What the sentence rests on, in the order in which a doubter would ask. */
function reasonsOf(before: Context, after: Context, { setup }: Compared): string[] {
  const reasons: string[] = [];
  const both = [
    ['Before', before],
    ['After', after],
  ] as const;
  const bases = both.map(([name, context]) => {
    const { trace, dirty } = context;
    const readings =
      dirty === undefined ? '' : `, ${count(dirty.ts_ns.length, 'reading')} of dirty memory`;
    const waited = count(context.once(userWaits).length, 'wait');
    return `${name}: ${duration(trace.meta.duration_ns)}, ${waited}${readings}`;
  });
  reasons.push(`${bases.join('. ')}.`);
  reasons.push(
    'One run of each: two captures do not tell how much such numbers vary by themselves.',
  );
  for (const [name, { trace, facts }] of both) {
    if (trace.losses.length === 0) continue;
    const unseen = duration(facts.duration_ns - facts.observed_ns);
    reasons.push(`${name}: events were lost in ${unseen} of it; sums are lower ends.`);
  }
  const others = setup.filter(({ kind }) => kind === 'machine');
  if (others.length > 0) {
    reasons.push(
      `Not the same machine or kernel: ${others.map(({ name }) => lower(name)).join(', ')}.`,
    );
  }
  const tick = duration(Math.max(tickNs(before), tickNs(after)));
  reasons.push(
    `A pause ends with a tick (${tick}): a difference that this could make is not called one, ` +
      `nor what counters of CPUs may drift, nor less than ${percent(SAME)}.`,
  );
  return reasons;
}
