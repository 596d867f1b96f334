/** Stalls added up: by place, by place and device, by task. */
import type { Episode } from './episodes.ts';
import { type Spread, spreadOf } from './spread.ts';
import { isKernelThread, STALL_PLACES, type Stall, type StallPlace } from './stall.ts';

/** Threads of the kernel wait as part of their work: their times are not mixed with those of tasks. */
export type Waiter = 'tasks' | 'kernel-threads';

export type PlaceTotals = {
  readonly place: StallPlace;
  readonly by: Waiter;
  /** bdi, or else device; undefined for all together, empty where neither is known. */
  readonly on: string | undefined;
  readonly tasks: number;
  readonly spread: Spread;
  /** Time that belongs to no stall inside of these. */
  readonly own_ns: number;
  /** What the kernel asked for, of those stalls where it says so. */
  readonly asked_ns: number;
  /** Stalls whose end was not recorded, whose place is concluded, that lie across a loss. */
  readonly open: number;
  readonly uncertain: number;
  readonly across_loss: number;
};

export type TaskTotals = {
  readonly pid: number;
  /** The name it had in its last stall. */
  readonly comm: string;
  readonly by: Waiter;
  readonly cgroup: string | undefined;
  readonly count: number;
  /** Time in any stall, none of it counted twice: never more than the task's time. */
  readonly lost_ns: number;
  readonly longest_ns: number;
  /** What the task was in from its own view: the place of its outermost waits. */
  readonly place: StallPlace;
  /** Where, innermost, and on what most of the time was lost. */
  readonly mostly: StallPlace;
  readonly mostly_ns: number;
  readonly on: string | undefined;
};

function deviceOfStall({ bdi, dev }: Pick<Stall, 'bdi' | 'dev'>): string {
  return bdi ?? dev ?? '';
}

export function waiterOf(comm: string): Waiter {
  return isKernelThread(comm) ? 'kernel-threads' : 'tasks';
}

/** Tasks before threads of the kernel, then by own time, the most first. */
export function placeTotals(stalls: readonly Stall[]): PlaceTotals[] {
  return totals(
    groups(stalls, ({ place, comm }) => `${waiterOf(comm)} ${place}`),
    () => undefined,
  );
}

/** The same for each bdi or device. */
export function deviceTotals(stalls: readonly Stall[]): PlaceTotals[] {
  const keyOf = (stall: Stall) => `${waiterOf(stall.comm)} ${stall.place} ${deviceOfStall(stall)}`;
  return totals(groups(stalls, keyOf), deviceOfStall);
}

function groups(stalls: readonly Stall[], keyOf: (stall: Stall) => string): Stall[][] {
  const byKey = new Map<string, Stall[]>();
  for (const stall of stalls) {
    const key = keyOf(stall);
    const list = byKey.get(key);
    if (list === undefined) byKey.set(key, [stall]);
    else list.push(stall);
  }
  return [...byKey.values()];
}

function totals(
  lists: readonly Stall[][],
  on: (stall: Stall) => string | undefined,
): PlaceTotals[] {
  const found = lists.flatMap((list): PlaceTotals[] => {
    const [first] = list;
    if (first === undefined) return [];
    const count = (isIt: (stall: Stall) => boolean) => list.filter(isIt).length;
    const sum = (value: (stall: Stall) => number) =>
      list.reduce((total, stall) => total + value(stall), 0);
    return [
      {
        place: first.place,
        by: waiterOf(first.comm),
        on: on(first),
        tasks: new Set(list.map(({ pid }) => pid)).size,
        spread: spreadOf(Float64Array.from(list, ({ duration_ns }) => duration_ns)),
        own_ns: sum(({ own_ns }) => own_ns),
        asked_ns: sum(({ asked_ns }) => asked_ns ?? 0),
        open: count(({ open }) => open),
        uncertain: count(({ certainty }) => certainty !== 'certain'),
        across_loss: count(({ across_loss }) => across_loss),
      },
    ];
  });
  return found.sort(
    (left, right) =>
      (left.by === right.by ? 0 : left.by === 'tasks' ? -1 : 1) ||
      right.own_ns - left.own_ns ||
      STALL_PLACES.indexOf(left.place) - STALL_PLACES.indexOf(right.place) ||
      ((left.on ?? '') < (right.on ?? '') ? -1 : 1),
  );
}

/** Tasks before threads of the kernel, then by the time lost, the most first. */
export function taskTotals(stalls: readonly Stall[], episodes: readonly Episode[]): TaskTotals[] {
  const outermost = outermostPlaces(episodes);
  const found = groups(stalls, ({ pid }) => String(pid)).map((list): TaskTotals => {
    const last = list.at(-1) as Stall;
    const where = new Map<string, { stall: Stall; own_ns: number }>();
    for (const stall of list) {
      const key = `${stall.place} ${deviceOfStall(stall)}`;
      const known = where.get(key);
      if (known === undefined) where.set(key, { stall, own_ns: stall.own_ns });
      else known.own_ns += stall.own_ns;
    }
    const [most] = [...where.values()].sort((left, right) => right.own_ns - left.own_ns);
    return {
      pid: last.pid,
      comm: last.comm,
      by: waiterOf(last.comm),
      cgroup: list.find(({ cgroup }) => cgroup !== undefined)?.cgroup,
      count: list.length,
      lost_ns: list.reduce((sum, { own_ns }) => sum + own_ns, 0),
      longest_ns: list.reduce((most_ns, { duration_ns }) => Math.max(most_ns, duration_ns), 0),
      place: outermost.get(last.pid) ?? last.place,
      mostly: most?.stall.place ?? last.place,
      mostly_ns: most?.own_ns ?? 0,
      on: most === undefined ? undefined : deviceOfStall(most.stall) || undefined,
    };
  });
  return found.sort(
    (left, right) =>
      (left.by === right.by ? 0 : left.by === 'tasks' ? -1 : 1) ||
      right.lost_ns - left.lost_ns ||
      left.pid - right.pid,
  );
}

/** By task, the place of the episodes in which most time was lost. */
function outermostPlaces(episodes: readonly Episode[]): Map<number, StallPlace> {
  const waited = new Map<number, Map<StallPlace, number>>();
  for (const { pid, place, waited_ns } of episodes) {
    const places = waited.get(pid) ?? new Map<StallPlace, number>();
    waited.set(pid, places.set(place, (places.get(place) ?? 0) + waited_ns));
  }
  return new Map(
    [...waited].flatMap(([pid, places]) =>
      [...places]
        .sort(([, left], [, right]) => right - left)
        .slice(0, 1)
        .map(([place]): [number, StallPlace] => [pid, place]),
    ),
  );
}
