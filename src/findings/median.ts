/** The lower of the two in the middle, so that it is a value that was there; NaN is passed over. */
export function median(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(values)
    .filter((value) => !Number.isNaN(value))
    .sort();
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
}
