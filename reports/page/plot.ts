/** Where a chart's plot lies on the screen, and which time belongs to which place in it. */
import { marginsOf } from '../charts/index.ts';
import type { TimeWindow } from './time-view.ts';

export type Plot = {
  /** Of the plot's left edge inside of the chart's holder, in pixels. */
  readonly left: number;
  readonly width: number;
  readonly box: DOMRect;
  /** Pixels of the drawing for one pixel of the screen. */
  readonly ratio: number;
};

export function plotOf(holder: HTMLElement): Plot | undefined {
  const svg = holder.querySelector('svg');
  if (svg === null) return undefined;
  const box = svg.getBoundingClientRect();
  const drawn = Number(svg.getAttribute('width')) || box.width;
  const margins = marginsOf(drawn);
  const ratio = box.width / drawn;
  return {
    left: margins.left * ratio,
    width: box.width - (margins.left + margins.right) * ratio,
    box,
    ratio,
  };
}

/** Part of the window at a place of the screen: 0 at the left edge of the plot, 1 at the right. */
export function partAt(plot: Plot, clientX: number): number {
  return (clientX - plot.box.left - plot.left) / plot.width;
}

export function timeAt([from, to]: TimeWindow, part: number): number {
  return from + Math.min(1, Math.max(0, part)) * (to - from);
}
