/** Report → the verdict on a terminal: not more than a screen, no colours, no control bytes. */
import { CONFIDENCE_WORDS, STATUS_WORDS, shorten, visible } from '../display.ts';
import type { Report, ReportTable } from '../report.ts';
import { formatNumber, formatQuantity } from '../units.ts';

const WIDTH = 80;
const MOST_LINES = 24;
const MOST_ROWS = 4;
const WIDEST_CELL = 22;

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of visible(text).split(' ')) {
    const piece = shorten(word, width);
    if (line !== '' && line.length + 1 + piece.length > width) {
      lines.push(line);
      line = piece;
    } else line = line === '' ? piece : `${line} ${piece}`;
  }
  return line === '' ? lines : [...lines, line];
}

function cellText(
  cell: ReportTable['rows'][number][number],
  unit: ReportTable['columns'][0]['unit'],
) {
  if (cell === null) return '–';
  const text = typeof cell === 'string' ? visible(cell) : formatQuantity(cell, unit);
  return shorten(text, WIDEST_CELL);
}

function tableLines(table: ReportTable): string[] {
  const rows = table.rows.slice(0, MOST_ROWS);
  const numeric = table.columns.map((_, i) => rows.some((row) => typeof row[i] === 'number'));
  const texts = [
    table.columns.map((column) => shorten(visible(column.label), WIDEST_CELL)),
    ...rows.map((row) => table.columns.map((column, i) => cellText(row[i] ?? null, column.unit))),
  ];
  const widths = table.columns.map((_, i) => Math.max(...texts.map((row) => row[i]?.length ?? 0)));
  // Columns that do not fit are left to the page: half a number is worse than none.
  let used = 0;
  const fitting = widths.filter((width) => {
    used += width + 2;
    return used <= WIDTH;
  }).length;
  const lines = texts.map((row) =>
    row
      .slice(0, fitting)
      .map((text, i) => (numeric[i] ? text.padStart(widths[i]) : text.padEnd(widths[i]))),
  );
  const more = table.rows.length - rows.length + table.omitted;
  return [
    shorten(visible(table.title), WIDTH),
    ...lines.map((cells) => shorten(`  ${cells.join('  ').trimEnd()}`, WIDTH)),
    ...(more > 0 ? [`  and ${formatNumber(more)} more`] : []),
  ];
}

/** Facts and verdict first: if the screen is short, the end is what is cut. */
export function renderText(report: Report): string {
  const { headline, sections } = report;
  const widest = Math.max(0, ...headline.facts.map(({ label }) => Math.min(28, label.length)));
  const facts = headline.facts.slice(0, 6).map(({ label, text }) => {
    const name = shorten(visible(label), 28).padEnd(widest);
    return `  ${name}  ${shorten(visible(text), WIDTH - widest - 4)}`;
  });
  const reasons = headline.confidence_reasons.join(' ');
  const trust = `${CONFIDENCE_WORDS[headline.confidence]}. ${reasons}`;
  const table = sections
    .flatMap((section) => section.details)
    .find((detail) => detail.kind === 'table');
  const answers = sections.map(({ status, title }) => {
    const { sign, word } = STATUS_WORDS[status];
    return shorten(`  ${sign} ${word.padEnd(14)} ${visible(title)}`, WIDTH);
  });
  const lines = [
    ...wrap(headline.sentence, WIDTH).slice(0, 4),
    '',
    ...facts,
    '',
    ...wrap(trust, WIDTH).slice(0, 3),
    ...(table === undefined ? [] : ['', ...tableLines(table)]),
  ];
  const room = MOST_LINES - lines.length - 1;
  if (answers.length > 0 && room > 0) {
    const cut = answers.length > room;
    lines.push('', ...answers.slice(0, cut ? room - 1 : room));
    if (cut) lines.push(`  and ${answers.length - room + 1} more findings in the report`);
  }
  return `${lines.join('\n')}\n`;
}
