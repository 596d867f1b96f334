/**
 * FUSE connections: requests on their way to the server over time, and stretches in which a server
 * that had work answered nothing. A stretch is silence when it is far longer than this server
 * usually takes.
 */

import { connectionOf } from '../derive/fuse-requests.ts';
import { visitInOrder } from '../trace/order.ts';
import { numbers, tableWith } from '../trace/table.ts';
import { secondsText } from '../trace/time.ts';
import type { Trace } from '../trace/trace.ts';
import { type Request, RequestPairs } from './compare/fuse-pairs.ts';
import { type LossIndex, lossIndex } from './losses.ts';

export type Silence = {
  readonly connection: string;
  readonly from_ns: number;
  /** End of the trace, where no answer came. */
  readonly to_ns: number;
  /** True when the trace ends before an answer came. */
  readonly open: boolean;
  /** Requests in flight when it began, and when it ended; of the latter also their length. */
  readonly pending_before: number;
  readonly pending_after: number;
  readonly pending_bytes: number;
  /** Rows of the last answer before and of the first after (−1: none). */
  readonly last_row: number;
  readonly next_row: number;
};

export type FuseConnection = {
  /** The connection's number: minor of its device. */
  readonly id: string;
  readonly sent: number;
  readonly answered: number;
  /** How long a request usually took, nanoseconds; undefined without answers. */
  readonly median_service_ns: number | undefined;
  readonly silences: readonly Silence[];
  /** At each change: requests on their way, and their length in bytes. */
  readonly ts_ns: readonly number[];
  readonly pending_requests: readonly number[];
  readonly pending_bytes: readonly number[];
};

/** Shorter than this nobody calls a server stuck. */
const LEAST_SILENCE_NS = 5e8;
/** Servers that are slow by nature are not stuck: silence must stand out from their own service. */
const TIMES_SERVICE = 20;

/** Empty when the trace does not tell of requests. */
export function fuseConnections(trace: Trace): readonly FuseConnection[] {
  const { tables } = trace;
  const send = tableWith(tables, 'fuse_request_send', ['connection', 'unique', 'opcode']);
  const end = tableWith(tables, 'fuse_request_end', ['connection', 'unique']);
  if (send === undefined) return [];
  const pairs = new RequestPairs(send, end);
  const followed = new Map<number, Followed>();
  const present = end === undefined ? [send] : [send, end];
  const times = present.map((table) => numbers(table, 'ts_ns').values);
  visitInOrder(present, (which, row) => {
    const connection = connectionOf(present[which] ?? send, row);
    let own = followed.get(connection);
    if (own === undefined) {
      own = new Followed(String(connection));
      followed.set(connection, own);
    }
    const ts_ns = times[which]?.[row] as number;
    if (which === 0) own.send(pairs.send(row), ts_ns);
    else own.answer(pairs.end(row), ts_ns, row);
  });
  const losses = lossIndex(trace.losses);
  return [...followed.values()].map((own) => own.finish(trace.meta.duration_ns, losses));
}

/** Follows one connection; keeps the requests in flight and the gaps between answers. */
class Followed {
  readonly #id: string;
  readonly #pending = new Map<Request, number>();
  #bytes = 0;
  readonly #service: number[] = [];
  readonly #gaps: Silence[] = [];
  #sent = 0;
  #lastRow = -1;
  /** Since when the server has had something to answer without answering. */
  #since = Number.NaN;
  #pendingThen = 0;
  readonly #ts: number[] = [];
  readonly #requests: number[] = [];
  readonly #sizes: number[] = [];

  constructor(id: string) {
    this.#id = id;
  }

  send(request: Request | undefined, ts_ns: number): void {
    if (request === undefined) return;
    if (this.#pending.size === 0) this.#mark(ts_ns);
    this.#pending.set(request, ts_ns);
    this.#bytes += request.bytes;
    this.#sent++;
    this.#record(ts_ns);
  }

  answer(request: Request | undefined, ts_ns: number, row: number): void {
    const sent = request && this.#pending.get(request);
    this.#note(ts_ns, false, row);
    if (request !== undefined && sent !== undefined) {
      this.#service.push(ts_ns - sent);
      this.#pending.delete(request);
      this.#bytes -= request.bytes;
      this.#record(ts_ns);
    }
    this.#lastRow = row;
    this.#mark(ts_ns);
  }

  #mark(ts_ns: number): void {
    this.#since = ts_ns;
    this.#pendingThen = this.#pending.size;
  }

  #record(ts_ns: number): void {
    this.#ts.push(ts_ns);
    this.#requests.push(this.#pending.size);
    this.#sizes.push(this.#bytes);
  }

  /** A stretch without answers ends. */
  #note(to_ns: number, open: boolean, next_row: number): void {
    if (!(to_ns - this.#since >= LEAST_SILENCE_NS) || this.#pending.size === 0) return;
    this.#gaps.push({
      connection: this.#id,
      from_ns: this.#since,
      to_ns,
      open,
      pending_before: this.#pendingThen,
      pending_after: this.#pending.size,
      pending_bytes: this.#bytes,
      last_row: this.#lastRow,
      next_row,
    });
  }

  finish(duration_ns: number, losses: LossIndex): FuseConnection {
    this.#note(duration_ns, true, -1);
    this.#service.sort((left, right) => left - right);
    const median = this.#service[Math.floor((this.#service.length - 1) / 2)];
    const least = TIMES_SERVICE * (median ?? 0);
    return {
      id: this.#id,
      sent: this.#sent,
      answered: this.#service.length,
      median_service_ns: median,
      // An answer that was lost leaves its request behind.
      silences: this.#gaps.filter(
        ({ from_ns, to_ns }) => to_ns - from_ns >= least && !losses.overlaps(from_ns, to_ns),
      ),
      ts_ns: this.#ts,
      pending_requests: this.#requests,
      pending_bytes: this.#sizes,
    };
  }
}

/** Sentences on servers that were stuck. */
export function stuckServers(trace: Trace): readonly string[] {
  return fuseConnections(trace).flatMap(({ id, silences }) =>
    silences.map(({ from_ns, to_ns, open, pending_after, pending_bytes }) => {
      const until = open ? 'to the end of the trace' : `to ${secondsText(to_ns)}`;
      return (
        `The server of FUSE connection ${id} answered nothing from ${secondsText(from_ns)} ` +
        `${until} (${secondsText(to_ns - from_ns)}) with ${pending_after} ` +
        `${pending_after === 1 ? 'request' : 'requests'} (${pending_bytes} bytes) waiting.`
      );
    }),
  );
}
