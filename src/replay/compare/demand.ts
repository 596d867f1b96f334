/** What the systems of a run need to be told, so that nothing else is made for them. */
import type { HistoryEvent } from '../../model/policies/history.ts';
import type { PolicyChoice } from '../../model/policies/policy.ts';

type EventType = HistoryEvent['type'];

export type Demand = {
  /** Kinds of events besides data and limits. */
  readonly types: ReadonlySet<EventType>;
  /** Data of which the place in the file matters: of tree nodes, of all files. */
  readonly places: 'none' | 'trees' | 'all';
  /** Each piece of data by itself: who dirtied it when. Else sums between looks will do. */
  readonly singly: boolean;
};

/** By axis: the events that its policies look at. */
const TYPES: Readonly<Record<keyof PolicyChoice, readonly EventType[]>> = {
  metadata: ['cache'],
  treeWriting: ['write-call'],
  copy: ['request', 'sync'],
  blockState: ['cache', 'range', 'mapping', 'sent'],
  reclaim: ['cache', 'shrink', 'release'],
};

/** `tasks`: also tell what tasks were charged and allowed, for their looks at the throttle. */
export function demandOf(
  choices: readonly PolicyChoice[],
  { tasks }: { readonly tasks: boolean },
): Demand {
  const axes = new Set(choices.flatMap((choice) => Object.keys(choice) as (keyof PolicyChoice)[]));
  const types = [...axes].flatMap((axis) => TYPES[axis]);
  const needsAll = axes.has('blockState') || axes.has('reclaim');
  const needsTrees = axes.has('metadata') || axes.has('treeWriting');
  return {
    types: new Set<EventType>(tasks ? [...types, 'allowance'] : types),
    places: needsAll ? 'all' : needsTrees ? 'trees' : 'none',
    singly: tasks,
  };
}
