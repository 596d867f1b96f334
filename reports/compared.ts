/** Words and differences of a comparison, the same in the page, in a terminal and in Markdown. */

import { changeText } from '../src/trace/wording.ts';
import { STATUS_WORDS } from './display.ts';
import type {
  ReportComparedCause,
  ReportComparedNumber,
  ReportComparison,
  ReportJudged,
} from './schema/comparison.ts';
import type { Unit } from './schema/details.ts';
import { formatQuantity } from './units.ts';

/** `tone` is a colour of the page; the word says the same. */
export const ANSWER_WORDS: Readonly<
  Record<ReportComparison['answer'], { word: string; tone: 'good' | 'bad' | 'even' | 'open' }>
> = {
  'same-capture': { word: 'The same capture', tone: 'even' },
  better: { word: 'Better', tone: 'good' },
  worse: { word: 'Worse', tone: 'bad' },
  mixed: { word: 'Better and worse', tone: 'open' },
  'no-difference': { word: 'No difference', tone: 'even' },
  'other-work': { word: 'Not the same work', tone: 'open' },
  unknown: { word: 'Cannot be told', tone: 'open' },
};

export const JUDGED_WORDS: Readonly<
  Record<ReportJudged, { sign: string; word: string; meaning: string }>
> = {
  better: { sign: '✓', word: 'better', meaning: 'More than what the numbers may be off.' },
  worse: { sign: '✗', word: 'worse', meaning: 'More than what the numbers may be off.' },
  changed: { sign: '≠', word: 'changed', meaning: 'Neither better nor worse by itself.' },
  same: { sign: '=', word: 'the same', meaning: 'Nobody would call it a difference.' },
  unclear: { sign: '≈', word: 'not clear', meaning: 'Less than what the numbers may be off.' },
  unknown: { sign: '?', word: 'not known', meaning: 'One of the captures does not tell.' },
};

const SECONDS_NS = 1e9;

function amountText(value: number | null, unit: Unit): string {
  return value === null ? 'not known' : formatQuantity(value, unit);
}

/** `−8.1 s (−98%)`, `+12 (2.1 times)`; empty where one is not known or both are equal. */
export function differenceText({ before, after, unit }: ReportComparedNumber): string {
  if (before === null || after === null || before === after) return '';
  const amount = formatQuantity(Math.abs(after - before), unit);
  const sign = after < before ? '−' : '+';
  const change = changeText(before, after);
  return change === '' ? `${sign}${amount}` : `${sign}${amount} (${change})`;
}

/** A row of the tables: a number, or a cause with what it cost. */
export type ComparedRow = ReportComparedNumber & {
  /** Instead of numbers, where one is none. */
  readonly texts?: readonly [before: string, after: string];
};

/** Causes as rows, so that they stand in the same table; those that cost nothing by their answer. */
export function causeRows({ causes }: ReportComparison): ComparedRow[] {
  const ns = (seconds: number | null) => (seconds === null ? null : seconds * SECONDS_NS);
  const text = (seconds: number | null, status: ReportComparedCause['before']) =>
    seconds !== null && seconds > 0
      ? formatQuantity(seconds, 's')
      : status === 'found'
        ? 'found, no time lost'
        : STATUS_WORDS[status].word.toLowerCase();
  return causes.map(({ title, before, after, before_s, after_s, judged }) => ({
    group: 'Time lost by cause',
    name: `Lost to: ${title}`,
    unit: 'ns',
    before: ns(before_s),
    after: ns(after_s),
    judged,
    basis: '',
    is_key: Math.max(before_s ?? 0, after_s ?? 0) > 0,
    texts: [text(before_s, before), text(after_s, after)],
  }));
}

/** Both values of a row as they are shown. */
export function rowTexts({ before, after, unit, texts }: ComparedRow): readonly [string, string] {
  return texts ?? [amountText(before, unit), amountText(after, unit)];
}
