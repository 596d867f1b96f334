/** Says which part of the capture the charts show, and leads back. */
import { formatSeconds } from '../units.ts';
import { el } from './dom.ts';
import type { TimeView, TimeWindow } from './time-view.ts';

export function zoomBar(view: TimeView, focus_ns: TimeWindow | null): HTMLElement {
  const text = el('span', { role: 'status' });
  const button = (label: string, act: () => void) => {
    const made = el('button', { type: 'button' }, label);
    made.addEventListener('click', act);
    return made;
  };
  const bar = el('section', { class: 'zoom-bar', 'aria-label': 'Window of all charts' });
  const stall = focus_ns;
  bar.append(
    text,
    ...(stall === null ? [] : [button('Show the stall', () => view.showAround(stall))]),
    button('Closer', () => view.zoom(0.5)),
    button('Show all', () => view.show(undefined)),
  );
  const update = () => {
    const [from, to] = view.window;
    text.textContent = `All charts show ${formatSeconds(from)} to ${formatSeconds(to)} s`;
    bar.hidden = !view.isZoomed;
  };
  view.listen(update);
  update();
  return bar;
}
