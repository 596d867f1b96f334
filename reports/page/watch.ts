/**
 * The script of the list of captures: shows what the server tells, row by row. Names and sentences
 * come from traces and file names, and are only ever set as text. Bundled by ../build-page.mjs.
 */
import type { CaptureEntry, CaptureList, CaptureSummary } from '../capture-list.ts';
import { CONFIDENCE_WORDS, SEVERITY_WORDS, shorten, visible } from '../display.ts';
import { formatNumber, formatQuantity } from '../units.ts';
import { el, named } from './dom.ts';

const STATE_WORDS = {
  growing: 'Still growing',
  waiting: 'Waiting',
  reading: 'Reading…',
  reported: 'Reported',
  failed: 'Failed',
} as const;

const STATE_SENTENCES: Readonly<Record<string, string>> = {
  growing: 'It is read when its size stands still.',
  waiting: 'It is read after those before it.',
  reading: 'It is being read; its verdict comes here.',
};

function byId(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`internal error: the page has no #${id}`);
  return element;
}

function setText(element: HTMLElement, text: string): void {
  // What is set again is read out again.
  if (element.textContent !== text) element.textContent = text;
}

function chip(kind: string, word: string): HTMLElement {
  return el('span', { class: `chip ${kind}` }, word);
}

function nameCell({ id, name, size_bytes, changed_ms, state }: CaptureEntry): HTMLElement {
  const whole = visible(name);
  const short = shorten(whole, 60);
  const title = short === whole ? {} : { title: whole };
  const label =
    state === 'reported'
      ? el('a', { href: `/report/${id}`, class: 'name', ...title }, short)
      : el('span', { class: 'name', ...title }, short);
  const facts = [formatQuantity(size_bytes, 'bytes')];
  if (changed_ms > 0) facts.push(timeOf(changed_ms));
  return el('th', { scope: 'row' }, label, el('p', { class: 'aside' }, facts.join(', ')));
}

/** Of the reader's clock, as sortable text. */
function timeOf(ms: number): string {
  const at = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000);
  return at.toISOString().slice(0, 16).replace('T', ' ');
}

function verdictCell({ state, problem, summary }: CaptureEntry): HTMLElement {
  if (summary !== undefined) {
    const { severity, title, sentence } = summary;
    const word = severity === 'none' ? 'No stall' : SEVERITY_WORDS[severity];
    const head = el('p', { class: 'eyebrow' }, chip(`severity-${severity}`, word));
    head.append(named('strong', title, 120));
    return el('td', {}, head, named('p', sentence, 400));
  }
  const word = chip(`state-${state}`, STATE_WORDS[state]);
  const why = problem ?? STATE_SENTENCES[state] ?? '';
  return el('td', {}, el('p', { class: 'eyebrow' }, word), named('p', why, 600));
}

function numberCells({ summary }: CaptureEntry): HTMLElement[] {
  if (summary === undefined) {
    // Dashes are read out as nothing; an empty cell is what it is.
    return [el('td', { class: 'number' }), el('td'), el('td')];
  }
  const { confidence, confidence_value, reason, is_complete, quality } = summary;
  const trust = `${CONFIDENCE_WORDS[confidence]} (${confidence_value.toFixed(2)})`;
  const whole = is_complete ? 'Complete' : 'Incomplete';
  return [
    el('td', { class: 'number' }, lostTime(summary)),
    el('td', {}, trust, named('p', reason, 160, { class: 'aside' })),
    el(
      'td',
      {},
      is_complete ? whole : chip('severity-notice', whole),
      named('p', quality, 160, { class: 'aside' }),
    ),
  ];
}

function lostTime({ time_lost_s, at_least, duration_ns }: CaptureSummary): HTMLElement {
  const lost = `${at_least ? 'at least ' : ''}${formatQuantity(time_lost_s, 's')}`;
  const of = el('p', { class: 'aside' }, `in ${formatQuantity(duration_ns, 'ns')}`);
  return el('div', {}, lost, of);
}

type Row = { readonly element: HTMLTableRowElement; shown: string; state: string };

/** One row a capture; only rows that changed are made again, so that focus stays where it was. */
class Rows {
  readonly #body: HTMLElement;
  readonly #rows = new Map<string, Row>();

  constructor(body: HTMLElement) {
    this.#body = body;
  }

  /** Returns what changed, in words. */
  show(entries: readonly CaptureEntry[]): string[] {
    const news: string[] = [];
    const ids = new Set(entries.map(({ id }) => id));
    for (const [id, { element }] of this.#rows) {
      if (ids.has(id)) continue;
      element.remove();
      this.#rows.delete(id);
    }
    let before: Element | null = null;
    for (const entry of entries) {
      const row = this.#rows.get(entry.id) ?? this.#make(entry.id);
      const state = row.state;
      if (this.#fill(row, entry) && state !== entry.state) news.push(...newsOf(entry));
      const place: Element | null = before === null ? this.#body.firstElementChild : next(before);
      if (place !== row.element) this.#body.insertBefore(row.element, place);
      before = row.element;
    }
    return news;
  }

  #make(id: string): Row {
    const row = { element: el('tr', { 'data-id': id }), shown: '', state: '' };
    this.#rows.set(id, row);
    return row;
  }

  #fill(row: Row, entry: CaptureEntry): boolean {
    const text = JSON.stringify(entry);
    if (row.shown === text) return false;
    const hadFocus = row.element.contains(document.activeElement);
    row.shown = text;
    row.state = entry.state;
    row.element.dataset.state = entry.state;
    row.element.replaceChildren(nameCell(entry), verdictCell(entry), ...numberCells(entry));
    if (hadFocus) row.element.querySelector('a')?.focus();
    return true;
  }
}

function next(element: Element): Element | null {
  return element.nextElementSibling;
}

function newsOf({ name, state, problem, summary }: CaptureEntry): string[] {
  const short = shorten(visible(name), 60);
  if (summary !== undefined) return [`${short}: ${visible(summary.sentence)}`];
  return state === 'failed' ? [`${short} failed: ${visible(problem ?? '')}`] : [];
}

function countWords({ entries, more }: CaptureList): string {
  const count = (...states: readonly string[]) =>
    entries.filter(({ state }) => states.includes(state)).length;
  const parts = [
    [count('reported'), 'reported'],
    [count('reading'), 'being read'],
    [count('waiting', 'growing'), 'waiting'],
    [count('failed'), 'failed'],
  ] as const;
  const all = entries.length + more;
  const words = parts.filter(([many]) => many > 0).map(([many, word]) => `${many} ${word}`);
  const rest = more > 0 ? [`${formatNumber(more)} more are not shown`] : [];
  const noun = all === 1 ? 'capture' : 'captures';
  return `${formatNumber(all)} ${noun}: ${[...words, ...rest].join(', ')}`;
}

/** What was there when the page was opened is no news. */
let isFirst = true;
const rows = new Rows(byId('captures'));
// It scrolls sideways in a narrow window, so the keyboard must get there.
byId('list').tabIndex = 0;

function show(list: CaptureList): void {
  const folder = visible(list.folder);
  for (const place of document.querySelectorAll('.folder')) place.textContent = folder;
  const isEmpty = list.entries.length === 0;
  const news = rows.show(list.entries);
  byId('list').hidden = isEmpty;
  byId('empty').hidden = !isEmpty || list.problem !== undefined;
  setText(byId('count'), isEmpty ? '' : countWords(list));
  trouble('folder-problem', list.problem === undefined ? '' : visible(list.problem));
  if (!isFirst && news.length > 0) setText(byId('news'), news.join(' '));
  isFirst = false;
  const count = isEmpty ? '' : `(${list.entries.length}) `;
  document.title = `${count}Captures in ${shorten(folder, 60)}`;
  document.documentElement.dataset.ready = 'true';
}

function trouble(id: string, text: string): void {
  const place = byId(id);
  setText(place, text);
  place.hidden = text === '';
}

const events = new EventSource('/events');
events.addEventListener('message', ({ data }: MessageEvent<string>) => {
  trouble('connection', '');
  // From this page's own server, which is of the same version.
  show(JSON.parse(data) as CaptureList);
});
events.addEventListener('error', () => {
  const text =
    'tidemark watch does not answer: it may have ended. This list is as it was; it goes on ' +
    'by itself when the command is started again.';
  trouble('connection', text);
});
