/**
 * Reading values off a timeline: a line at the pointer, and a box with the value of every curve
 * there. The arrow keys move it too.
 */

import { chartScale, curvesOf } from '../charts/curves.ts';
import { MARGIN } from '../charts/index.ts';
import { shorten, visible } from '../display.ts';
import type { ReportInterval, ReportSeries, ReportTimeline } from '../report.ts';
import { formatQuantity } from '../units.ts';
import { el } from './dom.ts';

/** Marks farther from the pointer than this part of the window are not meant. */
const NEAR_PART = 0.01;
const KEY_STEPS = 200;

export type Tooltip = {
  show(at: { x: number; y: number }, title: string, rows: readonly HTMLElement[]): void;
  hide(): void;
};

export function createTooltip(box: HTMLElement): Tooltip {
  return {
    show({ x, y }, title, rows) {
      box.replaceChildren(el('strong', {}, title), ...rows);
      box.hidden = false;
      const { width, height } = box.getBoundingClientRect();
      const left = x + 16 + width > window.innerWidth ? x - 16 - width : x + 16;
      const top = Math.min(y + 12, window.innerHeight - height - 8);
      box.style.left = `${Math.max(4, left)}px`;
      box.style.top = `${Math.max(4, top)}px`;
    },
    hide() {
      box.hidden = true;
    },
  };
}

/** Index of the last point at or before `t`, -1 if there is none. */
function lastAt(times: readonly number[], t: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (times[middle] <= t) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function valueAt(series: ReportSeries, t: number, near: number): number | undefined {
  const before = lastAt(series.t_ns, t);
  if (series.shape === 'step') return series.values[before] ?? undefined;
  const after = before + 1;
  const distance = (i: number) => Math.abs((series.t_ns[i] ?? Number.POSITIVE_INFINITY) - t);
  const closest = distance(before) <= distance(after) ? before : after;
  if (series.shape === 'point' && distance(closest) > near) return undefined;
  return series.values[closest] ?? undefined;
}

function within(intervals: readonly ReportInterval[], t: number, near: number) {
  return intervals.find(({ from_ns, to_ns }) => t >= from_ns - near && t <= to_ns + near);
}

export function attachHover(holder: HTMLElement, timeline: ReportTimeline, tooltip: Tooltip): void {
  const scale = chartScale(timeline);
  const curves = curvesOf(timeline, scale);
  const [from, to] = timeline.window_ns;
  const span = to - from;
  const line = el('div', { class: 'cursor', hidden: '' });
  let position = from;
  const dark = window.matchMedia('(prefers-color-scheme: dark)');

  const rowsAt = (t: number): HTMLElement[] => {
    const rows = curves.flatMap(({ series, color }): HTMLElement[] => {
      const value = valueAt(series, t, span * NEAR_PART);
      if (value === undefined) return [];
      const name = el('span', {}, shorten(visible(series.label), 40));
      name.style.color = dark.matches ? color.dark : color.light;
      return [el('div', {}, name, el('b', {}, formatQuantity(value, timeline.unit)))];
    });
    for (const found of [within(timeline.bands, t, 0), within(timeline.lost, t, 0)]) {
      if (found !== undefined) {
        const length = formatQuantity(found.to_ns - found.from_ns, 'ns');
        rows.push(el('em', {}, `${shorten(visible(found.label), 60)}, ${length}`));
      }
    }
    return rows;
  };
  const showAt = (t: number, y?: number): void => {
    const svg = holder.querySelector('svg');
    if (svg === null || span <= 0) return;
    const box = svg.getBoundingClientRect();
    const ratio = box.width / (Number(svg.getAttribute('width')) || box.width);
    const plot = box.width - (MARGIN.left + MARGIN.right) * ratio;
    const x = MARGIN.left * ratio + (plot * (t - from)) / span;
    position = t;
    line.style.left = `${x}px`;
    line.hidden = false;
    const at = { x: box.left + x, y: y ?? box.top + box.height / 3 };
    tooltip.show(at, `${(t / 1e9).toFixed(3)} s`, rowsAt(t));
  };
  const leave = () => {
    line.hidden = true;
    tooltip.hide();
  };
  holder.append(line);
  holder.addEventListener('pointermove', (event) => {
    const svg = holder.querySelector('svg');
    if (svg === null) return;
    const box = svg.getBoundingClientRect();
    const ratio = box.width / (Number(svg.getAttribute('width')) || box.width);
    const plot = box.width - (MARGIN.left + MARGIN.right) * ratio;
    const part = (event.clientX - box.left - MARGIN.left * ratio) / plot;
    if (part < 0 || part > 1) leave();
    else showAt(from + part * span, event.clientY);
  });
  holder.addEventListener('pointerleave', leave);
  holder.addEventListener('blur', leave);
  holder.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20 }[event.key];
    if (event.key === 'Escape') leave();
    if (step === undefined) return;
    event.preventDefault();
    showAt(Math.min(to, Math.max(from, position + (step * span) / KEY_STEPS)));
  });
}
