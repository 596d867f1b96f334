/** Bars in lanes and heat maps, bounded: stretches that touch on a screen become one. */
import type { Bar, Heatmap, Lanes } from '../../src/findings/detail.ts';
import type { ReportHeatmap, ReportLanes } from '../schema/details.ts';
import { formatNumber, formatQuantity } from '../units.ts';
import { uniteIntervals } from './intervals.ts';
import { clip, finite } from './values.ts';

/** A pixel is about this part of the window. */
const VISIBLE_PART = 1 / 1600;
const MOST_BARS = 1500;
const MOST_LANES = 16;
const MOST_CELLS = 4000;

type Drawn = ReportLanes['bars'][number];

/** A stretch of so many pixels is a thing of its own, however near the next one is. */
const OWN_PIXELS = 6;

/** Short bars of one lane and kind that lie nearer than `gap_ns` to each other become one. */
function unite(bars: readonly Bar[], kinds: readonly string[], gap_ns: number): Drawn[] {
  const last = new Map<string, Drawn>();
  const united: Drawn[] = [];
  for (const { from_ns, to_ns, lane, kind, text } of bars) {
    const key = `${lane} ${kind}`;
    const before = last.get(key);
    const isShort = to_ns - from_ns < OWN_PIXELS * gap_ns;
    if (isShort && before !== undefined && from_ns - before.to_ns <= gap_ns) {
      before.to_ns = Math.max(before.to_ns, to_ns);
      before.count++;
    } else {
      const bar = { from_ns, to_ns, lane, kind, text, count: 1 };
      united.push(bar);
      if (isShort) last.set(key, bar);
      else last.delete(key);
    }
  }
  return united.map((bar) => {
    if (bar.count === 1) return bar;
    const length = formatQuantity(bar.to_ns - bar.from_ns, 'ns');
    const what = kinds[bar.kind] || 'stretch';
    return { ...bar, text: `${formatNumber(bar.count)} × ${what} in ${length}` };
  });
}

function drawnBars(
  { bars, kinds }: Pick<Lanes, 'bars' | 'kinds'>,
  span: number,
): { bars: Drawn[]; gap_ns: number } {
  const sorted = bars
    .filter(({ from_ns, to_ns }) => Number.isFinite(from_ns) && to_ns >= from_ns)
    .toSorted((a, b) => a.from_ns - b.from_ns || a.to_ns - b.to_ns || a.lane - b.lane);
  let gap_ns = span * VISIBLE_PART;
  let united = unite(sorted, kinds, gap_ns);
  while (united.length > MOST_BARS) {
    gap_ns *= 2;
    united = unite(sorted, kinds, gap_ns);
  }
  return { bars: united, gap_ns };
}

export function buildLanes(lanes: Lanes): ReportLanes {
  const window: [number, number] = [finite(lanes.window_ns[0]), finite(lanes.window_ns[1])];
  const span = Math.max(0, window[1] - window[0]);
  const shown = lanes.bars.filter(({ lane }) => lane < MOST_LANES);
  const { bars, gap_ns } = drawnBars({ bars: shown, kinds: lanes.kinds }, span);
  const united = shown.length - bars.length;
  const hidden = lanes.omitted + Math.max(0, lanes.lanes.length - MOST_LANES);
  const sentences = [
    united > 0
      ? `Short bars nearer than ${formatQuantity(gap_ns, 'ns')} to each other are drawn as one.`
      : 'Every stretch is drawn.',
    ...(hidden > 0 ? [`${formatNumber(hidden)} more lanes are not drawn.`] : []),
  ];
  return {
    kind: 'lanes',
    id: clip(lanes.id),
    title: clip(lanes.title),
    subtitle: clip(lanes.subtitle),
    caption: sentences.join(' '),
    window_ns: window,
    lanes: lanes.lanes.slice(0, MOST_LANES).map(clip),
    kinds: lanes.kinds.map(clip),
    bars: bars.map(({ from_ns, to_ns, lane, kind, text, count }) => ({
      from_ns: finite(from_ns),
      to_ns: finite(to_ns),
      lane,
      kind,
      text: clip(text),
      count,
    })),
    lost: uniteIntervals(lanes.lost, span * VISIBLE_PART).map(lostInterval),
  };
}

export function buildHeatmap(heatmap: Heatmap): ReportHeatmap {
  const window: [number, number] = [finite(heatmap.window_ns[0]), finite(heatmap.window_ns[1])];
  const span = Math.max(0, window[1] - window[0]);
  const width = formatQuantity(heatmap.bin_ns, 'ns');
  return {
    kind: 'heatmap',
    id: clip(heatmap.id),
    title: clip(heatmap.title),
    subtitle: clip(heatmap.subtitle),
    caption: `Each cell counts the ${heatmap.counted} of ${width}; cells without any stay empty.`,
    window_ns: window,
    bin_ns: finite(heatmap.bin_ns, 1),
    rows: heatmap.rows.map(clip),
    counted: clip(heatmap.counted),
    cells: heatmap.cells
      .slice(0, MOST_CELLS)
      .map(({ column, row, count }) => [finite(column), finite(row), finite(count)]),
    lost: uniteIntervals(heatmap.lost, span * VISIBLE_PART).map(lostInterval),
  };
}

function lostInterval({
  from_ns,
  to_ns,
  label,
}: {
  from_ns: number;
  to_ns: number;
  label: string;
}) {
  return { from_ns: finite(from_ns), to_ns: finite(to_ns), label: clip(label) };
}
