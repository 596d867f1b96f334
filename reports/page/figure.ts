/** A chart with its title, key, caption and numbers; drawn when it comes near the reader's eyes. */
import { parse, View } from 'vega';
import { expressionInterpreter } from 'vega-interpreter';
import { compile } from 'vega-lite';
import { type ChartDetail, chartSpec, heightOf, isTimeChart } from '../charts/index.ts';
import { attachBrush } from './brush.ts';
import { el, named } from './dom.ts';
import { csvButton } from './download.ts';
import { attachHover, type Tooltip } from './hover.ts';
import { chartNumbers, keyElement } from './numbers.ts';
import type { TimeView, TimeWindow } from './time-view.ts';

export type Figure = {
  readonly element: HTMLElement;
  readonly isDrawn: boolean;
  /** Draws the chart, again if the width has changed. */
  draw(): void;
  /** One piece of drawing, so that nothing waits long for it; false while there is more to do. */
  drawPiece(): boolean;
  /** Shows the window of the page; nothing to do before it is drawn. */
  follow(): void;
  setDark(dark: boolean): void;
};

/** What all charts of a page share. */
export type Surroundings = {
  readonly view: TimeView;
  readonly tooltip: Tooltip;
  readonly focus_ns: TimeWindow | null;
};

const TIMELINE_HEIGHT = 270;
const MAIN_HEIGHT = 290;

function numbers(detail: ChartDetail): HTMLElement {
  const details = el('details', {}, el('summary', {}, 'Numbers behind this chart'));
  // Built when opened: most readers never look, and printing leaves closed ones out.
  details.addEventListener('toggle', () => {
    if (!details.open || details.childElementCount > 1) return;
    details.append(chartNumbers(detail));
  });
  return details;
}

/** The pieces take about as long as each other: two thirds of 110 ms of CPU were before the view. */
function* drawInto(
  holder: HTMLElement,
  detail: ChartDetail,
  height: number,
  { view: shown, focus_ns }: Surroundings,
  isDark: () => boolean,
): Generator<void, View> {
  const width = holder.clientWidth;
  const spec = chartSpec(detail, { width, height, heading: false, focus_ns });
  const compiled = compile(spec).spec;
  yield;
  // Expressions are interpreted: the page's policy forbids eval.
  const runtime = parse(compiled, {}, { ast: true });
  yield;
  const target = el('div');
  holder.querySelector('.drawn')?.remove();
  target.className = 'drawn';
  holder.prepend(target);
  const view = new View(runtime, {
    expr: expressionInterpreter,
    renderer: 'svg',
    container: target,
    hover: false,
  });
  if (isTimeChart(detail) && shown.isZoomed) setWindow(view, shown.window);
  view.signal('dark', isDark()).run();
  for (const name of ['role', 'aria-label', 'aria-roledescription']) target.removeAttribute(name);
  const svg = target.querySelector('svg');
  svg?.setAttribute('role', 'img');
  svg?.setAttribute('aria-label', spec.description ?? '');
  return view;
}

function setWindow(view: View, [from, to]: TimeWindow): void {
  view.signal('from', from / 1e9).signal('to', to / 1e9);
}

const HINT =
  'Chart. Left and right arrow keys read its values, plus and minus zoom, brackets move, 0 shows all.';

export function createFigure(detail: ChartDetail, isMain: boolean, around: Surroundings): Figure {
  const height = heightOf(detail, isMain ? MAIN_HEIGHT : TIMELINE_HEIGHT);
  const holder = el('div', { class: 'chart' });
  // Reserved before drawing, so that nothing jumps while the reader scrolls.
  holder.style.setProperty('--reserved', `${height}px`);
  const caption = el('figcaption', {}, named(isMain ? 'h2' : 'h3', detail.title, 240));
  if (detail.subtitle !== '') caption.append(named('p', detail.subtitle, 240));
  const element = el('figure', { id: `chart-${detail.id}` }, caption, holder);
  const foot = el('div', { class: 'foot' });
  if (isTimeChart(detail)) {
    holder.setAttribute('tabindex', '0');
    holder.setAttribute('role', 'group');
    holder.setAttribute('aria-label', HINT);
    attachHover(holder, detail, around.view, around.tooltip);
    attachBrush(holder, around.view);
    element.append(keyElement(detail, around.focus_ns !== null));
    foot.append(named('p', detail.caption, 400, { class: 'aside' }));
  }
  foot.append(csvButton(detail));
  element.append(foot, numbers(detail));

  let view: View | undefined;
  let drawing: Generator<void, View> | undefined;
  let width = 0;
  let isDark = false;
  let shown = around.view.full;
  const drawPiece = (): boolean => {
    if (holder.clientWidth !== width) {
      if (holder.clientWidth === 0) return true;
      width = holder.clientWidth;
      drawing = drawInto(holder, detail, height, around, () => isDark);
    }
    const piece = drawing?.next();
    if (piece?.done !== true) return piece === undefined;
    drawing = undefined;
    view?.finalize();
    view = piece.value;
    shown = around.view.window;
    return true;
  };
  return {
    element,
    get isDrawn() {
      return view !== undefined;
    },
    drawPiece,
    draw() {
      while (!drawPiece());
    },
    follow() {
      const { window } = around.view;
      if (view === undefined || window === shown || !isTimeChart(detail)) return;
      shown = window;
      setWindow(view, window);
      view.run();
    },
    setDark(dark) {
      isDark = dark;
      view?.signal('dark', dark).run();
    },
  };
}
