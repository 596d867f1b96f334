/**
 * Level (a): what shrinkers were asked to scan. All inputs of the formula are in the record itself
 * but one: `seeks` of the shrinker, which no event prints. It is inferred from all records of the
 * same shrinker, and a record that it does not explain is a miss.
 */

import { type FeatureState, resolveFeature } from '../kernel/features.ts';
import {
  DEFAULT_SEEKS,
  type ShrinkerEra,
  shrinkDeferred,
  shrinkDelta,
  shrinkTotal,
} from '../model/shrinker.ts';
import { textAt } from '../trace/column.ts';
import { type Diagnostic, type DiagnosticCode, DiagnosticCollector } from '../trace/diagnostics.ts';
import { visitInOrder } from '../trace/order.ts';
import { numbers, optionalBigs, type Table, tableWith, texts } from '../trace/table.ts';
import type { Trace } from '../trace/trace.ts';
import { lossIndex } from './losses.ts';
import { type IdentityResult, IdentityTally } from './residual.ts';
import {
  callReader,
  groupsOf,
  type InferredSeeks,
  inferSeeks,
  type ShrinkCalls,
  type ShrinkerGroups,
} from './shrinker-seeks.ts';

export type Shrinker = {
  /** Its scan function, and the address that tells shrinkers with the same function apart. */
  readonly name: string;
  readonly address: bigint | undefined;
  readonly records: number;
  readonly exact: number;
  /** Records whose delta depends on `seeks`. */
  readonly telling: number;
  readonly seeks: number;
  /** default: two, which fits; inferred: only others fit; open: no record depends on it. */
  readonly because: 'default' | 'inferred' | 'open';
};

export type ShrinkerCheck = {
  readonly delta: IdentityResult;
  readonly total_scan: IdentityResult;
  /** What the call left for later, from the pair of begin and end. */
  readonly deferred: IdentityResult;
  readonly shrinkers: readonly Shrinker[];
  readonly era: ShrinkerEra | undefined;
  readonly deferred_by_priority: FeatureState | undefined;
  readonly diagnostics: readonly Diagnostic[];
};

const NEEDED = ['shrink', 'nr_objects_to_shrink', 'cache_items', 'delta', 'total_scan'];

export function checkShrinkers(trace: Trace): ShrinkerCheck {
  const table = tableWith(trace.tables, 'mm_shrink_slab_start', NEEDED);
  const diagnostics = new DiagnosticCollector();
  const tallies = {
    delta: new IdentityTally(),
    total_scan: new IdentityTally(),
    deferred: new IdentityTally(),
  };
  if (table === undefined) return result(tallies, [], undefined, undefined, diagnostics);
  const calls = callReader(table);
  const found = eraOf(trace, table, calls);
  if (found === undefined) {
    for (const tally of Object.values(tallies)) tally.skip('not-recorded', table.rows);
    return result(tallies, [], undefined, undefined, diagnostics);
  }
  const groups = groupsOf(table);
  const inferred = inferSeeks(table, calls, groups, found.era);
  checkStarts(table, calls, groups, inferred, found.era, tallies, diagnostics);
  checkEnds(trace, table, calls, found.era, tallies.deferred, diagnostics);
  const shrinkers = inferred.map((seeks, group) => describe(table, groups, group, seeks));
  return result(tallies, shrinkers, found.era, found.feature, diagnostics);
}

type Tallies = Readonly<Record<'delta' | 'total_scan' | 'deferred', IdentityTally>>;

function result(
  tallies: Tallies,
  shrinkers: readonly Shrinker[],
  era: ShrinkerEra | undefined,
  deferred_by_priority: FeatureState | undefined,
  diagnostics: DiagnosticCollector,
): ShrinkerCheck {
  return {
    delta: tallies.delta.result(),
    total_scan: tallies.total_scan.result(),
    deferred: tallies.deferred.result(),
    shrinkers,
    era,
    deferred_by_priority,
    diagnostics: diagnostics.list(),
  };
}

/** The record's fields tell the first era; records with deferred work tell the others apart. */
function eraOf(
  trace: Trace,
  table: Table,
  calls: ShrinkCalls,
): { era: ShrinkerEra; feature: FeatureState | undefined } | undefined {
  if (calls.hasShare) return { era: 'scanned-share', feature: undefined };
  if (!calls.hasPriority) return undefined;
  const votes = { priority: 0, 'priority-deferred': 0 };
  for (let row = 0; row < table.rows; row++) {
    const delta = calls.delta[row] as number;
    // Without anything put off, as nearly always, both rules give the same.
    if ((calls.deferred[row] === 0 && delta >= 0) || !calls.isSane(row)) continue;
    const call = calls.read(row);
    const total = calls.total[row] as number;
    const older = shrinkTotal(call, delta, 'priority');
    const newer = shrinkTotal(call, delta, 'priority-deferred');
    if (older === newer) continue;
    if (total === older) votes.priority++;
    if (total === newer) votes['priority-deferred']++;
  }
  const difference = votes['priority-deferred'] - votes.priority;
  const evidence = difference === 0 ? undefined : difference > 0;
  const feature = resolveFeature('deferred_by_priority', trace.meta.kernel, evidence);
  return { era: feature.on ? 'priority-deferred' : 'priority', feature };
}

function checkStarts(
  table: Table,
  calls: ShrinkCalls,
  groups: ShrinkerGroups,
  inferred: readonly InferredSeeks[],
  era: ShrinkerEra,
  tallies: Tallies,
  diagnostics: DiagnosticCollector,
): void {
  const ts = numbers(table, 'ts_ns').values;
  const seq = numbers(table, 'seq').values;
  for (let row = 0; row < table.rows; row++) {
    if (!calls.isSane(row)) {
      diagnostics.addRow('impossible_value', table.name, row, { ts_ns: ts[row] as number });
      tallies.delta.skip('out-of-range');
      tallies.total_scan.skip('out-of-range');
      continue;
    }
    const own = inferred[groups.of[row] as number] as InferredSeeks;
    const call = calls.read(row);
    const delta = calls.delta[row] as number;
    const expected = shrinkDelta(call, own.seeks, era);
    if (delta === expected) own.exact++;
    tallies.delta.check(delta, expected, ts[row] as number, seq[row] as number);
    const total = shrinkTotal(call, delta, era);
    tallies.total_scan.check(
      calls.total[row] as number,
      total,
      ts[row] as number,
      seq[row] as number,
    );
  }
}

const END_NEEDED = ['shrink', 'unused_scan', 'new_scan', 'total_scan'];

/** Begin and end of one call meet by task and shrinker. */
function checkEnds(
  trace: Trace,
  start: Table,
  calls: ShrinkCalls,
  era: ShrinkerEra,
  tally: IdentityTally,
  diagnostics: DiagnosticCollector,
): void {
  const end = tableWith(trace.tables, 'mm_shrink_slab_end', END_NEEDED);
  if (end === undefined) return;
  const losses = lossIndex(trace.losses);
  const startPid = numbers(start, 'pid').values;
  const startTs = numbers(start, 'ts_ns').values;
  const pid = numbers(end, 'pid').values;
  const ts = numbers(end, 'ts_ns').values;
  const seq = numbers(end, 'seq').values;
  const left = numbers(end, 'total_scan').values;
  const deferred = numbers(end, 'new_scan').values;
  const same = sameShrinker(start, end);
  const open = new Map<number, number>();
  const unpaired = (code: DiagnosticCode, table: Table, row: number) => {
    const ts_ns = (table === start ? startTs : ts)[row] as number;
    diagnostics.addRow(code, table.name, row, { ts_ns, subject: 'a call of a shrinker' });
  };
  visitInOrder([start, end], (which, row) => {
    if (which === 0) {
      const task = startPid[row] as number;
      if (open.has(task)) unpaired('begin_without_end', start, open.get(task) as number);
      open.set(task, row);
      return;
    }
    const begun = open.get(pid[row] as number);
    open.delete(pid[row] as number);
    if (begun === undefined || !same(begun, row)) {
      unpaired('end_without_begin', end, row);
      tally.skip('not-recorded');
      return;
    }
    if (!calls.isSane(begun)) tally.skip('out-of-range');
    else if (losses.overlaps(startTs[begun] as number, ts[row] as number))
      tally.skip('lost-events');
    else {
      const call = calls.read(begun);
      const delta = calls.delta[begun] as number;
      const total = calls.total[begun] as number;
      // Until 4.7 what the caps cut off was forgotten, since then it is kept: no field tells which.
      if (era === 'scanned-share' && total !== call.deferred + delta) {
        tally.skip('two-rules');
        return;
      }
      const scanned = total - (left[row] as number);
      const expected = shrinkDeferred(call, delta, scanned, era);
      const recorded = deferred[row] as number;
      // Other CPUs add what they put off to the same counter.
      const cause = recorded > expected ? 'race' : undefined;
      tally.check(recorded, expected, ts[row] as number, seq[row] as number, cause);
    }
  });
}

function sameShrinker(start: Table, end: Table): (startRow: number, endRow: number) => boolean {
  const a = optionalBigs(start, 'shrinker_id')?.words;
  const b = optionalBigs(end, 'shrinker_id')?.words;
  if (a !== undefined && b !== undefined) {
    return (row, endRow) => a[2 * row] === b[2 * endRow] && a[2 * row + 1] === b[2 * endRow + 1];
  }
  const [from, to] = [texts(start, 'shrink'), texts(end, 'shrink')];
  return (row, endRow) => textAt(from, row) === textAt(to, endRow);
}

function describe(
  table: Table,
  groups: ShrinkerGroups,
  group: number,
  own: InferredSeeks,
): Shrinker {
  const row = groups.firstRow[group] as number;
  return {
    name: textAt(texts(table, 'shrink'), row),
    address: optionalBigs(table, 'shrinker_id')?.values[row],
    records: own.records,
    exact: own.exact,
    telling: own.telling,
    seeks: own.seeks,
    because: own.open ? 'open' : own.seeks === DEFAULT_SEEKS ? 'default' : 'inferred',
  };
}
