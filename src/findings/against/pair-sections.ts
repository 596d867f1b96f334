/** Sections of two captures as one: each chart of the one before above that of the one after. */
import { Context } from '../context.ts';
import type { Detail, Interval, Side, Timeline } from '../detail.ts';
import type { Finding, Status } from '../finding.ts';
import { type FindingDefinition, runFindings } from '../run.ts';
import { ownWindow } from './align.ts';
import { type Both, SIDES } from './charts.ts';
import type { Alignment } from './comparison.ts';

/**
 * Every section of both. `window_ns` is the part of the axis that is shown; times of charts, and
 * what rows jump to, are moved onto the axis, and what lists say of time is left to their capture.
 */
export function pairSections(
  definitions: readonly FindingDefinition[],
  both: Both,
  alignment: Alignment,
  window_ns: readonly [number, number],
): Finding[] {
  const [first, second] = SIDES.map((side) => {
    const context = new Context(both[side].diagnosis, ownWindow(window_ns, alignment, side));
    return runFindings(definitions, context);
  });
  return (first ?? []).flatMap((before, index) => {
    const after = second?.[index];
    return after === undefined ? [] : [pair(before, after, alignment)];
  });
}

function pair(before: Finding, after: Finding, { origins_ns, zero }: Alignment): Finding {
  const details = paired(
    before.details.map((detail) => ({ ...moved(detail, 'before', origins_ns.before), zero })),
    after.details.map((detail) => ({ ...moved(detail, 'after', origins_ns.after), zero })),
  );
  const isSame = before.summary === after.summary;
  const summary = isSame
    ? `In both: ${before.summary}`
    : `Before: ${before.summary} After: ${after.summary}`;
  return {
    id: after.id,
    title: after.title,
    question: after.question,
    status: statusOf(before.status, after.status),
    summary,
    ...(isSame ? {} : { summaries: [before.summary, after.summary] as const }),
    details,
    weakenedBy: [
      ...before.weakenedBy.map((why) => `Before: ${why}`),
      ...after.weakenedBy.map((why) => `After: ${why}`),
    ],
    ...(after.level === undefined ? {} : { level: after.level }),
  };
}

/** What there is to see in one of them is there to see. */
const ORDER: readonly Status[] = ['error', 'found', 'shown', 'unknown', 'clear', 'not-applicable'];

function statusOf(before: Status, after: Status): Status {
  return ORDER.find((status) => status === before || status === after) ?? after;
}

/** What shows the same of both stands together. */
function paired(before: readonly Detail[], after: readonly Detail[]): Detail[] {
  const nameOf = ({ id }: Detail) => id.replace(/^(?:before|after)-/, '');
  const partnerOf = (detail: Detail, others: readonly Detail[]) =>
    others.find((other) => nameOf(other) === nameOf(detail) && other.kind === detail.kind);
  return [
    ...before.flatMap((detail) => {
      const partner = partnerOf(detail, after);
      return partner === undefined ? [detail] : sameScale(detail, partner);
    }),
    ...after.filter((detail) => partnerOf(detail, before) === undefined),
  ];
}

function sameScale(before: Detail, after: Detail): Detail[] {
  if (before.kind !== 'timeline' || after.kind !== 'timeline') return [before, after];
  const [a, b] = [extentOf(before), extentOf(after)];
  const extent = [Math.min(a[0], b[0]), Math.max(a[1], b[1])] as const;
  return [
    { ...before, extent },
    { ...after, extent },
  ];
}

function extentOf({ series, window_ns: [from_ns, to_ns] }: Timeline): [number, number] {
  let low = 0;
  let high = 0;
  for (const { t_ns, values, errorBound = 0 } of series) {
    for (let i = 0; i < values.length; i++) {
      const t = t_ns[i] as number;
      if (t < from_ns || t > to_ns) continue;
      const value = values[i] as number;
      if (value < low) low = value;
      if (value + errorBound > high) high = value + errorBound;
    }
  }
  return [low, high];
}

const WORDS: Readonly<Record<Side, string>> = { before: 'Before', after: 'After' };

function moved(detail: Detail, side: Side, origin_ns: number): Detail {
  const window = ([from, to]: readonly [number, number]) =>
    [from - origin_ns, to - origin_ns] as const;
  const intervals = (list: readonly Interval[]) =>
    list.map(({ from_ns, to_ns, label }) => ({
      from_ns: from_ns - origin_ns,
      to_ns: to_ns - origin_ns,
      label,
    }));
  const id = `${side}-${detail.id}`;
  if (detail.kind === 'note')
    return { ...detail, id, side, text: `${WORDS[side]}: ${detail.text}` };
  const common = { id, side, title: `${WORDS[side]}: ${detail.title}` };
  switch (detail.kind) {
    case 'timeline':
      return {
        ...detail,
        ...common,
        window_ns: window(detail.window_ns),
        series: detail.series.map((one) => ({
          ...one,
          t_ns: one.t_ns.map((t) => t - origin_ns),
        })),
        bands: intervals(detail.bands),
        lost: intervals(detail.lost),
      };
    case 'lanes':
      return {
        ...detail,
        ...common,
        window_ns: window(detail.window_ns),
        bars: detail.bars.map((bar) => ({
          ...bar,
          from_ns: bar.from_ns - origin_ns,
          to_ns: bar.to_ns - origin_ns,
        })),
        lost: intervals(detail.lost),
      };
    case 'heatmap':
      return {
        ...detail,
        ...common,
        window_ns: window(detail.window_ns),
        lost: intervals(detail.lost),
      };
    case 'table': {
      const { windows_ns } = detail;
      return windows_ns === undefined
        ? { ...detail, ...common }
        : { ...detail, ...common, windows_ns: windows_ns.map(window) };
    }
    case 'distribution':
      return { ...detail, ...common };
  }
}
