/**
 * Times as people write them down beside counters: numbers of some unit since some moment, dates
 * (ISO 8601, what `date` prints), and times of day. What header or line do not say, the size of the
 * number does: 1,700,000,000 can only be seconds since 1970.
 */

export type TimeForm = {
  /** As trace clocks are called: `mono`, `boot`, `real`; undefined if nothing tells. */
  readonly clock: string | undefined;
  /** Nanoseconds in one unit of a number; undefined for dates and times of day. */
  readonly unitNs: bigint | undefined;
};

const UNIT_NS: ReadonlyMap<string, bigint> = new Map(
  (
    [
      [1_000_000_000n, 's sec secs second seconds'],
      [1_000_000n, 'ms msec msecs millis millisecond milliseconds'],
      [1000n, 'us usec usecs micros microsecond microseconds'],
      [1n, 'ns nsec nsecs nanos nanosecond nanoseconds'],
    ] as const
  ).flatMap(([unit, names]) => names.split(' ').map((name) => [name, unit] as const)),
);
const CLOCKS: ReadonlyMap<string, string> = new Map(
  (
    [
      ['mono', 'mono monotonic'],
      ['boot', 'boot boottime uptime'],
      ['tai', 'tai'],
      ['real', 'real realtime epoch unix unixtime wall walltime wallclock utc date datetime'],
    ] as const
  ).flatMap(([clock, names]) => names.split(' ').map((name) => [name, clock] as const)),
);
const TIME_WORDS = new Set(['time', 'timestamp', 'ts', 't', 'clock', 'elapsed', 'at']);
const OTHER_WORDS = new Set(['sample', 'raw', 'since', 'iso8601', 'iso', '8601']);
const MOST_WORDS = 5;

/** Does a column of this name hold times? What it says of them; undefined if it is no such name. */
export function timeColumn(name: string): TimeForm | undefined {
  const words = name
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');
  if (words.length > MOST_WORDS) return undefined;
  const isKnown = (word: string) =>
    TIME_WORDS.has(word) || OTHER_WORDS.has(word) || CLOCKS.has(word) || UNIT_NS.has(word);
  const isTime = words.some((word) => TIME_WORDS.has(word) || CLOCKS.has(word));
  if (!isTime || !words.every(isKnown)) return undefined;
  const unit = words.find((word) => UNIT_NS.has(word));
  const clock = words.find((word) => CLOCKS.has(word));
  return {
    clock: clock === undefined ? undefined : CLOCKS.get(clock),
    unitNs: unit === undefined ? undefined : UNIT_NS.get(unit),
  };
}

const SOME_TIME_WORD =
  /time|mono|boot|epoch|date|clock|elapsed|unix|(?:^|[^a-z\d])(?:ts?|at|tai|real|wall|utc)(?![a-z\d])/i;

/** False for most lines that name no time column: files of a folder are all asked for one. */
export function mayHoldTime(line: Uint8Array): boolean {
  return SOME_TIME_WORD.test(Buffer.from(line).toString('latin1'));
}

const NS_PER_S = 1_000_000_000n;
/** From 2001 to 2106, in seconds. */
const FIRST_DATE_S = 10n ** 9n;
const LAST_DATE_S = 2n ** 32n;

/**
 * `said` completed by what the first time looks like; undefined if that is no time. `nearNs` is a
 * time that the samples should be near, on a clock that may be theirs.
 */
export function timeForm(said: TimeForm, first: string, nearNs = 0n): TimeForm | undefined {
  const whole = /^(\d{1,21})(?:\.\d*)?$/.exec(first)?.[1];
  if (whole === undefined) {
    if (dateNs(first) !== undefined) return { clock: 'real', unitNs: undefined };
    return dayNs(first) === undefined ? undefined : { clock: undefined, unitNs: undefined };
  }
  if (said.unitNs !== undefined) return said;
  const value = BigInt(whole);
  const isDate = (unit: bigint) =>
    value >= (FIRST_DATE_S * NS_PER_S) / unit && value < (LAST_DATE_S * NS_PER_S) / unit;
  const date = [NS_PER_S, 1_000_000n, 1000n, 1n].find(isDate);
  if (date !== undefined) return { clock: said.clock ?? 'real', unitNs: date };
  const isNear = (unit: bigint) => value * unit * 2n > nearNs && value * unit < nearNs * 2n;
  const near = [NS_PER_S, 1_000_000n, 1000n, 1n].find(isNear);
  // No machine ran for 136 years; the kernel counts nanoseconds.
  return { clock: said.clock, unitNs: near ?? (value < LAST_DATE_S ? NS_PER_S : 1n) };
}

/** Nanoseconds on the clock of the form; undefined if the text is no such time. */
export function readTime(form: TimeForm, text: string): bigint | undefined {
  return form.unitNs === undefined ? (dateNs(text) ?? dayNs(text)) : timeNs(text, form.unitNs);
}

/** `6550.439895` in units of `unitNs`; undefined if it is no time. Python prints more digits. */
function timeNs(text: string, unitNs: bigint): bigint | undefined {
  const match = /^(\d{1,21})(?:\.(\d{1,18}))?$/.exec(text);
  if (match === null) return undefined;
  const [, whole = '', fraction = ''] = match;
  const billionths = BigInt(fraction.slice(0, 9).padEnd(9, '0'));
  const ns = BigInt(whole) * unitNs + (billionths * unitNs) / NS_PER_S;
  // More than 31,700 years.
  return ns < 10n ** 21n ? ns : undefined;
}

// 2026-11-21T13:03:51.123456789+01:00     2026/11/21 13:03:51     2026-11-21_13:03 UTC
const ISO =
  /^(\d{4})[-/](\d\d?)[-/](\d\d?)(?:[T_-]| +)(\d\d?):(\d\d)(?::(\d\d)(?:[.,](\d{1,9})\d*)?)? ?([A-Za-z]{1,5}|[+-]\d\d:?\d\d)?$/;
// 20261121T130351Z     20261121-130351.25
const COMPACT = /^(\d{4})(\d\d)(\d\d)[T_ -](\d\d)(\d\d)(\d\d)(?:[.,](\d{1,9})\d*)?(Z|[+-]\d{4})?$/;
// Sat Nov 21 13:03:51 UTC 2026     Nov 21 01:03:51 PM CET 2026
const MONTH_FIRST =
  /^(?:[A-Z][a-z]{2},? +)?([A-Z][a-z]{2}) +(\d\d?) +(\d\d?):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(?: +([AP]M))?(?: +([A-Z]{1,5}|[+-]\d{4}))? +(\d{4})$/;
// Sat, 21 Nov 2026 13:03:51 +0000     Sat 21 Nov 2026 01:03:51 PM UTC
const DAY_FIRST =
  /^(?:[A-Z][a-z]{2},? +)?(\d\d?) +([A-Z][a-z]{2}) +(\d{4}) +(\d\d?):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(?: +([AP]M))?(?: +([A-Z]{1,5}|[+-]\d{4}))?$/;
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
const MAX_DATE_TEXT = 64;

type Parts = {
  readonly year: string | undefined;
  readonly month: number;
  readonly day: string | undefined;
  readonly time: readonly (string | undefined)[];
  readonly half?: string | undefined;
  readonly zone: string | undefined;
};

/** A date; names of zones other than UTC say no offset, so they are taken for it. */
function dateNs(text: string): bigint | undefined {
  const parts = text.length > MAX_DATE_TEXT ? undefined : datePartsOf(text);
  if (parts === undefined) return undefined;
  const { year, month, day, time, half, zone } = parts;
  const [hours = '0', minutes = '0', seconds = '0', fraction = ''] = time;
  const hour = half === undefined ? Number(hours) : (Number(hours) % 12) + (half === 'PM' ? 12 : 0);
  if (month < 0 || month > 11 || Number(day) > 31 || hour > 24) return undefined;
  const ms = Date.UTC(Number(year), month, Number(day), hour, Number(minutes), Number(seconds));
  const offset = /^([+-])(\d\d):?(\d\d)$/.exec(zone ?? '');
  const minutesEast = offset === null ? 0 : Number(offset[2]) * 60 + Number(offset[3]);
  const east = offset?.[1] === '-' ? -minutesEast : minutesEast;
  const ns = BigInt(ms - east * 60_000) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
  return ns < 0n ? undefined : ns;
}

function datePartsOf(text: string): Parts | undefined {
  const iso = ISO.exec(text) ?? COMPACT.exec(text);
  if (iso !== null) {
    const [, year, month, day, ...rest] = iso;
    return { year, month: Number(month) - 1, day, time: rest.slice(0, 4), zone: rest[4] };
  }
  const american = MONTH_FIRST.exec(text);
  if (american !== null) {
    const [, month = '', day, h, m, s, fraction, half, zone, year] = american;
    return { year, month: MONTHS.indexOf(month), day, time: [h, m, s, fraction], half, zone };
  }
  const other = DAY_FIRST.exec(text);
  if (other === null) return undefined;
  const [, day, month = '', year, h, m, s, fraction, half, zone] = other;
  return { year, month: MONTHS.indexOf(month), day, time: [h, m, s, fraction], half, zone };
}

// Nov 21 13:03:51.25, as logs have it: of some year
const OF_SOME_YEAR = /^([A-Z][a-z]{2}) +(\d\d?) (\d\d:\d\d:\d\d(?:\.\d{1,9})?)$/;
const DAY_NS = 86_400n * NS_PER_S;
// 13:03:51.25
const DAY = /^(\d\d?):(\d\d):(\d\d)(?:[.,](\d{1,9}))?$/;

/** Nanoseconds since some midnight, of a clock that nothing names. */
function dayNs(text: string): bigint | undefined {
  const dated = OF_SOME_YEAR.exec(text);
  if (dated !== null) {
    const month = MONTHS.indexOf(dated[1] as string);
    const ofDay = month < 0 ? undefined : dayNs(dated[3] as string);
    const days = Date.UTC(2000, month, Number(dated[2])) / 86_400_000;
    return ofDay === undefined ? undefined : BigInt(days) * DAY_NS + ofDay;
  }
  const match = DAY.exec(text);
  if (match === null) return undefined;
  const [, hours, minutes, seconds, fraction = ''] = match;
  const whole = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  return BigInt(whole) * NS_PER_S + BigInt(fraction.padEnd(9, '0'));
}
