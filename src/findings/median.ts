/** The lower of the two in the middle, so that it is a value that was there; NaN is passed over. */
export function median(values: ArrayLike<number>): number {
  const known = new Float64Array(values).filter((value) => !Number.isNaN(value));
  return selected(known, Math.floor((known.length - 1) / 2));
}

/**
 * The value that would stand at `place` if they were sorted; NaN for none. Sorting all took five
 * times as long. Changes their order (Hoare's selection).
 */
function selected(values: Float64Array, place: number): number {
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const pivot = values[(low + high) >>> 1] as number;
    let left = low;
    let right = high;
    while (left <= right) {
      while ((values[left] as number) < pivot) left++;
      while ((values[right] as number) > pivot) right--;
      if (left > right) break;
      const moved = values[left] as number;
      values[left++] = values[right] as number;
      values[right--] = moved;
    }
    if (place <= right) high = right;
    else if (place >= left) low = left;
    else break;
  }
  return values[place] ?? Number.NaN;
}
