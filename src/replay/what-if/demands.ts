/** What tasks would have dirtied had nobody paused them, from what they did between their pauses. */
import { numbers, texts } from '../../trace/table.ts';
import type { Trace } from '../../trace/trace.ts';
import { findFolioSizes } from '../folio-sizes.ts';
import type { Demand } from './writers.ts';

type PauseSpan = {
  readonly pid: number;
  readonly start_ns: number;
  readonly duration_ns: number;
};

const BIN_NS = 2e7;
/** A task that was never paused for so long shows its own pace. */
const LEAST_FREE_NS = 3e8;
/** So much faster in its own time than at first: it catches up, hence it has a pace. */
const CATCHES_UP = 1.5;

/**
 * One per task that dirtied a bdi, in order of their first page. Undefined when it was not recorded
 * what was dirtied.
 */
export function findDemands(
  trace: Trace,
  bdi: string,
  pauses: readonly PauseSpan[],
): Demand[] | undefined {
  const sizes = findFolioSizes(trace.tables);
  if (sizes === undefined) return undefined;
  const { table, pages } = sizes;
  const ts = numbers(table, 'ts_ns').values;
  const pid = numbers(table, 'pid').values;
  const names = texts(table, 'bdi');
  const code = names.dictionary.indexOf(bdi);
  const tasks = new Map<number, Collected>();
  const pausesOf = byPid(pauses);
  for (let row = 0; row < table.rows; row++) {
    if (names.codes[row] !== code) continue;
    const id = pid[row] as number;
    let task = tasks.get(id);
    if (task === undefined) {
      task = new Collected(ts[row] as number, pausesOf.get(id) ?? []);
      tasks.set(id, task);
    }
    task.add(ts[row] as number, pages[row] as number);
  }
  return [...tasks.values()].map((task) => task.demand());
}

function byPid(pauses: readonly PauseSpan[]): ReadonlyMap<number, readonly PauseSpan[]> {
  const by = new Map<number, PauseSpan[]>();
  for (const pause of pauses) {
    const own = by.get(pause.pid);
    if (own === undefined) by.set(pause.pid, [pause]);
    else own.push(pause);
  }
  return by;
}

class Collected {
  readonly #start_ns: number;
  readonly #pauses: readonly PauseSpan[];
  readonly #own_ns: number[] = [0];
  readonly #pages: number[] = [0];
  #paused_ns = 0;
  #next = 0;
  #sum = 0;
  /** Until its first pause. */
  #free: { ns: number; pages: number } | undefined;

  constructor(start_ns: number, pauses: readonly PauseSpan[]) {
    this.#start_ns = start_ns;
    this.#pauses = [...pauses].sort((a, b) => a.start_ns - b.start_ns);
  }

  add(ts: number, pages: number): void {
    let pause = this.#pauses[this.#next];
    while (pause !== undefined && pause.start_ns + pause.duration_ns <= ts) {
      this.#free ??= { ns: pause.start_ns - this.#start_ns, pages: this.#sum };
      this.#paused_ns += pause.duration_ns;
      this.#next++;
      pause = this.#pauses[this.#next];
    }
    this.#sum += pages;
    const own = Math.max(0, ts - this.#start_ns - this.#paused_ns);
    const last = this.#own_ns.length - 1;
    if (last > 0 && own - (this.#own_ns[last - 1] as number) < BIN_NS) {
      this.#own_ns[last] = Math.max(own, this.#own_ns[last] as number);
      this.#pages[last] = this.#sum;
    } else {
      this.#own_ns.push(Math.max(own, this.#own_ns[last] as number));
      this.#pages.push(this.#sum);
    }
  }

  demand(): Demand {
    const common = { start_ns: this.#start_ns, own_ns: this.#own_ns, pages: this.#pages };
    return { ...common, pace_pages_per_s: this.#pace() };
  }

  #pace(): number | undefined {
    const free = this.#free;
    if (free === undefined || free.ns < LEAST_FREE_NS || free.pages === 0) return undefined;
    const pace = (free.pages * 1e9) / free.ns;
    const rest_ns = (this.#own_ns.at(-1) as number) - free.ns;
    const rest = ((this.#sum - free.pages) * 1e9) / Math.max(1, rest_ns);
    return rest > CATCHES_UP * pace ? pace : undefined;
  }
}
