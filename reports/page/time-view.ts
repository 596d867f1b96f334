/**
 * The one window of time that all charts show. It is part of the address, so that it can be linked:
 * `#t=4.66,14.97`, also behind the place on the page: `#finding-sync-storm&t=4.66,14.97`.
 */

export type TimeWindow = readonly [from_ns: number, to_ns: number];

const SECOND_NS = 1e9;
/** Shorter windows than a microsecond show nothing. */
const LEAST_NS = 1e3;

export type Address = { readonly place: string; readonly window: TimeWindow | undefined };

// t=4.66,14.97   t=-1.2,3: on an axis of two captures, before the work began
const WINDOW = /^t=(-?\d{1,9}(?:\.\d{1,9})?),(-?\d{1,9}(?:\.\d{1,9})?)$/;

export function parseAddress(hash: string): Address {
  let place = '';
  let window: TimeWindow | undefined;
  for (const part of hash.replace(/^#/, '').split('&')) {
    const match = WINDOW.exec(part);
    if (match === null) place = /^[\w-]*$/.test(part) ? part : place;
    else window = [Number(match[1]) * SECOND_NS, Number(match[2]) * SECOND_NS];
  }
  return { place, window };
}

function formatAddress({ place, window }: Address): string {
  const seconds = (ns: number) => String(Number((ns / SECOND_NS).toFixed(6)));
  const time = window === undefined ? [] : [`t=${window.map(seconds).join(',')}`];
  const parts = [...(place === '' ? [] : [place]), ...time];
  return parts.length === 0 ? '' : `#${parts.join('&')}`;
}

export class TimeView {
  readonly full: TimeWindow;
  #window: TimeWindow;
  readonly #listeners: (() => void)[] = [];

  constructor(full: TimeWindow) {
    this.full = full;
    this.#window = full;
  }

  get window(): TimeWindow {
    return this.#window;
  }

  get isZoomed(): boolean {
    return this.#window !== this.full;
  }

  listen(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** The part of it that lies inside of the capture; all of it when nothing sensible is left. */
  show(window: TimeWindow | undefined): void {
    const [first, last] = this.full;
    const from = Math.max(first, Math.min(last, window?.[0] ?? first));
    const to = Math.max(first, Math.min(last, window?.[1] ?? last));
    const isAll = from <= first && to >= last;
    this.#window = isAll || to - from < LEAST_NS ? this.full : [from, to];
    for (const listener of this.#listeners) listener();
  }

  /** A stretch with some room around it, so that its ends can be seen. */
  showAround([from, to]: TimeWindow): void {
    const room = Math.max((to - from) * 0.15, (this.full[1] - this.full[0]) * 0.005);
    this.show([from - room, to + room]);
  }

  /** `factor` below 1 looks closer. */
  zoom(factor: number, at_ns?: number): void {
    const [from, to] = this.#window;
    const at = at_ns ?? (from + to) / 2;
    this.show([at - (at - from) * factor, at + (to - at) * factor]);
  }

  pan(part: number): void {
    const [from, to] = this.#window;
    const [first, last] = this.full;
    const step = Math.max(first - from, Math.min(last - to, (to - from) * part));
    this.show([from + step, to + step]);
  }
}

/** Keeps address and window the same, also when the reader goes back. */
export function followAddress(view: TimeView, goTo: (place: string) => void): void {
  let own = '';
  const write = (address: Address) => {
    own = formatAddress(address);
    window.history.replaceState(null, '', own === '' ? window.location.pathname : own);
  };
  view.listen(() => {
    const { place } = parseAddress(window.location.hash);
    write({ place, window: view.isZoomed ? view.window : undefined });
  });
  const read = () => {
    if (window.location.hash === own) return;
    const address = parseAddress(window.location.hash);
    // A link to a place of the page keeps the window that is looked at.
    if (address.window !== undefined) view.show(address.window);
    else if (view.isZoomed) write({ place: address.place, window: view.window });
    goTo(address.place);
  };
  window.addEventListener('hashchange', read);
  read();
}
