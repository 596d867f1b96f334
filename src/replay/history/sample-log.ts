/**
 * Counters as recorded at some moments, and what the replay predicted for them. The prediction
 * starts at an anchor, a sample whose values were taken over, and may have to start again after
 * events were lost.
 */
import { counterAt } from '../../model/view.ts';
import { COUNTER_COUNT, NR_DIRTY, NR_WRITEBACK, NR_WRITTEN } from './flight.ts';
import type { PageHistory } from './page-history.ts';

export class SampleLog {
  readonly rows: number;
  /** By counter, then by row; NaN where nothing is predicted or recorded. */
  readonly predicted: Float64Array[];
  readonly recorded: readonly Float64Array[];
  readonly in_flight: Float64Array[];
  /** Row at which the prediction of each row started; -1 where there is none. */
  readonly anchor: Int32Array;
  /** Rows that were reached so far. */
  length = 0;
  /** What counters showed before the replay counted. */
  readonly base = new Float64Array(COUNTER_COUNT);

  readonly ts_ns: ArrayLike<number>;

  constructor(ts_ns: ArrayLike<number>, recorded: readonly Float64Array[]) {
    this.ts_ns = ts_ns;
    this.recorded = recorded;
    this.rows = recorded[0]?.length ?? 0;
    this.predicted = recorded.map(() => new Float64Array(this.rows).fill(Number.NaN));
    // Mostly nothing is in flight: what is not written to is never resident.
    this.in_flight = recorded.map(() => new Float64Array(this.rows));
    this.anchor = new Int32Array(this.rows).fill(-1);
  }

  /** Writes down what a reading shows now: what the ledger holds without what CPUs keep. */
  predict(row: number, anchor: number, pages: PageHistory, cpu: number, ts_ns: number): void {
    const { ledger, flight, kept } = pages;
    kept?.foldIdle(ts_ns);
    const flying = flight.flying(cpu, ts_ns);
    for (let counter = 0; counter < COUNTER_COUNT; counter++) {
      const truth = (this.base[counter] as number) + counterAt(ledger, counter);
      const unseen = kept?.now(counter) ?? 0;
      // Readers are shown 0 for a shared sum below it (global_node_page_state).
      const isBelow = truth >= 0 && unseen > truth;
      (this.predicted[counter] as Float64Array)[row] = isBelow ? 0 : truth - unseen;
      const own = flying[counter] as number;
      const in_flight = this.in_flight[counter] as Float64Array;
      if (in_flight[row] !== own) in_flight[row] = own;
    }
    this.anchor[row] = anchor;
    const { at_most, expected } = flight.ending(ts_ns);
    if (at_most === 0) return;
    this.#add(this.predicted, NR_WRITEBACK, row, expected);
    this.#add(this.predicted, NR_WRITTEN, row, -expected);
    for (const counter of [NR_WRITEBACK, NR_WRITTEN]) {
      this.#add(this.in_flight, counter, row, at_most);
    }
  }

  /** First row whose time is after `ts_ns`, of those that were reached. */
  reached(ts_ns: number): number {
    let row = this.length;
    while (row > 0 && (this.ts_ns[row - 1] as number) > ts_ns) row--;
    return row;
  }

  /**
   * Pages that were claimed at unknown moments in [from_ns, to_ns]: rows from `since` on, which did
   * not know of them, get their share by time, and all of them as uncertainty.
   */
  spreadClaims(since: number, from_ns: number, to_ns: number, pages: number): void {
    if (pages === 0) return;
    for (let row = since; row < this.length; row++) {
      const share = ((this.ts_ns[row] as number) - from_ns) / (to_ns - from_ns);
      const claimed = Math.round(pages * Math.min(1, Math.max(0, share)));
      this.#add(this.predicted, NR_DIRTY, row, -claimed);
      this.#add(this.predicted, NR_WRITEBACK, row, claimed);
      this.#add(this.in_flight, NR_DIRTY, row, pages);
      this.#add(this.in_flight, NR_WRITEBACK, row, pages);
    }
  }

  /** Predicted − recorded. */
  residual(counter: number, row: number): number {
    const predicted = (this.predicted[counter] as Float64Array)[row] as number;
    return predicted - ((this.recorded[counter] as Float64Array)[row] as number);
  }

  /** What of it is not in flight. */
  excess(counter: number, row: number): number {
    const in_flight = (this.in_flight[counter] as Float64Array)[row] as number;
    return this.residual(counter, row) - in_flight;
  }

  /** Residuals of the rows, sorted. */
  residuals(counter: number, rows: readonly number[]): Float64Array {
    return Float64Array.from(rows, (row) => this.residual(counter, row)).sort();
  }

  /** The row tells something to the replay, so that it is compared with nothing. */
  exclude(row: number): void {
    this.anchor[row] = row;
  }

  /** Predictions of a counter since then were too high, by what the time of each says. */
  lower(counter: number, from_ns: number, by: (ts_ns: number) => number): void {
    for (let row = this.reached(from_ns); row < this.length; row++) {
      this.#add(this.predicted, counter, row, -by(this.ts_ns[row] as number));
    }
  }

  #add(columns: readonly Float64Array[], counter: number, row: number, pages: number): void {
    const values = columns[counter] as Float64Array;
    values[row] = (values[row] as number) + pages;
  }
}
