/** Numbers in sentences, in the units that people read. */

const NBSP = '\u00a0';

/** `8.43 s`, `12 ms`, `340 µs`. */
export function duration(ns: number): string {
  if (Number.isNaN(ns)) return 'an unknown time';
  const magnitude = Math.abs(ns);
  if (magnitude === 0) return `0${NBSP}s`;
  if (magnitude >= 1e9) return `${trim(ns / 1e9, 3)}${NBSP}s`;
  if (magnitude >= 1e6) return `${trim(ns / 1e6, 3)}${NBSP}ms`;
  return `${trim(ns / 1e3, 3)}${NBSP}µs`;
}

/** `256 MiB`, `1.5 GiB`. */
export function bytes(value: number): string {
  // A field that the capture lacks: said in words, since NaN is no answer.
  if (Number.isNaN(value)) return 'an unknown amount';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let scaled = value;
  let unit = 0;
  while (Math.abs(scaled) >= 1024 && unit < units.length - 1) {
    scaled /= 1024;
    unit++;
  }
  return `${trim(scaled, 3)}${NBSP}${units[unit]}`;
}

export function percent(share: number, digits = 3): string {
  if (Number.isNaN(share)) return 'an unknown share';
  return `${trim(share * 100, digits)}%`;
}

/** `1 pause`, `662 pauses`. */
export function count(n: number, singular: string, plural = `${singular}s`): string {
  return `${thousands(n)}${NBSP}${n === 1 ? singular : plural}`;
}

/** `1,234,567`, whatever the machine's locale. */
export function thousands(n: number): string {
  return Number.isInteger(n) ? String(n).replace(/\B(?=(\d{3})+$)/g, ',') : String(n);
}

/** At most `digits` significant digits, without trailing zeros; large numbers stay whole. */
function trim(value: number, digits: number): string {
  if (Math.abs(value) >= 10 ** digits) return thousands(Math.round(value));
  return String(Number(value.toPrecision(digits)));
}
