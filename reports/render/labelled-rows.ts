/** Rows of a label and what belongs to it, for a screen of so many columns. */
import { shorten, visible } from '../display.ts';
import { NBSP, SCREEN_COLUMNS, wrap } from '../terminal.ts';

const LABEL = 13;
/** A text that is longer than so many lines of a usual screen is cut: it is for the beginning. */
const MOST_LINES = 4;

export class LabelledRows {
  readonly columns: number;
  /** Columns of the texts beside the labels. */
  readonly beside: number;

  constructor(columns: number) {
    this.columns = columns;
    this.beside = columns - LABEL;
  }

  /** Texts below each other, the first beside the label. */
  row(label: string, texts: readonly string[]): string[] {
    return this.lines(
      label,
      texts.flatMap((text) => this.fill(text)),
    );
  }

  /** The same with lines that are made already. */
  lines(label: string, made: readonly string[]): string[] {
    return made.map((line, index) => `${(index === 0 ? label : '').padEnd(LABEL)}${line}`);
  }

  /** A text as lines that fit beside a label. */
  fill(text: string, indent = ''): string[] {
    const lines = wrap(text, this.beside - indent.length);
    const most = Math.ceil((MOST_LINES * SCREEN_COLUMNS) / this.columns);
    const shown = lines.slice(0, most);
    if (lines.length > most) shown[most - 1] += ' …';
    return shown.map((line) => `${indent}${line}`);
  }

  /** The first of several, and how many more there are. */
  list(label: string, texts: readonly string[], most: number): string[] {
    const hidden = texts.length - most;
    // Instead of "and 1 more" stands that one.
    const shown = hidden === 1 ? texts : texts.slice(0, most);
    return this.row(label, [...shown, ...(hidden > 1 ? [`and ${hidden} more`] : [])]);
  }

  /** Ids on at most two lines. */
  names(label: string, ids: readonly string[]): string[] {
    if (ids.length === 0) return [];
    const lines = wrap(ids.join(', '), this.beside);
    if (lines.length <= 2) return this.row(label, lines);
    const shown = lines.slice(0, 2).join(' ').replace(/,$/, '').split(', ');
    let count = shown.length;
    const text = () => `${ids.slice(0, count).join(', ')} and ${ids.length - count} more`;
    while (count > 1 && wrap(text(), this.beside).length > 2) count--;
    return this.row(label, wrap(text(), this.beside));
  }

  /** A command that can be pasted: lines that go on end with a backslash. */
  shell(command: string): string[] {
    const lines: string[] = [];
    for (const word of visible(command).replaceAll(' -e ', ` -e${NBSP}`).split(' ')) {
      const last = lines.at(-1);
      // Six of the indent, two of the backslash. A word of a command is never cut.
      const fits = last !== undefined && last.length + 1 + word.length <= this.beside - 8;
      if (fits) lines[lines.length - 1] = `${last} ${word}`;
      else lines.push(word);
    }
    return lines.map((line, nth) => {
      const head = nth === 0 ? '  $ ' : '      ';
      return `${head}${line}${nth === lines.length - 1 ? '' : ' \\'}`;
    });
  }

  /** As many `name=value` as fit: a number that is cut is another number. */
  fields(text: string): string {
    const width = this.beside - 2;
    if (text.length <= width) return `  ${text}`;
    const end = text.lastIndexOf(' ', width - 2);
    return `  ${end <= 0 ? shorten(text, width) : `${text.slice(0, end)} …`}`;
  }
}
