/** Stalls of one task that lie within each other: whose time it is, and on which device. */
import { type Draft, stallEnd_ns, TELLING } from './stall.ts';

/**
 * Gives every moment of a task to the stall that began last of those that are open, so that the
 * sum over a task never exceeds its time; and names the device of a stall without one after the
 * stall inside of it that has most of its time. Sorts the drafts by (task, begin, longest first).
 */
export function shareTime(drafts: Draft[]): void {
  drafts.sort(
    (left, right) =>
      left.pid - right.pid ||
      left.start_ns - right.start_ns ||
      right.duration_ns - left.duration_ns ||
      left.seq - right.seq,
  );
  let from = 0;
  while (from < drafts.length) {
    const { pid } = drafts[from] as Draft;
    let to = from;
    while (to < drafts.length && drafts[to]?.pid === pid) to++;
    shareOfTask(drafts, from, to);
    from = to;
  }
}

/** A stall that is open, and the longest own time of those with a device that lay inside of it. */
type Open = { readonly draft: Draft; readonly end_ns: number; named_ns: number };

function shareOfTask(drafts: readonly Draft[], from: number, to: number): void {
  const open: Open[] = [];
  let now_ns = Number.NEGATIVE_INFINITY;
  const advance = (until_ns: number): void => {
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      const stop = Math.min(top.end_ns, until_ns);
      if (stop > now_ns) {
        top.draft.own_ns += stop - now_ns;
        now_ns = stop;
      }
      if (top.end_ns > until_ns) return;
      open.pop();
      nameOuter(open.at(-1), top);
    }
  };
  for (let index = from; index < to; index++) {
    const draft = drafts[index] as Draft;
    advance(draft.start_ns);
    now_ns = Math.max(now_ns, draft.start_ns);
    open.push({ draft, end_ns: stallEnd_ns(draft), named_ns: 0 });
  }
  advance(Number.POSITIVE_INFINITY);
}

function nameOuter(outer: Open | undefined, { draft, named_ns }: Open): void {
  if (outer === undefined || (draft.bdi === undefined && draft.dev === undefined)) return;
  const weight = Math.max(draft.own_ns, named_ns);
  const hasOwn = outer.named_ns === 0 && (outer.draft.bdi ?? outer.draft.dev) !== undefined;
  if (hasOwn || weight <= outer.named_ns) return;
  if (weight < TELLING * outer.draft.duration_ns) return;
  outer.named_ns = weight;
  outer.draft.bdi = draft.bdi;
  outer.draft.dev = draft.dev;
}
