/** One throttle event while it is checked: what the laws of one iteration share. */
import type { ThrottleConstants } from '../../kernel/constants.ts';
import type { LossIndex } from '../losses.ts';
import type { Cause, Unchecked } from '../residual.ts';
import type { StateColumns, ThrottleColumns, UpdateColumns } from './columns.ts';
import { type DomainState, emptySituation, type Situation } from './domain-state.ts';
import type { Task } from './tasks.ts';

/** What a walk reads; constant while it goes. */
export type WalkInput = {
  readonly throttle: ThrottleColumns;
  readonly state: StateColumns | undefined;
  readonly updates: UpdateColumns | undefined;
  /** Codes of the tasks of their rows, and how many tasks there are. */
  readonly tasks: WalkTasks;
  /** Row of `state` per row of `throttle`; negative where there is none to trust. */
  readonly pairs: Int32Array;
  /** 1 for tasks whose states are mostly no throttle decisions: they read statistics. */
  readonly readers: Uint8Array;
  readonly losses: LossIndex;
  /** nr_written as last printed, NaN before. */
  readonly latest: { nr_written: number };
  readonly constants: ThrottleConstants;
  /** False where the constants are only a guess: no law of time may be checked. */
  readonly hz_known: boolean;
  readonly limitOfDomain: boolean;
  /** 1 for rows whose thresholds are those of a memory cgroup. */
  readonly memcg: Uint8Array;
};

export type WalkTasks = {
  readonly count: number;
  readonly throttle: Int32Array;
  readonly state: Int32Array;
  readonly updates: Int32Array;
};

/** Filled anew for each event; one object serves the whole walk. */
export type Iteration = {
  row: number;
  ts: number;
  seq: number;
  /** Row of the state of the same iteration, negative if there is none to trust; and its time. */
  pair: number;
  state_ns: number;
  task: Task;
  domain: DomainState;
  readonly situation: Situation;
  /** Why the situation is unknown, if it is. */
  problem: Unchecked | undefined;
  /** dirty_ratelimit and task_ratelimit, pages/s. */
  rate: number;
  granted: number;
  /** Why a law that depends on the bandwidth may be off. */
  cause: Cause | undefined;
  /** nr_written as last printed. */
  nr_written: number;
};

export function newIteration(task: Task, domain: DomainState): Iteration {
  return {
    row: 0,
    ts: 0,
    seq: 0,
    pair: -1,
    state_ns: Number.NaN,
    task,
    domain,
    situation: emptySituation(),
    problem: undefined,
    rate: Number.NaN,
    granted: Number.NaN,
    cause: undefined,
    nr_written: Number.NaN,
  };
}

export function whyUnusable(sum: number): Unchecked {
  return Number.isNaN(sum) ? 'not-recorded' : 'out-of-range';
}
