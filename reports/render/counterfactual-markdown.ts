/** What other kernels would have made of the capture, as Markdown beside the diagnosis. */

import { LEVEL_WORDS } from '../display.ts';
import type { ReportTable } from '../schema/details.ts';
import type { Report, ReportSection } from '../schema/report.ts';
import { formatQuantity } from '../units.ts';
import { bullets, section, table, text } from './diagnosis-markdown.ts';

/** Empty for captures whose history no other kernel treats in another way. */
export function counterfactualMarkdown({ sections }: Report): string {
  const found = sections.filter(({ level, status }) => level === 'c' && status === 'shown');
  return found.map((one) => section(text(one.title), body(one))).join('\n\n');
}

function body({ summary, weakened_by, details }: ReportSection): string {
  const tables = details.filter((detail) => detail.kind === 'table').map(tableText);
  const notes = details.filter((detail) => detail.kind === 'note').map((note) => text(note.text));
  const { name } = LEVEL_WORDS.c;
  const parts = [
    text(summary),
    `_Comparison level c, ${name}._`,
    ...tables,
    bullets(notes),
    bullets(weakened_by.map((why) => `less certain: ${text(why)}`)),
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}

function tableText({ columns, rows }: ReportTable): string {
  const cells = rows.map((row) =>
    row.map((cell, at) => {
      const unit = columns[at]?.unit ?? 'none';
      if (cell === null) return '–';
      return typeof cell === 'string' ? text(cell) : formatQuantity(cell, unit);
    }),
  );
  return table(
    columns.map(({ label }) => text(label)),
    cells,
  );
}
