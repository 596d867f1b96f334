/** Values of a trace made safe for JSON: finite numbers, and text that cannot fill the page. */
import { shorten } from '../display.ts';

/** The longest path that Linux knows; a longer name is somebody's joke. */
const LONGEST_TEXT = 4096;

export function clip(text: string): string {
  return shorten(text, LONGEST_TEXT);
}

/** Nine digits are more than any recorded value has; integers stay exact. */
function rounded(value: number): number {
  // Adding zero makes -0 a 0, as JSON does.
  return Number.isInteger(value) ? value + 0 : Number(value.toPrecision(9));
}

export function finite(value: number, otherwise = 0): number {
  return Number.isFinite(value) ? rounded(value) : otherwise;
}

/** JSON has no NaN and no Infinity: both are gaps. */
export function jsonNumber(value: number): number | null {
  return Number.isFinite(value) ? rounded(value) : null;
}
