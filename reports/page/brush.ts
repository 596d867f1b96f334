/** Drawing a stretch over a chart shows it in all of them; a double click shows everything. */
import { el } from './dom.ts';
import { partAt, plotOf, timeAt } from './plot.ts';
import type { TimeView } from './time-view.ts';

/** Shorter than this is a click and no stretch. */
const LEAST_PIXELS = 5;

export function attachBrush(holder: HTMLElement, view: TimeView): void {
  const mark = el('div', { class: 'brush', hidden: '' });
  holder.append(mark);
  let start: number | undefined;

  holder.addEventListener('pointerdown', (event) => {
    const plot = plotOf(holder);
    // Fingers scroll; the primary button of a mouse or a pen draws.
    if (plot === undefined || event.button !== 0 || event.pointerType === 'touch') return;
    const part = partAt(plot, event.clientX);
    if (part < 0 || part > 1) return;
    start = event.clientX;
    holder.setPointerCapture(event.pointerId);
  });
  holder.addEventListener('pointermove', (event) => {
    const plot = plotOf(holder);
    if (start === undefined || plot === undefined) return;
    const inside = (x: number) =>
      Math.min(plot.left + plot.width, Math.max(plot.left, x - plot.box.left));
    const [from, to] = [inside(start), inside(event.clientX)].sort((a, b) => a - b);
    mark.hidden = false;
    mark.style.left = `${from}px`;
    mark.style.width = `${(to ?? 0) - (from ?? 0)}px`;
  });
  const end = (event: PointerEvent, isKept: boolean) => {
    const plot = plotOf(holder);
    const from = start;
    start = undefined;
    mark.hidden = true;
    if (!isKept || from === undefined || plot === undefined) return;
    if (Math.abs(event.clientX - from) < LEAST_PIXELS) return;
    const times = [from, event.clientX].map((x) => timeAt(view.window, partAt(plot, x)));
    const [first = 0, last = 0] = times.sort((a, b) => a - b);
    view.show([first, last]);
  };
  holder.addEventListener('pointerup', (event) => end(event, true));
  holder.addEventListener('pointercancel', (event) => end(event, false));
  holder.addEventListener('dblclick', () => view.show(undefined));
}
