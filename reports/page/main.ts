/**
 * The page's script: reads the Report out of the page and builds everything below the verdict.
 * It runs from a file, without network and without eval. Bundled by ../build-page.mjs.
 */
import { type ChartDetail, isChart } from '../charts/index.ts';
import { anchor } from '../display.ts';
import type { Report, ReportDetail } from '../report.ts';
import { el } from './dom.ts';
import { createFigure, type Figure } from './figure.ts';
import { createTooltip } from './hover.ts';
import { qualityElement } from './quality.ts';
import { sectionElement } from './section.ts';

/** Charts are drawn when they are this near to the visible part. */
const NEAR = '500px';

function byId(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`internal error: the page has no #${id}`);
  return element;
}

/** The boundary: renderHtml has put a Report there, whose schema the builder is typed by. */
function readReport(): Report {
  return JSON.parse(byId('report').textContent ?? '') as Report;
}

/** Draws figures one a frame as they come near, so that scrolling never waits for more than one. */
function drawWhenNear(figures: readonly Figure[]): void {
  const byElement = new Map(figures.map((figure) => [figure.element as Element, figure]));
  const queue: Figure[] = [];
  const next = () => {
    queue.shift()?.draw();
    if (queue.length > 0) requestAnimationFrame(next);
  };
  const observer = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        const figure = byElement.get(entry.target);
        if (!entry.isIntersecting || figure === undefined) continue;
        observer.unobserve(entry.target);
        if (queue.push(figure) === 1) requestAnimationFrame(next);
      }
    },
    { rootMargin: NEAR },
  );
  for (const figure of figures) observer.observe(figure.element);
}

function followColorScheme(figures: readonly Figure[]): void {
  const dark = window.matchMedia('(prefers-color-scheme: dark)');
  const apply = () => {
    for (const figure of figures) figure.setDark(dark.matches);
  };
  dark.addEventListener('change', apply);
  apply();
  // Paper is white, and nothing scrolls on it.
  window.addEventListener('beforeprint', () => {
    for (const figure of figures) {
      figure.setDark(false);
      figure.draw();
    }
  });
  window.addEventListener('afterprint', apply);
}

function redrawOnResize(figures: readonly Figure[], drawn: ReadonlySet<Figure>): void {
  let timer = 0;
  window.addEventListener('resize', () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(() => {
      for (const figure of figures) if (drawn.has(figure)) figure.draw();
    }, 150);
  });
}

function start(): void {
  const report = readReport();
  const tooltip = createTooltip(byId('tooltip'));
  const figures: Figure[] = [];
  const drawn = new Set<Figure>();
  const figure = (detail: ChartDetail, main: boolean): HTMLElement => {
    const made = createFigure(detail, main, tooltip);
    const draw = () => {
      made.draw();
      drawn.add(tracked);
    };
    const tracked: Figure = { ...made, draw };
    figures.push(tracked);
    return made.element;
  };
  const isMain = (detail: ReportDetail) =>
    detail.kind === 'timeline' && detail.id === report.headline.chart_id;
  const owner = report.sections.find((section) => section.details.some(isMain));
  const main = owner?.details.find(isMain);
  if (owner !== undefined && main !== undefined && isChart(main)) {
    byId('main-chart').append(figure(main, true));
  }
  const place = (detail: ReportDetail): HTMLElement => {
    if (detail === main) {
      const up = el(
        'a',
        { href: '#verdict' },
        'Its chart stands under the verdict, at the top of the page.',
      );
      return el('p', { class: 'aside' }, up);
    }
    return isChart(detail) ? figure(detail, false) : el('div');
  };
  byId('findings').append(...report.sections.map((section) => sectionElement(section, place)));
  byId('quality').append(qualityElement(report));
  followColorScheme(figures);
  redrawOnResize(figures, drawn);
  figures[0]?.draw();
  drawWhenNear(figures.slice(1));
  // The sections exist only now: go to the one that the address names.
  const wanted = window.location.hash.slice(1);
  if (wanted === anchor(wanted.replace(/^finding-/, '')) || wanted === 'capture-quality') {
    document.getElementById(wanted)?.scrollIntoView();
  }
}

start();
