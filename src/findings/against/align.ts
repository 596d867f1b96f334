/** Where two captures are laid on each other: at the beginning of the work, or as somebody says. */

import { isKernelThread } from '../../derive/stalls.ts';
import { numbers } from '../../trace/table.ts';
import { NS_PER_S, secondsText } from '../../trace/time.ts';
import type { Trace } from '../../trace/trace.ts';
import type { Context } from '../context.ts';
import type { Side } from '../detail.ts';
import { dirtiedIn, folioSizes } from '../facts/dirtiers.ts';
import type { Alignment } from './comparison.ts';

/** `workload` unless somebody knows better; a pair is seconds of the captures, before and after. */
export type AlignChoice = 'workload' | 'start' | readonly [before_s: number, after_s: number];

export function align(
  before: Context,
  after: Context,
  choice: AlignChoice = 'workload',
): Alignment {
  const { by, zero, how, origins } = originsOf(before, after, choice);
  const [first, second] = origins;
  const window_ns = [
    0 - Math.max(first, second),
    Math.max(before.trace.meta.duration_ns - first, after.trace.meta.duration_ns - second),
  ] as const;
  const seconds = origins.map((ns) => secondsText(ns).replace(' ', '\u00a0'));
  const sentence =
    `Charts lie on each other ${how}: zero is ${seconds[0]} of the capture before and ` +
    `${seconds[1]} of the one after. Lists and sentences keep the times of their own capture.`;
  return { by, zero, sentence, origins_ns: { before: first, after: second }, window_ns };
}

type Origins = Pick<Alignment, 'by' | 'zero'> & {
  readonly how: string;
  readonly origins: readonly [number, number];
};

function originsOf(before: Context, after: Context, choice: AlignChoice): Origins {
  const start: Origins = {
    by: 'start',
    zero: 'each trace began',
    how: 'at their beginnings',
    origins: [0, 0],
  };
  if (choice === 'start') return start;
  if (choice !== 'workload') {
    const [first, second] = choice;
    const zero = 'the given times';
    return {
      by: 'given',
      zero,
      how: 'at given times',
      origins: [first * NS_PER_S, second * NS_PER_S],
    };
  }
  const work = { by: 'workload', zero: 'the work began' } as const;
  // The same way for both: a stated start may lie seconds before the first page is dirtied.
  for (const { find, how } of WAYS) {
    const [first, second] = [find(before), find(after)];
    if (first === undefined || second === undefined) continue;
    return { ...work, how, origins: [first, second] };
  }
  return { ...start, how: 'at their beginnings, as no event shows where the work began' };
}

const WAYS: readonly { find: (context: Context) => number | undefined; how: string }[] = [
  { find: ({ trace }) => statedStart(trace), how: 'where the work began, as meta.json states it' },
  {
    find: firstDirtied,
    how: 'where the task that dirtied most began to dirty',
  },
  { find: firstThrottleCheck, how: 'at the first check of a writer against the limits' },
];

function statedStart({ host, meta }: Trace): number | undefined {
  if (host.workload_start_ns === undefined) return undefined;
  const ns = Number(host.workload_start_ns - meta.origin_ns);
  // Another clock, or a file of another capture.
  return ns >= -meta.duration_ns && ns <= meta.duration_ns ? Math.max(0, ns) : undefined;
}

function firstDirtied({ facts, trace }: Context): number | undefined {
  const dirtied = dirtiedIn(facts, [0, trace.meta.duration_ns]);
  const task = dirtied?.tasks.find(({ comm }) => !isKernelThread(comm));
  const table = facts.once(folioSizes)?.table;
  if (task === undefined || table === undefined) return undefined;
  const row = numbers(table, 'pid').values.indexOf(task.pid);
  return row < 0 ? undefined : numbers(table, 'ts_ns').values[row];
}

function firstThrottleCheck({ trace }: Context): number | undefined {
  const table = trace.tables.get('balance_dirty_pages') ?? trace.tables.get('global_dirty_state');
  return table === undefined || table.rows === 0 ? undefined : numbers(table, 'ts_ns').values[0];
}

/** Where each capture lies when its own times are given. */
export function ownWindow(
  [from_ns, to_ns]: readonly [number, number],
  { origins_ns }: Alignment,
  side: Side,
): readonly [number, number] {
  return [from_ns + origins_ns[side], to_ns + origins_ns[side]];
}
