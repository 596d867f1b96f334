/** Tables of a report: searchable where they are long, and rows that jump to their window. */

import { visible } from '../display.ts';
import type { ReportTable, Unit } from '../schema/details.ts';
import { formatNumber, formatQuantity } from '../units.ts';
import { el, named, scrollable } from './dom.ts';
import { csvButton } from './download.ts';
import type { TimeView, TimeWindow } from './time-view.ts';

/** What leads to a stretch of time. */
export type Jumps = Pick<TimeView, 'showAround'>;

export type Cell = {
  readonly text: string;
  readonly numeric?: boolean;
  readonly raw?: string;
  readonly long?: boolean;
};

const LONGEST_CELL = 56;
const LONGEST_TEXT = 400;
/** From so many rows on, looking for one needs help. */
const MANY_ROWS = 12;

function cellElement(name: 'td' | 'th', cell: Cell): HTMLElement {
  const attributes: Record<string, string> = cell.numeric === true ? { class: 'number' } : {};
  if (cell.raw !== undefined) attributes.title = cell.raw;
  if (cell.long === true) attributes.class = 'long';
  return named(name, cell.text, cell.long === true ? LONGEST_TEXT : LONGEST_CELL, attributes);
}

export function tableElement(
  caption: string,
  heads: readonly Cell[],
  rows: readonly (readonly Cell[])[],
): HTMLElement {
  const head = el('tr', {}, ...heads.map((cell) => cellElement('th', cell)));
  for (const th of head.children) th.setAttribute('scope', 'col');
  const body = rows.map((row) => el('tr', {}, ...row.map((cell) => cellElement('td', cell))));
  const table = el('table', {}, el('thead', {}, head), el('tbody', {}, ...body));
  return scrollable(visible(caption), table);
}

/** `4.661`: moments are compared by digits that stand below each other. */
function momentCell(value: string | number | null): Cell {
  if (typeof value !== 'number') return { text: '–' };
  return { text: value.toFixed(3), numeric: true, raw: `${value} s` };
}

function valueCell(value: string | number | null, unit: Unit): Cell {
  if (value === null) return { text: '–', raw: 'not known' };
  if (typeof value === 'string') return { text: value };
  // A pid is a name made of digits.
  const text = unit === 'none' ? String(value) : formatQuantity(value, unit);
  const raw = `${value} ${unit === 'none' ? '' : unit}`.trim();
  return text === String(value) ? { text, numeric: true } : { text, numeric: true, raw };
}

/** Rows whose text holds all words are shown. */
function searchField(table: ReportTable, body: HTMLElement): HTMLElement {
  const field = el('input', { type: 'search', placeholder: 'Search these rows' });
  field.setAttribute('aria-label', `Search in ${visible(table.title)}`);
  const said = el('span', { class: 'aside', role: 'status' });
  const rows = [...body.querySelectorAll<HTMLElement>('tbody tr')];
  const texts = table.rows.map((row) => row.join(' ').toLowerCase());
  field.addEventListener('input', () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let left = 0;
    for (const [i, row] of rows.entries()) {
      row.hidden = !words.every((word) => texts[i]?.includes(word));
      if (!row.hidden) left++;
    }
    said.textContent = words.length === 0 ? '' : `${left} of ${rows.length} rows`;
  });
  return el('div', { class: 'search' }, field, said);
}

/** The first cell of a row becomes the button that shows the row's window in all charts. */
function addJumps(table: ReportTable, body: HTMLElement, view: Jumps): void {
  for (const [i, row] of [...body.querySelectorAll('tbody tr')].entries()) {
    const window = table.windows_ns?.[i];
    const first = row.firstElementChild;
    if (window === undefined || window === null || first === null) continue;
    const label = first.textContent ?? '';
    first.replaceChildren(jumpButton(label, window, view));
  }
}

/** `name`: for readers of the screen, where several of the same label stand on the page. */
export function jumpButton(
  label: string,
  window: TimeWindow,
  view: Jumps,
  name?: string,
): HTMLElement {
  const title = 'Show this stretch in all charts';
  const button = el('button', { type: 'button', class: 'jump', title }, label);
  if (name !== undefined) button.setAttribute('aria-label', visible(name));
  button.addEventListener('click', () => view.showAround(window));
  return button;
}

/** Columns of sentences. */
const TEXT_KEYS: ReadonlySet<string> = new Set(['event', 'law']);

export function detailTable(table: ReportTable, view: Jumps): HTMLElement {
  const numeric = table.columns.map((_, i) => table.rows.some((row) => typeof row[i] === 'number'));
  const heads = table.columns.map(({ key, label }, i) => ({
    text: key === 'at' ? `${label} (s)` : label,
    numeric: numeric[i] ?? false,
  }));
  const rows = table.rows.map((row) =>
    table.columns.map(({ key, unit }, i): Cell => {
      const cell = key === 'at' ? momentCell(row[i] ?? null) : valueCell(row[i] ?? null, unit);
      return { ...cell, numeric: numeric[i] ?? false, long: TEXT_KEYS.has(key) };
    }),
  );
  const element = el('div', { class: 'detail' }, named('h3', table.title, 200));
  if (table.rows.length === 0) {
    element.append(el('p', { class: 'aside' }, 'No rows.'));
    return element;
  }
  const body = tableElement(table.title, heads, rows);
  if (table.rows.length > MANY_ROWS) element.append(searchField(table, body));
  addJumps(table, body, view);
  const foot = el('div', { class: 'foot' });
  if (table.omitted > 0) {
    foot.append(el('p', { class: 'aside' }, `${formatNumber(table.omitted)} more rows.`));
  }
  foot.append(csvButton(table));
  element.append(body, foot);
  return element;
}
