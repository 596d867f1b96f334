/** The data of a chart or a table as comma-separated values, in base units. */
import type { ReportDetail, ReportTimeline } from './schema/details.ts';

type Cell = string | number | null;

// =SUM(A1)   +1   -2   @x: a spreadsheet would compute what a task's name says
const FORMULA = /^[=+\-@\t\r]/;

function cellText(cell: Cell): string {
  if (cell === null) return '';
  if (typeof cell === 'number') return String(cell);
  const safe = FORMULA.test(cell) ? `'${cell}` : cell;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function lines(head: readonly Cell[], rows: readonly (readonly Cell[])[]): string {
  return [head, ...rows].map((row) => `${row.map(cellText).join(',')}\n`).join('');
}

function timelineRows({ series, unit }: ReportTimeline): Cell[][] {
  return series.flatMap(({ label, role, t_ns, values, error_bound }) =>
    t_ns.map((t, i): Cell[] => [label, role, t, values[i] ?? null, unit, error_bound ?? null]),
  );
}

export function detailCsv(detail: ReportDetail): string {
  switch (detail.kind) {
    case 'timeline': {
      const head = ['curve', 'kind', 't_ns', 'value', 'unit', 'error_bound'];
      return lines(head, timelineRows(detail));
    }
    case 'lanes': {
      const head = ['lane', 'kind', 'from_ns', 'to_ns', 'count', 'text'];
      const rows = detail.bars.map(({ lane, kind, from_ns, to_ns, count, text }) => {
        const names = [detail.lanes[lane] ?? '', detail.kinds[kind] ?? ''];
        return [...names, from_ns, to_ns, count, text];
      });
      return lines(head, rows);
    }
    case 'heatmap': {
      const [from] = detail.window_ns;
      const rows = detail.cells.map(([column, row, count]) => {
        const at = from + column * detail.bin_ns;
        return [at, at + detail.bin_ns, detail.rows[row] ?? '', count];
      });
      return lines(['from_ns', 'to_ns', 'row', detail.counted], rows);
    }
    case 'distribution': {
      const rows = detail.buckets.map(({ label, count, total }) => [label, count, total]);
      return lines(['bucket', 'count', `total_${detail.unit}`], rows);
    }
    case 'table':
      return lines(
        detail.columns.map(({ key, unit }) => (unit === 'none' ? key : `${key} (${unit})`)),
        detail.rows,
      );
    case 'note':
      return lines(['note'], [[detail.text]]);
  }
}
