/** Requests that a FUSE server has and has not answered. */
import { exactAt } from '../../trace/column.ts';
import { visitInOrder } from '../../trace/merge.ts';
import { numbers, type Table } from '../../trace/table.ts';
import type { Context } from '../context.ts';
import type { Interval, Series, Timeline } from '../detail.ts';
import { fuseConnections } from '../facts/fuse.ts';
import type { Outcome } from '../finding.ts';
import { count, duration } from '../format.ts';
import { lostIntervals } from '../intervals.ts';
import type { FindingDefinition } from '../run.ts';
import { notRecorded } from './binned.ts';

export const fuse: FindingDefinition = {
  id: 'fuse',
  title: 'FUSE requests in flight',
  question: 'Did the FUSE servers answer, and how many requests waited for them?',
  needs: [],
  evaluate,
};

const SEND = 'fuse_request_send';
const END = 'fuse_request_end';
const CONNECTIONS = 4;

function evaluate(context: Context): Outcome {
  const { tables } = context.trace;
  const send = tables.get(SEND);
  if (send === undefined || send.rows === 0 || !('unique' in send.columns)) {
    return notRecorded(context, [SEND], '-e fuse');
  }
  const connections = follow(send, tables.get(END));
  const drawn = [...connections]
    .sort(([, left], [, right]) => right.highest - left.highest)
    .slice(0, CONNECTIONS);
  const silences = context.facts.once(fuseConnections).flatMap(({ silences: own }) => own);
  const [longest] = [...silences].sort(
    (left, right) => right.to_ns - right.from_ns - (left.to_ns - left.from_ns),
  );
  const highest = Math.max(...drawn.map(([, { highest: most }]) => most));
  const quiet =
    longest === undefined
      ? ''
      : `; no answer for ${duration(longest.to_ns - longest.from_ns)}` +
        (longest.open ? ' to the end' : '');
  const bands = silences.map(
    ({ from_ns, to_ns, connection }): Interval => ({
      from_ns,
      to_ns,
      label: `connection ${connection} answers nothing`,
    }),
  );
  const chart: Timeline = {
    kind: 'timeline',
    id: 'fuse-in-flight',
    title: `Up to ${count(highest, 'request')} waited for the FUSE server${quiet}`,
    subtitle: `counted from ${SEND} and ${END}; requests from before the capture are not in it`,
    unit: 'count',
    window_ns: context.window_ns,
    series: drawn.map(([id, { times, levels }], index): Series => {
      return {
        id: `connection_${index}`,
        label: `connection ${id}`,
        role: 'inferred',
        shape: 'step',
        t_ns: Float64Array.from(times),
        values: Float64Array.from(levels),
      };
    }),
    bands,
    lost: lostIntervals(context),
  };
  const summary = `${chart.title}. ${count(connections.size, 'connection')} in use.`;
  const status = longest === undefined ? 'clear' : 'found';
  return { status, summary, details: [chart], weakenedBy: [] };
}

type Connection = {
  readonly pending: Set<string>;
  readonly times: number[];
  readonly levels: number[];
  highest: number;
};

/** Nobody answers these (include/uapi/linux/fuse.h). */
const UNANSWERED = /^(?:FUSE_)?(?:FORGET|BATCH_FORGET|NOTIFY_REPLY)$/;

function follow(send: Table, end: Table | undefined): ReadonlyMap<string, Connection> {
  const byId = new Map<string, Connection>();
  const present = end === undefined ? [send] : [send, end];
  const readers = present.map((table) => {
    const { connection, unique, opcode } = table.columns;
    const text = (column: typeof connection, row: number) =>
      column === undefined ? '' : String(exactAt(column, row));
    const ts = numbers(table, 'ts_ns').values;
    return (row: number) => ({
      id: text(connection, row),
      unique: text(unique, row),
      opcode: text(opcode, row),
      ts_ns: ts[row] as number,
    });
  });
  visitInOrder(present, (which, row) => {
    const request = readers[which]?.(row);
    if (request === undefined || UNANSWERED.test(request.opcode)) return;
    let own = byId.get(request.id);
    if (own === undefined) {
      own = { pending: new Set(), times: [0], levels: [0], highest: 0 };
      byId.set(request.id, own);
    }
    if (which === 0) own.pending.add(request.unique);
    else if (!own.pending.delete(request.unique)) return;
    own.times.push(request.ts_ns);
    own.levels.push(own.pending.size);
    own.highest = Math.max(own.highest, own.pending.size);
  });
  return byId;
}
