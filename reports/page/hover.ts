/**
 * Reading values off a chart over time: a line at the pointer, and a box with what is there. The
 * arrow keys move it too.
 */

import type { TimeChart } from '../charts/index.ts';
import { formatSeconds } from '../units.ts';
import { el } from './dom.ts';
import { partAt, plotOf, timeAt } from './plot.ts';
import { valueReader } from './read-values.ts';
import type { TimeView } from './time-view.ts';

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

/** Returns what keys do: the moment that they read, for zooming about it. */
export function attachHover(
  holder: HTMLElement,
  chart: TimeChart,
  view: TimeView,
  tooltip: Tooltip,
): void {
  const read = valueReader(chart);
  const line = el('div', { class: 'cursor', hidden: '' });
  const dark = window.matchMedia('(prefers-color-scheme: dark)');
  let position = view.window[0];

  const showAt = (t: number, y?: number): void => {
    const plot = plotOf(holder);
    const [from, to] = view.window;
    if (plot === undefined || to <= from) return;
    const x = plot.left + (plot.width * (t - from)) / (to - from);
    position = t;
    line.style.left = `${x}px`;
    line.hidden = false;
    const at = { x: plot.box.left + x, y: y ?? plot.box.top + plot.box.height / 3 };
    tooltip.show(at, `${formatSeconds(t)} s`, read(t, view.window, dark.matches));
  };
  const leave = () => {
    line.hidden = true;
    tooltip.hide();
  };
  holder.append(line);
  holder.addEventListener('pointermove', (event) => {
    const plot = plotOf(holder);
    if (plot === undefined) return;
    const part = partAt(plot, event.clientX);
    if (part < 0 || part > 1) leave();
    else showAt(timeAt(view.window, part), event.clientY);
  });
  holder.addEventListener('pointerleave', leave);
  holder.addEventListener('blur', leave);
  holder.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const [from, to] = view.window;
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20 }[event.key];
    const inside = Math.min(to, Math.max(from, position));
    if (step !== undefined) {
      event.preventDefault();
      showAt(Math.min(to, Math.max(from, inside + (step * (to - from)) / KEY_STEPS)));
    } else if (event.key === 'Escape') leave();
    else if (event.key === '+' || event.key === '=') view.zoom(0.5, inside);
    else if (event.key === '-') view.zoom(2, inside);
    else if (event.key === '[') view.pan(-0.5);
    else if (event.key === ']') view.pan(0.5);
    else if (event.key === '0') view.show(undefined);
  });
}
