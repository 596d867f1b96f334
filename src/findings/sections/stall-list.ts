/** Every wait that was long enough to list, to search in and to jump to. */
import { PLACE_WORDS, type Stall } from '../../derive/stalls.ts';
import { firstInOrder } from '../../trace/search.ts';
import type { Context } from '../context.ts';
import type { DetailTable } from '../detail.ts';
import type { Outcome } from '../finding.ts';
import { count, duration } from '../format.ts';
import { kernelText } from '../kernel-text.ts';
import type { FindingDefinition } from '../run.ts';

export const stallList: FindingDefinition = {
  id: 'stall-list',
  title: 'All waits',
  question: 'Which single waits were the longest, and which event shows each?',
  needs: [],
  evaluate,
};

const LISTED = 200;

function evaluate(context: Context): Outcome {
  const { stalls } = context;
  if (stalls.length === 0) {
    const summary = 'No task was seen waiting.';
    return { status: 'clear', summary, details: [], weakenedBy: [] };
  }
  const total = stalls.reduce((sum, { own_ns }) => sum + own_ns, 0);
  const summary =
    `${count(stalls.length, 'wait')} took ${duration(total)} of the tasks’ time; those that took ` +
    'most are listed.';
  const table = stallTable(context, stalls, 'stalls', 'Waits that took most time');
  return { status: 'shown', summary, details: [table], weakenedBy: [] };
}

/** The longest of some stalls, with the event that shows each. */
export function stallTable(
  { trace }: Context,
  stalls: readonly Stall[],
  id: string,
  title: string,
  most = LISTED,
): DetailTable {
  const listed = firstInOrder(
    stalls,
    most,
    (left, right) => right.own_ns - left.own_ns || left.start_ns - right.start_ns,
  );
  // Only where another wait lies within one, its own time is another number.
  const isNested = listed.some(({ own_ns, duration_ns }) => own_ns !== duration_ns);
  const eventOf = ({ evidence: [first] }: Stall) => {
    const table = first === undefined ? undefined : trace.tables.get(first.table);
    return table === undefined || first === undefined ? undefined : kernelText(table, first.row);
  };
  return {
    kind: 'table',
    id,
    title,
    columns: [
      { key: 'at', label: 'At', unit: 's' },
      { key: 'task', label: 'Task', unit: 'none' },
      { key: 'pid', label: 'PID', unit: 'none' },
      { key: 'place', label: 'Waited in', unit: 'none' },
      { key: 'bdi', label: 'bdi', unit: 'none' },
      { key: 'took', label: 'Took', unit: 'ns' },
      ...(isNested ? [{ key: 'own', label: 'Own time', unit: 'ns' } as const] : []),
      { key: 'event', label: 'Event', unit: 'none' },
    ],
    rows: listed.map((stall) => ({
      at: stall.start_ns / 1e9,
      task: stall.comm,
      pid: stall.pid,
      place: PLACE_WORDS[stall.place],
      bdi: stall.bdi ?? stall.dev,
      took: stall.duration_ns,
      own: stall.own_ns,
      event: eventOf(stall),
    })),
    omitted: stalls.length - listed.length,
    windows_ns: listed.map(({ start_ns, duration_ns }) => [start_ns, start_ns + duration_ns]),
  };
}
