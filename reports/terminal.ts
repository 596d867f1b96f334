/** Text for a terminal: lines that fit its width, and tables whose columns stand below each other. */
import { shorten, visible } from './display.ts';

/** As wide as text is made where there is no terminal, and the most where there is one. */
export const SCREEN_COLUMNS = 98;

/** Between a number and its unit, so that no line breaks there. */
export const NBSP = '\u00a0';

const LONGEST_NAME = 64;

/**
 * Lines of at most `width` characters. Numbers stay with their units by NBSP. What is longer than
 * any name of a kernel is shortened in the middle; a shorter word stays whole on the narrowest
 * screen, so that it can be searched for.
 */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  // 146 MiB   3.2 ms
  const bound = visible(text).replace(/(\d) (?=(?:[KMGT]i)?B\b|[mµn]?s\b)/g, `$1${NBSP}`);
  for (const given of bound.split(' ')) {
    const word = shorten(given, Math.max(width, LONGEST_NAME));
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return line === '' ? lines : [...lines, line];
}

/**
 * Text to print, in lines of at most `columns` characters: the first begins with `lead`, the others
 * are indented as far, and by two more where `lead` is nothing but an indent. One line where nobody
 * reads it on a screen.
 */
export function hanging(text: string, columns: number | undefined, lead: string): string {
  if (columns === undefined) return `${lead}${text}\n`;
  const indent = ' '.repeat(lead.length + (lead.trim() === '' ? 2 : 0));
  const [first = '', ...rest] = wrap(text, columns - indent.length);
  return [`${lead}${first}`, ...rest.map((line) => `${indent}${line}`)]
    .map((line) => `${line.replaceAll(NBSP, ' ').trimEnd()}\n`)
    .join('');
}

export type TableLayout = {
  /** Which columns are numbers; otherwise that is seen by their cells. */
  readonly isNumeric?: ((column: number) => boolean) | undefined;
  /** Width of the screen: a last cell that is too long for it goes on below itself. */
  readonly columns?: number | undefined;
};

const NUMBER = /^(?:[-+≤±]?[\d,.]+(?: ?[%a-zA-Zµ/]+)?)?$/;

/** Lines of a table: numbers to the right, words to the left. */
export function tableLines(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  { isNumeric, columns }: TableLayout = {},
): string[] {
  const last = header.length - 1;
  const right = header.map((_, column) =>
    isNumeric === undefined
      ? rows.every((row) => NUMBER.test(row[column] ?? ''))
      : isNumeric(column),
  );
  const all = [header, ...rows];
  const widths = header.map((_, at) => Math.max(...all.map((row) => (row[at] ?? '').length)));
  const before = widths.slice(0, last).reduce((sum, width) => sum + width + GAP.length, 0);
  const room = Math.max(LEAST_ROOM, (columns ?? Number.POSITIVE_INFINITY) - before);
  return all.flatMap((row) => {
    const cell = row[last] ?? '';
    const [first = '', ...more] = cell.length > room ? wrap(cell, room) : [cell];
    const cells = [...row.slice(0, last), first].map((text, at) =>
      right[at] === true ? text.padStart(widths[at] ?? 0) : text.padEnd(widths[at] ?? 0),
    );
    const lines = [cells.join(GAP), ...more.map((line) => `${' '.repeat(before)}${line}`)];
    return lines.map((line) => line.trimEnd());
  });
}

const GAP = '  ';
/** Narrower than this, words would stand below each other; better is a line that is too long. */
const LEAST_ROOM = 24;

export type TextTable = {
  /** Width of the screen, if there is one. */
  readonly columns?: number | undefined;
  /**
   * How many columns name a row. A table that is wider than the screen goes on below itself, and
   * these are said again there, for the rows that have something there.
   */
  readonly labels?: number;
};

/** The same as text to print, indented. */
export function textTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  { columns, labels }: TextTable = {},
): string {
  const room = columns === undefined ? undefined : columns - GAP.length;
  const all = [header, ...rows];
  const widths = header.map((_, at) => Math.max(...all.map((row) => (row[at] ?? '').length)));
  const parts =
    room === undefined || labels === undefined
      ? [header.map((_, at) => at)]
      : partsThatFit(widths, labels, room);
  const texts = parts.map((part, nth) => {
    const pick = (row: readonly string[]) => part.map((at) => row[at] ?? '');
    const says = (row: readonly string[]) => row.slice(labels).some((cell) => cell !== '');
    const picked = rows.map(pick);
    return tableLines(pick(header), nth === 0 ? picked : picked.filter(says), { columns: room });
  });
  return texts.map((lines) => lines.map((line) => `${GAP}${line}\n`).join('')).join('\n');
}

/** Numbers of the columns that stand beside each other, the first `labels` in every part. */
function partsThatFit(widths: readonly number[], labels: number, room: number): number[][] {
  const named = widths.slice(0, labels).map((_, at) => at);
  const before = named.reduce((sum, at) => sum + (widths[at] ?? 0) + GAP.length, 0);
  const parts: number[][] = [];
  let used = room;
  for (let at = labels; at < widths.length; at++) {
    // The last cell is broken where it must be.
    const width = at === widths.length - 1 ? Math.min(widths[at] ?? 0, LEAST_ROOM) : widths[at];
    const more = (width ?? 0) + GAP.length;
    if (used + more - GAP.length > room || parts.length === 0) {
      parts.push([...named]);
      used = before;
    }
    parts.at(-1)?.push(at);
    used += more;
  }
  return parts;
}
