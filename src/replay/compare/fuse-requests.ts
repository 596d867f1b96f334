/**
 * What waits for FUSE servers over time, and when a server is stuck: the oldest of its requests is
 * far older than its requests usually get, and nothing at all is answered.
 */
import { visitInOrder } from '../../trace/merge.ts';
import { numbers, tableWith } from '../../trace/table.ts';
import type { Trace } from '../../trace/trace.ts';
import { type LossIndex, lossIndex } from '../losses.ts';
import { connectionOf, type Request, RequestPairs } from './fuse-pairs.ts';

export type StuckInterval = {
  readonly from_ns: number;
  /** End of the trace, where no answer came. */
  readonly to_ns: number;
  readonly ended: boolean;
  readonly pending_requests: number;
  readonly pending_bytes: number;
};

export type FuseRequests = {
  /** The connection's number: minor of its device. */
  readonly connection: number;
  /** At each change: requests on their way, and their length in bytes. */
  readonly ts_ns: readonly number[];
  readonly pending_requests: readonly number[];
  readonly pending_bytes: readonly number[];
  readonly stuck: readonly StuckInterval[];
};

/** Nobody calls a server stuck for less. */
const LEAST_NS = 1e8;
/** And not for less than so many times what all but a hundredth of its answers took. */
const TIMES_USUAL = 20;
const USUAL = 0.99;

/** Undefined when the trace does not tell of requests and answers. */
export function fuseRequests(trace: Trace): readonly FuseRequests[] | undefined {
  const { tables } = trace;
  const sent = tableWith(tables, 'fuse_request_send', ['connection', 'unique', 'opcode']);
  const ended = tableWith(tables, 'fuse_request_end', ['connection', 'unique']);
  if (sent === undefined || ended === undefined) return undefined;
  const pairs = new RequestPairs(sent, ended);
  const followed = new Map<number, Followed>();
  const times = [numbers(sent, 'ts_ns').values, numbers(ended, 'ts_ns').values] as const;
  visitInOrder([sent, ended], (which, row) => {
    const connection = connectionOf(which === 0 ? sent : ended, row);
    let own = followed.get(connection);
    if (own === undefined) {
      own = new Followed(connection);
      followed.set(connection, own);
    }
    const request = which === 0 ? pairs.send(row) : pairs.end(row);
    const ts_ns = times[which as 0 | 1][row] as number;
    if (which === 0) own.send(request, ts_ns);
    else own.answer(request, ts_ns);
  });
  const losses = lossIndex(trace.losses);
  return [...followed.values()].map((own) => own.finish(trace.meta.duration_ns, losses));
}

type Quiet = Omit<StuckInterval, 'ended'> & { readonly oldest_ns: number };

class Followed {
  readonly #connection: number;
  readonly #pending = new Map<Request, number>();
  #bytes = 0;
  /** Last answer, or the first request since nothing was pending. */
  #since = Number.NaN;
  readonly #service: number[] = [];
  readonly #quiet: Quiet[] = [];
  readonly #ts: number[] = [];
  readonly #requests: number[] = [];
  readonly #sizes: number[] = [];

  constructor(connection: number) {
    this.#connection = connection;
  }

  send(request: Request | undefined, ts_ns: number): void {
    if (request === undefined) return;
    if (this.#pending.size === 0) this.#since = ts_ns;
    this.#pending.set(request, ts_ns);
    this.#bytes += request.bytes;
    this.#record(ts_ns);
  }

  answer(request: Request | undefined, ts_ns: number): void {
    this.#end(ts_ns);
    const sent = request && this.#pending.get(request);
    if (request !== undefined && sent !== undefined) {
      this.#service.push(ts_ns - sent);
      this.#pending.delete(request);
      this.#bytes -= request.bytes;
    }
    this.#since = ts_ns;
    this.#record(ts_ns);
  }

  /** A stretch without answers ends. */
  #end(to_ns: number): void {
    const oldest_ns = this.#pending.values().next().value;
    if (oldest_ns === undefined || to_ns - this.#since < LEAST_NS) return;
    this.#quiet.push({
      from_ns: this.#since,
      to_ns,
      pending_requests: this.#pending.size,
      pending_bytes: this.#bytes,
      oldest_ns,
    });
  }

  #record(ts_ns: number): void {
    this.#ts.push(ts_ns);
    this.#requests.push(this.#pending.size);
    this.#sizes.push(this.#bytes);
  }

  finish(end_ns: number, losses: LossIndex): FuseRequests {
    const answered = this.#quiet.length;
    this.#end(end_ns);
    this.#service.sort((left, right) => left - right);
    const usual = this.#service[Math.floor((this.#service.length - 1) * USUAL)] ?? 0;
    const least = Math.max(LEAST_NS, TIMES_USUAL * usual);
    const stuck = this.#quiet
      .map((quiet, at) => ({ ...quiet, ended: at < answered }))
      // An answer that was lost leaves its request behind.
      .filter(
        ({ oldest_ns, to_ns }) => to_ns - oldest_ns >= least && !losses.overlaps(oldest_ns, to_ns),
      )
      .map(({ oldest_ns: _, ...interval }) => interval);
    return {
      connection: this.#connection,
      ts_ns: this.#ts,
      pending_requests: this.#requests,
      pending_bytes: this.#sizes,
      stuck,
    };
  }
}

/** Sentences on servers that were stuck. */
export function stuckServers(trace: Trace): readonly string[] {
  const seconds = (ns: number) => `${(ns / 1e9).toFixed(3)} s`;
  return (fuseRequests(trace) ?? []).flatMap(({ connection, stuck }) =>
    stuck.map(({ from_ns, to_ns, ended, pending_requests, pending_bytes }) => {
      const until = ended ? `to ${seconds(to_ns)}` : 'to the end of the trace';
      return (
        `The server of FUSE connection ${connection} answered nothing from ${seconds(from_ns)} ` +
        `${until} (${seconds(to_ns - from_ns)}) with ${pending_requests} ` +
        `${pending_requests === 1 ? 'request' : 'requests'} (${pending_bytes} bytes) waiting.`
      );
    }),
  );
}
