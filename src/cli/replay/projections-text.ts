/** The replayed pages by node, cgroup and class on a terminal: the largest parts of each. */
import { hanging, textTable } from '../../../reports/terminal.ts';
import {
  PROJECTIONS,
  type ProjectedPart,
  type Projection,
  type ProjectionName,
  type Projections,
} from '../../replay/history/projections.ts';
import { printable } from '../../trace/printable.ts';
import { thousands } from '../../trace/wording.ts';

const WORDS: Readonly<Record<ProjectionName, string>> = {
  nodes: 'node',
  memcgs: 'cgroup charged',
  wb_cgroups: 'writeback of cgroup',
  classes: 'class',
};
const SHOWN = 8;
const HEAD = ['pages by', '', 'dirtied', 'written', 'most dirty', 'most writeback'];

export function projectionsText(projections: Projections, columns: number | undefined): string {
  const rows = PROJECTIONS.flatMap((name) => rowsOf(name, projections[name]));
  const notes = PROJECTIONS.flatMap((name) => notesOf(name, projections[name]));
  const table = textTable([...HEAD, 'dirty at the end'], rows, { columns, labels: 2 });
  const lines = notes.map((note) => hanging(note, columns, '  '));
  return `${table}${lines.join('')}`;
}

function rowsOf(name: ProjectionName, { parts }: Projection): string[][] {
  return parts.slice(0, SHOWN).map((part) => [WORDS[name], ...cells(part)]);
}

function cells(part: ProjectedPart): string[] {
  const { name, bdi } = part;
  return [
    printable(bdi === undefined ? name : `${name} on ${bdi}`),
    thousands(part.dirtied_pages),
    thousands(part.written_pages),
    thousands(part.most_dirty_pages),
    thousands(part.most_writeback_pages),
    thousands(part.dirty_pages),
  ];
}

function notesOf(name: ProjectionName, { parts, record, fits }: Projection): string[] {
  const more = parts.length > SHOWN ? [`${parts.length - SHOWN} more by ${WORDS[name]}`] : [];
  const lacks = record === undefined ? [] : [`by ${WORDS[name]} more is known with ${record}`];
  return [
    ...more,
    ...lacks,
    ...fits.map(
      ({ against, name: whose, counter, n, max_abs_pages, wape }) =>
        `${WORDS[name]} ${printable(whose)}, against ${printable(against)}: ${counter} within ` +
        `${thousands(max_abs_pages)} pages in ${thousands(n)} samples` +
        (wape === undefined ? '' : `, WAPE ${(100 * wape).toPrecision(3)}%`),
    ),
  ];
}
