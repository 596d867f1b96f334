/**
 * `seeks` of each shrinker: the one input of the formula that no event prints, found as the value
 * that explains most of the shrinker's records.
 */
import {
  DEFAULT_SEEKS,
  type ShrinkCall,
  type ShrinkerEra,
  seeksOfDelta,
  shrinkDelta,
} from '../model/shrinker.ts';
import { numbers, optionalBigs, optionalNumbers, type Table, texts } from '../trace/table.ts';

type Call = { -readonly [K in keyof ShrinkCall]: ShrinkCall[K] };
export type ShrinkCalls = {
  /** One object for all rows: what it holds is that of the row read last. */
  read(row: number): ShrinkCall;
  /** Values that no kernel prints: counters below zero, a priority that is none. */
  isSane(row: number): boolean;
  readonly delta: ArrayLike<number>;
  readonly deferred: ArrayLike<number>;
  readonly total: ArrayLike<number>;
  readonly hasShare: boolean;
  readonly hasPriority: boolean;
};

/** The kernel begins at 12; anything beyond some more is damage. */
const LARGEST_PRIORITY = 31;

/** The columns of mm_shrink_slab_start, read row by row. */
export function callReader(table: Table): ShrinkCalls {
  const freeable = numbers(table, 'cache_items').values;
  const deferred = numbers(table, 'nr_objects_to_shrink').values;
  const priority = optionalNumbers(table, 'priority')?.values;
  const scanned = optionalNumbers(table, 'pgs_scanned_pages')?.values;
  const eligible = optionalNumbers(table, 'lru_pgs_pages')?.values;
  const call: Call = {
    freeable: 0,
    deferred: 0,
    priority: Number.NaN,
    scanned_pages: Number.NaN,
    eligible_pages: Number.NaN,
  };
  return {
    delta: numbers(table, 'delta').values,
    deferred,
    total: numbers(table, 'total_scan').values,
    hasShare: scanned !== undefined && eligible !== undefined,
    hasPriority: priority !== undefined,
    read(row) {
      call.freeable = freeable[row] as number;
      call.deferred = deferred[row] as number;
      call.priority = priority?.[row] ?? Number.NaN;
      call.scanned_pages = scanned?.[row] ?? Number.NaN;
      call.eligible_pages = eligible?.[row] ?? Number.NaN;
      return call;
    },
    isSane(row) {
      const share = (scanned?.[row] ?? 0) >= 0 && (eligible?.[row] ?? 0) >= 0;
      const level = priority?.[row] ?? 0;
      return (freeable[row] as number) >= 0 && share && level >= 0 && level <= LARGEST_PRIORITY;
    },
  };
}

export type ShrinkerGroups = { readonly of: Uint32Array; readonly firstRow: readonly number[] };

/** Shrinkers by function and, where recorded, by address. */
export function groupsOf(table: Table): ShrinkerGroups {
  const { codes } = texts(table, 'shrink');
  const words = optionalBigs(table, 'shrinker_id')?.words;
  const known = new Map<number, Map<number, number>>();
  const of = new Uint32Array(table.rows);
  const firstRow: number[] = [];
  for (let row = 0; row < table.rows; row++) {
    const low = words?.[2 * row] ?? 0;
    // Name and upper half in one double: both are below 2^32, and names are few.
    const high = (words?.[2 * row + 1] ?? 0) + 2 ** 32 * (codes[row] as number);
    let byHigh = known.get(low);
    if (byHigh === undefined) {
      byHigh = new Map();
      known.set(low, byHigh);
    }
    let group = byHigh.get(high);
    if (group === undefined) {
      group = firstRow.length;
      firstRow.push(row);
      byHigh.set(high, group);
    }
    of[row] = group;
  }
  return { of, firstRow };
}

/** Seeks are small: DEFAULT_SEEKS times ten is the largest in any kernel. */
const MOST_SEEKS = 64;

export type InferredSeeks = {
  /** Steps of the number of records that each value of seeks explains. */
  readonly steps: Int32Array;
  zero: number;
  records: number;
  telling: number;
  exact: number;
  seeks: number;
  open: boolean;
};

export function inferSeeks(
  table: Table,
  calls: ShrinkCalls,
  groups: ShrinkerGroups,
  era: ShrinkerEra,
): InferredSeeks[] {
  const inferred = groups.firstRow.map(
    (): InferredSeeks => ({
      steps: new Int32Array(MOST_SEEKS + 2),
      zero: 0,
      records: 0,
      telling: 0,
      exact: 0,
      seeks: DEFAULT_SEEKS,
      open: true,
    }),
  );
  for (let row = 0; row < table.rows; row++) {
    const own = inferred[groups.of[row] as number] as InferredSeeks;
    own.records++;
    if (!calls.isSane(row)) continue;
    const call = calls.read(row);
    const delta = calls.delta[row] as number;
    if (era !== 'scanned-share' && shrinkDelta(call, 0, era) === delta) own.zero++;
    if (shrinkDelta(call, 1, era) > 0 || delta > 0) own.telling++;
    const fits = seeksOfDelta(call, delta, era);
    if (fits === undefined || fits.low > MOST_SEEKS) continue;
    own.steps[fits.low] = (own.steps[fits.low] as number) + 1;
    const end = Math.min(fits.high, MOST_SEEKS) + 1;
    own.steps[end] = (own.steps[end] as number) - 1;
  }
  for (const own of inferred) chooseSeeks(own);
  return inferred;
}

/** The value that explains most records: two if it does as well as any, then zero, then the least. */
function chooseSeeks(own: InferredSeeks): void {
  const explains: number[] = [own.zero];
  let sum = 0;
  for (let seeks = 1; seeks <= MOST_SEEKS; seeks++) {
    sum += own.steps[seeks] as number;
    explains.push(sum);
  }
  const best = Math.max(...explains);
  own.open = own.telling === 0 && explains[DEFAULT_SEEKS] === best;
  own.seeks = explains[DEFAULT_SEEKS] === best ? DEFAULT_SEEKS : explains.indexOf(best);
}
