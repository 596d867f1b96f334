/** Checks for programmer errors. A failing one is a bug in Tidemark, never a fault of the input. */

export function assert(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`internal error: ${what}`);
}

export function assertExists<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`internal error: ${what} is missing`);
  return value;
}
