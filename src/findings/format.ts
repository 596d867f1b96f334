/** Numbers in sentences, in the units that people read. */
import { bytesText, significant, thousands } from '../trace/wording.ts';

const NBSP = '\u00a0';

/** `8.43 s`, `12 ms`, `340 µs`. */
export function duration(ns: number): string {
  if (Number.isNaN(ns)) return 'an unknown time';
  const magnitude = Math.abs(ns);
  if (magnitude === 0) return `0${NBSP}s`;
  if (magnitude >= 1e9) return `${significant(ns / 1e9, 3)}${NBSP}s`;
  if (magnitude >= 1e6) return `${significant(ns / 1e6, 3)}${NBSP}ms`;
  return `${significant(ns / 1e3, 3)}${NBSP}µs`;
}

/** `256 MiB`, `1.5 GiB`. */
export function bytes(value: number): string {
  // A field that the capture lacks: said in words, since NaN is no answer.
  if (Number.isNaN(value)) return 'an unknown amount';
  return bytesText(value).replace(' ', NBSP);
}

export function percent(share: number, digits = 3): string {
  if (Number.isNaN(share)) return 'an unknown share';
  return `${significant(share * 100, digits)}%`;
}

/** `1 pause`, `662 pauses`. */
export function count(n: number, singular: string, plural = `${singular}s`): string {
  return `${thousands(n)}${NBSP}${n === 1 ? singular : plural}`;
}
