/** Units that people read. Values are scaled before they are charted, so that ticks are round. */
import { thousands } from '../src/trace/wording.ts';
import type { Unit } from './schema/details.ts';

export type Scale = {
  /** A value in the base unit divided by this is the value shown. */
  readonly divisor: number;
  readonly suffix: string;
};

const KIB = 1024;
const BYTE_SCALES: readonly Scale[] = [
  { divisor: KIB ** 4, suffix: 'TiB' },
  { divisor: KIB ** 3, suffix: 'GiB' },
  { divisor: KIB ** 2, suffix: 'MiB' },
  { divisor: KIB, suffix: 'KiB' },
  { divisor: 1, suffix: 'B' },
];

/** Divisors for a value in nanoseconds. */
const TIME_SCALES: readonly Scale[] = [
  { divisor: 1e9, suffix: 's' },
  { divisor: 1e6, suffix: 'ms' },
  { divisor: 1e3, suffix: 'µs' },
  { divisor: 1, suffix: 'ns' },
];

const NS_PER: Readonly<Record<'ns' | 'ms' | 's', number>> = { ns: 1, ms: 1e6, s: 1e9 };

function pickScale(scales: readonly Scale[], magnitude: number): Scale {
  for (const scale of scales) {
    // 1.5 GiB reads better as 1.5 GiB, 0.9 GiB better as 922 MiB.
    if (magnitude >= scale.divisor) return scale;
  }
  return scales[scales.length - 1] ?? { divisor: 1, suffix: '' };
}

function timeScale(magnitude: number, perUnit: number): Scale {
  if (magnitude === 0) return { divisor: 1e9 / perUnit, suffix: 's' };
  const scale = pickScale(TIME_SCALES, magnitude * perUnit);
  return { divisor: scale.divisor / perUnit, suffix: scale.suffix };
}

function byteScale(magnitude: number, suffix: string): Scale {
  const scale = pickScale(BYTE_SCALES, magnitude);
  return { divisor: scale.divisor, suffix: `${scale.suffix}${suffix}` };
}

function countScale(magnitude: number, noun: string): Scale {
  const plain = noun === '' ? '' : noun;
  const words = noun === '' ? '' : ` ${noun}`;
  if (magnitude >= 2e6) return { divisor: 1e6, suffix: `million${words}` };
  if (magnitude >= 2e4) return { divisor: 1e3, suffix: `thousand${words}` };
  return { divisor: 1, suffix: plain };
}

/** The scale in which a chart whose largest magnitude is `magnitude` is drawn. */
export function scaleFor(unit: Unit, magnitude: number): Scale {
  switch (unit) {
    case 'bytes':
      return byteScale(magnitude, '');
    case 'bytes_per_s':
      return byteScale(magnitude, '/s');
    case 'ns':
    case 'ms':
    case 's':
      return timeScale(magnitude, NS_PER[unit]);
    case 'pages':
      return countScale(magnitude, 'pages');
    case 'count':
      return countScale(magnitude, '');
    case 'percent':
      return { divisor: 1, suffix: '%' };
    case 'none':
      return { divisor: 1, suffix: '' };
  }
}

/** Seconds since the trace began, as digits that stand below each other: `4.661`. */
export function formatSeconds(ns: number, digits = 3): string {
  return (ns / 1e9).toFixed(digits);
}

/** Three significant digits, more where the whole part has more, two below one. */
export function formatNumber(value: number): string {
  const magnitude = Math.abs(value);
  if (Number.isInteger(value)) return thousands(value);
  if (magnitude < 0.001) return value > 0 ? '<0.001' : '>-0.001';
  if (magnitude < 1) return String(Number(value.toPrecision(2)));
  const digits = magnitude >= 100 ? 0 : magnitude >= 10 ? 1 : 2;
  return thousands(value.toFixed(digits));
}

/** Only what is 100 is shown as 100: of ten thousand checks one may have failed. */
function formatPercent(value: number): string {
  const text = formatNumber(value);
  if (value >= 100 || Number(text) !== 100) return text;
  const decimals = 1 - Math.floor(Math.log10(100 - value));
  return String(Number(value.toFixed(Math.min(12, decimals))));
}

/** `268435456, bytes` → `256 MiB`. Each value chooses its own scale unless one is given. */
export function formatQuantity(value: number, unit: Unit, scale?: Scale): string {
  if (!Number.isFinite(value)) return '–';
  if (scale === undefined && (unit === 'pages' || unit === 'count' || unit === 'none')) {
    return `${formatNumber(value)}${unit === 'pages' ? ' pages' : ''}`;
  }
  const chosen = scale ?? scaleFor(unit, Math.abs(value));
  const number = unit === 'percent' ? formatPercent(value) : formatNumber(value / chosen.divisor);
  if (chosen.suffix === '') return number;
  return chosen.suffix === '%' ? `${number}%` : `${number} ${chosen.suffix}`;
}
