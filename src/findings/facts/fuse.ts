/**
 * FUSE connections: requests in flight over time, and stretches in which a server that had work
 * answered nothing. A stretch is silence when it is far longer than this server usually takes.
 */
import { type Column, exactAt } from '../../trace/column.ts';
import { visitInOrder } from '../../trace/merge.ts';
import { numbers, type Table } from '../../trace/table.ts';
import type { Facts } from '../facts.ts';

export type Silence = {
  readonly connection: string;
  readonly from_ns: number;
  readonly to_ns: number;
  /** True when the trace ends before an answer came. */
  readonly open: boolean;
  /** Requests in flight when it began, and when it ended. */
  readonly pending_before: number;
  readonly pending_after: number;
  /** Rows of the last answer before and of the first after (−1: none). */
  readonly last_row: number;
  readonly next_row: number;
};

export type FuseConnection = {
  readonly id: string;
  readonly sent: number;
  readonly answered: number;
  /** How long a request usually took, nanoseconds; undefined without answers. */
  readonly median_service_ns: number | undefined;
  readonly silences: readonly Silence[];
};

/** Shorter than this nobody calls a server stuck. */
const LEAST_SILENCE_NS = 5e8;
/** Servers that are slow by nature are not stuck: silence must stand out from their own service. */
const TIMES_SERVICE = 20;

export function fuseConnections(facts: Facts): readonly FuseConnection[] {
  const { tables } = facts.trace;
  const send = tables.get('fuse_request_send');
  const end = tables.get('fuse_request_end');
  if (send === undefined) return [];
  const state = new Map<string, Tracker>();
  const trackerOf = (id: string) => {
    let tracker = state.get(id);
    if (tracker === undefined) {
      tracker = new Tracker(id);
      state.set(id, tracker);
    }
    return tracker;
  };
  const present = end === undefined ? [send] : [send, end];
  const readers = present.map(requestReader);
  visitInOrder(present, (which, row) => {
    const request = readers[which]?.(row);
    if (request === undefined || !request.counts) return;
    const tracker = trackerOf(request.connection);
    if (which === 0) tracker.send(request.unique, request.ts_ns);
    else tracker.answer(request.unique, request.ts_ns, row);
  });
  return [...state.values()].map((tracker) => tracker.finish(facts));
}

/**
 * Requests that get no answer, or wait by nature for as long as somebody else pleases: forgets,
 * interrupts, locks that block, polls (include/uapi/linux/fuse.h).
 */
const NO_MEASURE = /^(?:FUSE_)?(?:FORGET|BATCH_FORGET|INTERRUPT|SETLKW|POLL|NOTIFY_REPLY|DESTROY)$/;

function requestReader(table: Table) {
  const ts = numbers(table, 'ts_ns').values;
  const text = (column: Column | undefined, row: number) =>
    column === undefined ? '' : String(exactAt(column, row));
  const { connection, unique, opcode } = table.columns;
  return (row: number) => ({
    connection: text(connection, row),
    unique: text(unique, row),
    counts: !NO_MEASURE.test(text(opcode, row)),
    ts_ns: ts[row] as number,
  });
}

/** Follows one connection; keeps the requests in flight and the gaps between answers. */
class Tracker {
  readonly #id: string;
  readonly #pending = new Map<string, number>();
  readonly #service: number[] = [];
  readonly #gaps: Omit<Silence, 'connection'>[] = [];
  #sent = 0;
  #lastRow = -1;
  /** Since when the server has had something to answer without answering. */
  #idleSince = Number.NaN;
  #pendingThen = 0;

  constructor(id: string) {
    this.#id = id;
  }

  send(unique: string, ts_ns: number): void {
    if (this.#pending.size === 0) this.#mark(ts_ns);
    this.#pending.set(unique, ts_ns);
    this.#sent++;
  }

  answer(unique: string, ts_ns: number, row: number): void {
    const sent = this.#pending.get(unique);
    this.#note(ts_ns, false, row);
    if (sent !== undefined) {
      this.#service.push(ts_ns - sent);
      this.#pending.delete(unique);
    }
    this.#lastRow = row;
    this.#mark(ts_ns);
  }

  #mark(ts_ns: number): void {
    this.#idleSince = ts_ns;
    this.#pendingThen = this.#pending.size;
  }

  #note(ts_ns: number, open: boolean, row: number): void {
    if (!(ts_ns - this.#idleSince >= LEAST_SILENCE_NS) || this.#pending.size === 0) return;
    this.#gaps.push({
      from_ns: this.#idleSince,
      to_ns: ts_ns,
      open,
      pending_before: this.#pendingThen,
      pending_after: this.#pending.size,
      last_row: this.#lastRow,
      next_row: row,
    });
  }

  finish({ duration_ns, losses }: Facts): FuseConnection {
    this.#note(duration_ns, true, -1);
    this.#service.sort((left, right) => left - right);
    const median = this.#service[Math.floor((this.#service.length - 1) / 2)];
    const least = TIMES_SERVICE * (median ?? 0);
    const silences = this.#gaps.filter(
      ({ from_ns, to_ns }) => to_ns - from_ns >= least && !losses.overlaps(from_ns, to_ns),
    );
    return {
      id: this.#id,
      sent: this.#sent,
      answered: this.#service.length,
      median_service_ns: median,
      silences: silences.map((gap) => ({ ...gap, connection: this.#id })),
    };
  }
}
