/** What two captures have different, in full: every number with what it rests on. */
import {
  type ComparedRow,
  causeRows,
  differenceText,
  JUDGED_WORDS,
  rowTexts,
} from '../compared.ts';
import { anchor } from '../display.ts';
import type { ReportComparison } from '../schema/comparison.ts';
import { el } from './dom.ts';
import { type Cell, type Jumps, tableElement } from './tables.ts';
import type { TimeWindow } from './time-view.ts';

const KINDS = {
  knob: 'setting',
  work: 'work',
  machine: 'machine',
  recording: 'recording',
} as const;

export function numbersElement(comparison: ReportComparison): HTMLElement {
  const id = anchor('numbers');
  const element = el(
    'section',
    { id, class: 'finding numbers', 'aria-labelledby': `${id}-title`, tabindex: '-1' },
    el('h2', { id: `${id}-title` }, 'All numbers, before and after'),
    numbersTable([...causeRows(comparison), ...comparison.numbers]),
  );
  if (comparison.setup.length > 0) {
    const heads = [{ text: 'Of' }, { text: 'What' }, { text: 'Before' }, { text: 'After' }];
    const rows = comparison.setup.map(({ kind, name, before, after }): Cell[] => [
      { text: KINDS[kind] },
      { text: name },
      { text: before, long: true },
      { text: after, long: true },
    ]);
    const caption = 'Not the same in both';
    element.append(
      el('h3', { id: 'all-differences' }, caption),
      tableElement(caption, heads, rows),
    );
  }
  return element;
}

function numbersTable(numbers: readonly ComparedRow[]): HTMLElement {
  const heads = [
    { text: 'Number' },
    { text: 'Before', numeric: true },
    { text: 'After', numeric: true },
    { text: 'Difference', numeric: true },
    { text: 'Result' },
    { text: 'What it rests on' },
  ];
  const rows = numbers.map((entry): Cell[] => {
    const { sign, word } = JUDGED_WORDS[entry.judged];
    const [before, after] = rowTexts(entry);
    return [
      { text: entry.name },
      { text: before, numeric: true, raw: String(entry.before) },
      { text: after, numeric: true, raw: String(entry.after) },
      { text: differenceText(entry), numeric: true },
      { text: `${sign} ${word}` },
      { text: entry.basis, long: true },
    ];
  });
  return tableElement('All numbers, before and after', heads, rows);
}

/** Times of one capture lead to where they lie on the common axis. */
export function movedJumps(view: Jumps, origin_ns: number): Jumps {
  return {
    showAround: ([from, to]: TimeWindow) => view.showAround([from - origin_ns, to - origin_ns]),
  };
}
