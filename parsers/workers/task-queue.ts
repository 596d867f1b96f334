/** Numbers 0, 1, 2, … handed out once each, to whichever thread asks first. */
export type TaskQueue = { readonly next: Int32Array; readonly count: number };

/** Can be sent to threads, which then share it. */
export function makeTaskQueue(count: number): TaskQueue {
  return { next: new Int32Array(new SharedArrayBuffer(4)), count };
}

/** Undefined when all have been taken. */
export function takeTask({ next, count }: TaskQueue): number | undefined {
  const task = Atomics.add(next, 0, 1);
  return task < count ? task : undefined;
}
