/**
 * The page's script: reads the Report out of the page and builds everything below the verdict.
 * It runs from a file, without network and without eval. Bundled by ../build-page.mjs.
 */
import { type ChartDetail, isChart } from '../charts/index.ts';
import { anchor } from '../display.ts';
import type { Report, ReportSide } from '../schema/report.ts';
import { causesElement } from './causes.ts';
import { movedJumps, numbersElement } from './comparison.ts';
import { el } from './dom.ts';
import { downloadButton } from './download.ts';
import { createFigure, type Figure, type Surroundings } from './figure.ts';
import { createTooltip } from './hover.ts';
import { qualityElement } from './quality.ts';
import { type PlaceChart, sectionElement } from './section.ts';
import { jumpButton } from './tables.ts';
import { followAddress, parseAddress, TimeView, type TimeWindow } from './time-view.ts';
import { zoomBar } from './zoom-bar.ts';

/** Charts are drawn when they are this near to the visible part. */
const NEAR = '500px';

function byId(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`internal error: the page has no #${id}`);
  return element;
}

/** Work that is done one piece a frame, so that nothing waits for more than one of them. */
class FrameQueue {
  readonly #waiting = new Set<() => unknown>();

  /** Work that returns false is not done yet: it goes on in the next frame. */
  add(work: () => unknown): void {
    this.#waiting.add(work);
    if (this.#waiting.size === 1) requestAnimationFrame(() => this.#next());
  }

  #next(): void {
    const [work] = this.#waiting;
    if (work === undefined) return;
    let isDone = true;
    try {
      isDone = work() !== false;
    } finally {
      if (isDone) this.#waiting.delete(work);
      if (this.#waiting.size > 0) requestAnimationFrame(() => this.#next());
    }
  }
}

/** The boundary: renderHtml has put a Report there, whose schema the builder is typed by. */
function readReport(): { text: string; report: Report } {
  const text = byId('report').textContent ?? '';
  return { text, report: JSON.parse(text) as Report };
}

function drawWhenNear(figures: readonly Figure[], queue: FrameQueue): void {
  const byElement = new Map(figures.map((figure) => [figure.element as Element, figure]));
  const observer = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        const figure = byElement.get(entry.target);
        if (!entry.isIntersecting || figure === undefined) continue;
        observer.unobserve(entry.target);
        queue.add(() => figure.drawPiece());
      }
    },
    { rootMargin: NEAR },
  );
  for (const figure of figures) observer.observe(figure.element);
}

/** A new window is drawn in the charts that the reader sees, then in the others. */
function followView(figures: readonly Figure[], view: TimeView, queue: FrameQueue): void {
  const follow = new Map(figures.map((figure) => [figure, () => figure.follow()]));
  const isSeen = ({ element }: Figure) => {
    const { top, bottom } = element.getBoundingClientRect();
    return bottom > 0 && top < window.innerHeight;
  };
  view.listen(() => {
    const drawn = figures.filter((figure) => figure.isDrawn);
    const seen = drawn.filter(isSeen);
    for (const figure of [...seen, ...drawn]) queue.add(follow.get(figure) ?? (() => {}));
  });
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

function redrawOnResize(figures: readonly Figure[], queue: FrameQueue): void {
  let timer = 0;
  window.addEventListener('resize', () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(() => {
      for (const figure of figures) if (figure.isDrawn) queue.add(() => figure.drawPiece());
    }, 150);
  });
}

/** The chart under the verdict stands there only; its section refers to it. */
function mainChart(report: Report): ChartDetail | undefined {
  const charts = report.sections.flatMap(({ details }) => details).filter(isChart);
  return charts.find(({ id }) => id === report.headline.chart_id);
}

/** The section of what lies on each other stands before everything about one capture. */
const OVERLAY = 'against';

const PLACES =
  /^(?:(?:capture-quality|causes)(?:-before|-after)?|all-differences|findings|verdict)$/;

function isPlace(name: string): boolean {
  const isOurs = name === anchor(name.replace(/^finding-/, ''));
  return isOurs || PLACES.test(name);
}

class Page {
  readonly #report: Report;
  readonly #view: TimeView;
  readonly #around: Surroundings;
  readonly #queue = new FrameQueue();
  readonly #figures: Figure[] = [];
  readonly #main: ChartDetail | undefined;

  constructor(report: Report) {
    this.#report = report;
    this.#view = new TimeView(report.window_ns);
    // Of two captures each chart has the stall of its own.
    const focus_ns = report.comparison === undefined ? report.diagnosis.verdict.window_ns : null;
    this.#around = { view: this.#view, focus_ns, tooltip: createTooltip(byId('tooltip')) };
    this.#main = mainChart(report);
  }

  /** The verdict's chart first; the rest is built piece by piece, so that nothing waits long. */
  start(text: string): void {
    // A window in the address holds for the first drawing.
    this.#view.show(parseAddress(window.location.hash).window);
    if (this.#main !== undefined) this.#startMain(this.#main);
    followColorScheme(this.#figures);
    const pieces = [
      () => byId('causes-place').replaceWith(this.#causes()),
      ...this.#report.sections
        .filter(({ id }) => id !== OVERLAY)
        .map((section) => () => {
          byId('findings').append(sectionElement(section, this.#place, this.#view));
        }),
      () => byId('quality').append(...this.#qualities()),
      () => this.#finish(text),
    ];
    for (const piece of pieces) this.#queue.add(piece);
  }

  #startMain(main: ChartDetail): void {
    const figure = this.#figure(main, true);
    const { focus_ns } = this.#around;
    byId('main-chart').append(figure.element);
    if (focus_ns !== null) {
      const button = jumpButton('Zoom all charts to the stall', focus_ns, this.#view);
      const actions = el('span', { class: 'actions' }, button);
      figure.element.querySelector('.foot')?.append(actions);
    }
    figure.draw();
  }

  #finish(text: string): void {
    byId('downloads').append(
      downloadButton('Download the report as JSON', 'report.json', 'application/json', () => text),
    );
    document.body.append(zoomBar(this.#view, this.#around.focus_ns));
    followView(this.#figures, this.#view, this.#queue);
    redrawOnResize(this.#figures, this.#queue);
    drawWhenNear(this.#figures.slice(this.#main === undefined ? 0 : 1), this.#queue);
    // The sections exist only now: go to the one that the address names.
    followAddress(this.#view, (name) => {
      if (isPlace(name)) document.getElementById(name)?.scrollIntoView();
    });
    document.documentElement.dataset.ready = 'true';
  }

  #causes(): HTMLElement {
    const { comparison } = this.#report;
    const place = this.#place;
    if (comparison === undefined) {
      return causesElement({ report: this.#report, place, view: this.#view });
    }
    const causes = (side: ReportSide) => {
      const report = side === 'before' ? comparison.before : this.#report;
      const view = movedJumps(this.#view, comparison.alignment.origins_ns[side]);
      return causesElement({ report, place, view, side });
    };
    const [overlay] = this.#report.sections;
    return el(
      'div',
      { id: 'causes', tabindex: '-1' },
      ...(overlay?.id === OVERLAY ? [sectionElement(overlay, place, this.#view)] : []),
      numbersElement(comparison),
      causes('before'),
      causes('after'),
    );
  }

  #qualities(): HTMLElement[] {
    const { comparison } = this.#report;
    if (comparison === undefined) return [qualityElement(this.#report)];
    return [qualityElement(comparison.before, 'before'), qualityElement(this.#report, 'after')];
  }

  /** The stall window of the capture that a chart is about, on the axis. */
  #focusOf({ side }: ChartDetail): TimeWindow | null {
    const { comparison, diagnosis } = this.#report;
    if (comparison === undefined) return this.#around.focus_ns;
    if (side === undefined) return null;
    const { verdict } = side === 'before' ? comparison.before.diagnosis : diagnosis;
    if (verdict.window_ns === null) return null;
    const origin_ns = comparison.alignment.origins_ns[side];
    return [verdict.window_ns[0] - origin_ns, verdict.window_ns[1] - origin_ns];
  }

  #figure(detail: ChartDetail, isMain: boolean): Figure {
    const around = { ...this.#around, focus_ns: this.#focusOf(detail) };
    const figure = createFigure(detail, isMain, around);
    this.#figures.push(figure);
    figure.setDark(window.matchMedia('(prefers-color-scheme: dark)').matches);
    return figure;
  }

  readonly #place: PlaceChart = (detail) => {
    if (detail === this.#main) {
      const text = 'Its chart stands under the verdict, at the top of the page.';
      return el('p', { class: 'aside' }, el('a', { href: '#verdict' }, text));
    }
    return isChart(detail) ? this.#figure(detail, false).element : el('div');
  };
}

const { text, report } = readReport();
new Page(report).start(text);
