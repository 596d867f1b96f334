/**
 * Two captures, before and after a change: did it help, by how much, and what became worse. What
 * was not the same about them is found first; numbers are ranges, and two ranges that overlap are
 * no difference.
 */
import type { Context } from '../context.ts';
import type { Detail } from '../detail.ts';
import type { Finding } from '../finding.ts';
import type { FindingDefinition } from '../run.ts';
import { type AlignChoice, align } from './align.ts';
import { conclude } from './answer.ts';
import { type Both, overlays } from './charts.ts';
import type { Comparison, Judged } from './comparison.ts';
import { compareCauses, compareNumbers } from './judge.ts';
import { pairSections } from './pair-sections.ts';
import { setupDifferences } from './setup.ts';

type CompareOptions = {
  readonly align?: AlignChoice | undefined;
  /** The part of the common axis that charts and lists show; all of it when left out. */
  readonly window_ns?: readonly [number, number] | undefined;
  /** Sections that are shown of both. */
  readonly sections: readonly FindingDefinition[];
};

/** What became better and worse from `before` to `after`, and both on one axis of time. */
export function compareCaptures(
  before: Context,
  after: Context,
  { align: choice, window_ns, sections }: CompareOptions,
): Comparison {
  const whole = align(before, after, choice);
  const alignment = { ...whole, window_ns: window_ns ?? whole.window_ns };
  const compared = {
    ...compareNumbers(before, after),
    causes: compareCauses(before, after),
    setup: setupDifferences(before, after),
  };
  const both: Both = { before, after };
  const charts = overlays(both, alignment);
  const conclusion = conclude(before, after, compared);
  const { numbers, causes, setup } = compared;
  const isOther = conclusion.answer === 'other-work';
  return {
    ...conclusion,
    setup,
    numbers: isOther ? numbers.map(withoutPraise) : numbers,
    causes: isOther ? causes.map(withoutPraise) : causes,
    alignment,
    isPart: window_ns !== undefined,
    sections: [
      ...(charts.length === 0 ? [] : [overlaySection(charts, alignment.sentence)]),
      ...pairSections(sections, both, alignment, alignment.window_ns),
    ],
  };
}

function overlaySection(details: readonly Detail[], summary: string): Finding {
  return {
    id: 'against',
    title: 'Both captures on one axis',
    question: 'What moved differently, and when?',
    status: 'shown',
    summary,
    details,
    weakenedBy: [],
  };
}

/** Less of other work is neither better nor worse. */
function withoutPraise<T extends { readonly judged: Judged }>(entry: T): T {
  const isPraise = entry.judged === 'better' || entry.judged === 'worse';
  return isPraise ? { ...entry, judged: 'changed' } : entry;
}
