/** Requests that a FUSE server has and has not answered. */
import type { Context } from '../context.ts';
import type { Interval, Series, Timeline } from '../detail.ts';
import { type FuseConnection, fuseFacts } from '../facts/fuse.ts';
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
  const connections = context.facts.once(fuseFacts);
  if (connections.length === 0) return notRecorded(context, [SEND], '-e fuse');
  const drawn = [...connections]
    .sort((left, right) => highestOf(right) - highestOf(left))
    .slice(0, CONNECTIONS);
  const silences = connections.flatMap(({ silences: own }) => own);
  const [longest] = [...silences].sort(
    (left, right) => right.to_ns - right.from_ns - (left.to_ns - left.from_ns),
  );
  const highest = Math.max(...drawn.map(highestOf));
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
    series: drawn.map(({ id, ts_ns, pending_requests }, index): Series => {
      return {
        id: `connection_${index}`,
        label: `connection ${id}`,
        role: 'inferred',
        shape: 'step',
        t_ns: fromZero(ts_ns),
        values: fromZero(pending_requests),
      };
    }),
    bands,
    lost: lostIntervals(context),
  };
  const summary = `${chart.title}. ${count(connections.length, 'connection')} in use.`;
  const status = longest === undefined ? 'clear' : 'found';
  return { status, summary, details: [chart], weakenedBy: [] };
}

const highestOf = ({ pending_requests }: FuseConnection): number =>
  pending_requests.reduce((most, level) => Math.max(most, level), 0);

/** Nothing is known to be in flight when the capture begins. */
const fromZero = (values: readonly number[]): Float64Array => Float64Array.from([0, ...values]);
