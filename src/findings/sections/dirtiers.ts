/** Who dirtied what: rates of the tasks that dirtied most, and tables by task and by inode. */
import { textAt } from '../../trace/column.ts';
import { numbers, texts } from '../../trace/table.ts';
import type { Context } from '../context.ts';
import type { DetailTable, Series, Timeline } from '../detail.ts';
import { dirtiedIn, folioSizes } from '../facts/dirtiers.ts';
import type { Outcome } from '../finding.ts';
import { bytes, percent } from '../format.ts';
import { lostIntervals } from '../intervals.ts';
import type { FindingDefinition } from '../run.ts';
import { binWidth, notRecorded, ratePerBin } from './binned.ts';

export const dirtiers: FindingDefinition = {
  id: 'dirtiers',
  title: 'Who dirtied what',
  question: 'Which tasks made pages dirty, of which files, and when?',
  needs: [],
  evaluate,
};

const DIRTY = 'writeback_dirty_folio';
const DRAWN = 5;

function evaluate(context: Context): Outcome {
  const dirtied = dirtiedIn(context.facts, context.window_ns);
  const sizes = context.facts.once(folioSizes);
  if (dirtied === undefined || sizes === undefined || dirtied.total_pages === 0) {
    return notRecorded(context, [DIRTY], '-e writeback -e filemap');
  }
  const { pageSize } = context;
  const { table, pages } = sizes;
  const ts = numbers(table, 'ts_ns').values;
  const pid = numbers(table, 'pid').values;
  const comm = texts(table, 'comm');
  const bdi = texts(table, 'bdi');
  const series = dirtied.tasks.slice(0, DRAWN).map((task, index): Series => {
    const isOwn = (row: number) =>
      pid[row] === task.pid && textAt(bdi, row) === task.bdi && textAt(comm, row) === task.comm;
    const rate = ratePerBin(context, ts, (row) =>
      isOwn(row) ? (pages[row] as number) * pageSize : 0,
    );
    return {
      id: `task_${index}`,
      label: `${task.comm} ${task.pid} on ${task.bdi}`,
      role: 'inferred',
      shape: 'step',
      t_ns: rate.t_ns,
      values: rate.per_s,
    };
  });
  const total = dirtied.total_pages;
  const [most] = dirtied.tasks;
  const who =
    most === undefined
      ? ''
      : `; ${percent(most.pages / total)} by ${most.comm} (pid ${most.pid}) on ${most.bdi}`;
  const chart: Timeline = {
    kind: 'timeline',
    id: 'dirtiers',
    title: `${bytes(total * pageSize)} became dirty${who}`,
    subtitle: `folios of ${DIRTY} by their size, per second and task`,
    unit: 'bytes_per_s',
    window_ns: context.window_ns,
    series,
    bands: [],
    lost: lostIntervals(context),
    sumsOf_ns: binWidth(context),
  };
  const { assumed } = sizes.counts;
  const weakenedBy =
    assumed > 0 ? [`${assumed} folios of unknown size count as one page each.`] : [];
  const details = [chart, ...tables(context, dirtied)];
  return { status: 'shown', summary: `${chart.title}.`, details, weakenedBy };
}

function tables(
  { pageSize }: Context,
  { tasks, inodes, total_pages }: NonNullable<ReturnType<typeof dirtiedIn>>,
): DetailTable[] {
  const part = (pages: number) => ({
    dirtied: pages * pageSize,
    share: (100 * pages) / total_pages,
  });
  const sizeColumns = [
    { key: 'dirtied', label: 'Dirtied', unit: 'bytes' },
    { key: 'share', label: 'Of all', unit: 'percent' },
  ] as const;
  return [
    {
      kind: 'table',
      id: 'dirtied-by-task',
      title: 'By task and bdi',
      columns: [
        { key: 'task', label: 'Task', unit: 'none' },
        { key: 'pid', label: 'PID', unit: 'none' },
        { key: 'bdi', label: 'bdi', unit: 'none' },
        ...sizeColumns,
      ],
      rows: tasks.map(({ comm, pid, bdi, pages }) => ({ task: comm, pid, bdi, ...part(pages) })),
      omitted: 0,
    },
    {
      kind: 'table',
      id: 'dirtied-by-inode',
      title: 'By inode',
      columns: [
        { key: 'ino', label: 'Inode', unit: 'none' },
        { key: 'bdi', label: 'bdi', unit: 'none' },
        ...sizeColumns,
      ],
      rows: inodes.map(({ ino, bdi, pages }) => ({ ino, bdi, ...part(pages) })),
      omitted: 0,
    },
  ];
}
