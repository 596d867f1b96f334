/**
 * Requests of block devices, block/blk-mq.c: from being given to the driver (issue) to completion,
 * and before that from bio or insertion to issue. They are waits of devices and of no task, and
 * there may be millions: only their durations are kept, and the slowest.
 */
import { visitInOrder } from '../../trace/order.ts';
import { numbers, type Table, type Tables, tableWith } from '../../trace/table.ts';
import { deviceText, type EventRows, eventRows, textOf } from './rows.ts';
import { type Spread, spreadOf } from './spread.ts';

export type RequestKind = 'read' | 'write' | 'flush' | 'discard' | 'other';

export type BlockRequest = {
  readonly dev: string;
  readonly kind: RequestKind;
  readonly start_ns: number;
  readonly duration_ns: number;
  readonly sector: number;
  readonly sectors: number;
  /** Number of the event that shows the issue. */
  readonly seq: number;
};

export type BlockRequests = {
  readonly dev: string;
  readonly kind: RequestKind;
  /** Issue to completion. */
  readonly device: Spread;
  /** First seen (bio queued or request inserted) to issue, for requests that begin as seen. */
  readonly queued: Spread;
  /** The slowest, the slowest first. */
  readonly slowest: readonly BlockRequest[];
  /** Issued and not complete when the capture ended. */
  readonly unfinished: number;
};

const SLOWEST_KEPT = 10;

/** By device and kind, the one with most time first. */
export function blockRequests(tables: Tables): BlockRequests[] {
  const columns = ['dev', 'sector', 'nr_sectors'];
  const named = (name: string) => tableWith(tables, name, columns);
  const issue = named('block_rq_issue');
  const complete = named('block_rq_complete');
  if (issue === undefined || complete === undefined) return [];
  const found: [Step, Table | undefined][] = [
    ['queue', named('block_bio_queue')],
    ['queue', named('block_rq_insert')],
    ['issue', issue],
    ['complete', complete],
    ['requeue', named('block_rq_requeue')],
  ];
  const steps = found.flatMap(([step, table]) => (table ? [sourceOf(step, table)] : []));
  const queues = new Map<number, DeviceQueue>();
  visitInOrder(
    steps.map(({ rows }) => rows.table),
    (which, row) => {
      const source = steps[which] as Source;
      const dev = source.dev[row] as number;
      let queue = queues.get(dev);
      if (queue === undefined) {
        queue = new DeviceQueue(deviceText(dev));
        queues.set(dev, queue);
      }
      queue.step(source, row);
    },
  );
  return [...queues.values()]
    .flatMap((queue) => queue.finish())
    .sort((left, right) => right.device.total_ns - left.device.total_ns);
}

type Step = 'queue' | 'issue' | 'complete' | 'requeue';

type Source = {
  readonly step: Step;
  readonly rows: EventRows;
  readonly dev: ArrayLike<number>;
  readonly sector: ArrayLike<number>;
  readonly sectors: ArrayLike<number>;
};

function sourceOf(step: Step, table: Table): Source {
  const values = (name: string) => numbers(table, name).values;
  const [dev, sector, sectors] = [values('dev'), values('sector'), values('nr_sectors')];
  return { step, rows: eventRows(table), dev, sector, sectors };
}

// FWFSM  R  RA  W  WS  WSM  D  DS  N; the first F is a flush before the data
function kindOf(rwbs: string): RequestKind {
  const letters = rwbs.replace(/^F(?=[WRD])/, '');
  if (letters.startsWith('R')) return 'read';
  if (letters.startsWith('W')) return 'write';
  if (letters.startsWith('F')) return 'flush';
  return letters.startsWith('D') ? 'discard' : 'other';
}

/** A request that its device works on. Completions may come in parts, from the front. */
type Issued = { readonly row: number; readonly rows: EventRows; readonly sectors: number };

/** Bios whose requests were merged into others are never seen issued: they are forgotten. */
const MOST_QUEUED = 1 << 16;

class DeviceQueue {
  readonly #dev: string;
  /** By first sector. */
  readonly #queued = new Map<number, number>();
  readonly #issued = new Map<number, Issued>();
  readonly #kinds = new Map<RequestKind, KindTimes>();

  constructor(dev: string) {
    this.#dev = dev;
  }

  step({ step, rows, sector, sectors }: Source, row: number): void {
    const at = sector[row] as number;
    const ts_ns = rows.ts[row] as number;
    switch (step) {
      case 'queue':
        if (this.#queued.size >= MOST_QUEUED) this.#queued.clear();
        if (!this.#queued.has(at)) this.#queued.set(at, ts_ns);
        return;
      case 'issue': {
        const queued_ns = this.#queued.get(at);
        this.#queued.delete(at);
        if (queued_ns !== undefined) this.#timesOf(rows, row).queued.add(ts_ns - queued_ns);
        this.#issued.set(at, { row, rows, sectors: sectors[row] as number });
        return;
      }
      case 'requeue':
        this.#issued.delete(at);
        return;
      case 'complete':
        this.#complete(at, sectors[row] as number, ts_ns);
    }
  }

  #complete(at: number, sectors: number, ts_ns: number): void {
    const issued = this.#issued.get(at);
    if (issued === undefined) return;
    this.#issued.delete(at);
    const left = issued.sectors - sectors;
    if (left > 0 && sectors > 0) {
      this.#issued.set(at + sectors, { ...issued, sectors: left });
      return;
    }
    const { rows, row } = issued;
    const start_ns = rows.ts[row] as number;
    const times = this.#timesOf(rows, row);
    const duration_ns = ts_ns - start_ns;
    times.device.add(duration_ns);
    times.keepSlowest(duration_ns, () => ({
      dev: this.#dev,
      kind: this.#kindOf(rows, row),
      start_ns,
      duration_ns,
      sector: numbers(rows.table, 'sector').values[row] as number,
      sectors: numbers(rows.table, 'nr_sectors').values[row] as number,
      seq: rows.seq[row] as number,
    }));
  }

  #kindOf({ table }: EventRows, row: number): RequestKind {
    return kindOf(textOf(table, 'rwbs', row) ?? '');
  }

  #timesOf(rows: EventRows, row: number): KindTimes {
    const kind = this.#kindOf(rows, row);
    let times = this.#kinds.get(kind);
    if (times === undefined) {
      times = new KindTimes();
      this.#kinds.set(kind, times);
    }
    return times;
  }

  finish(): BlockRequests[] {
    const unfinished = new Map<RequestKind, number>();
    for (const { rows, row } of this.#issued.values()) {
      const kind = this.#kindOf(rows, row);
      unfinished.set(kind, (unfinished.get(kind) ?? 0) + 1);
    }
    return [...this.#kinds].map(([kind, { device, queued, slowest }]) => ({
      dev: this.#dev,
      kind,
      device: spreadOf(device.values),
      queued: spreadOf(queued.values),
      slowest,
      unfinished: unfinished.get(kind) ?? 0,
    }));
  }
}

class KindTimes {
  readonly device = new Durations();
  readonly queued = new Durations();
  readonly slowest: BlockRequest[] = [];

  /** The request is made only when it is among the slowest. */
  keepSlowest(duration_ns: number, make: () => BlockRequest): void {
    const last = this.slowest[SLOWEST_KEPT - 1];
    if (last !== undefined && last.duration_ns >= duration_ns) return;
    const place = this.slowest.findIndex((kept) => kept.duration_ns < duration_ns);
    this.slowest.splice(place < 0 ? this.slowest.length : place, 0, make());
    if (this.slowest.length > SLOWEST_KEPT) this.slowest.pop();
  }
}

/** A growing list of doubles. */
class Durations {
  #array = new Float64Array(64);
  #length = 0;

  add(value: number): void {
    if (this.#length === this.#array.length) {
      const larger = new Float64Array(2 * this.#length);
      larger.set(this.#array);
      this.#array = larger;
    }
    this.#array[this.#length++] = value;
  }

  get values(): Float64Array {
    return this.#array.subarray(0, this.#length);
  }
}
