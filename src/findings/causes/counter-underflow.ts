/** A dirty counter fell below zero and is read as a huge number: everybody looks over the limit. */
import { exactAt } from '../../trace/column.ts';
import { optionalNumbers } from '../../trace/table.ts';
import { thousands } from '../../trace/wording.ts';
import { type CauseDefinition, type CauseOutcome, clear } from '../cause.ts';
import { StallClaims } from '../claims.ts';
import { isWrapped, pausesByReason } from '../facts/pause-reasons.ts';
import type { Pause } from '../facts/throttle.ts';
import type { Facts } from '../facts.ts';
import { count, duration } from '../format.ts';
import { claimPauses, rowEvidence, seconds, whoPaused, windowOf } from './from-stalls.ts';

export const counterUnderflow: CauseDefinition = {
  id: 'counter-underflow',
  title: 'A dirty counter is below zero',
  question: 'Did the kernel read a counter below zero as a huge number of dirty pages?',
  needs: [['balance_dirty_pages', 'global_dirty_state']],
  precedes: ['device-slower-than-writers', 'memcg-dirty-limit', 'bdi-limited'],
  links: ['mm/page-writeback.c, mem_cgroup_wb_stats', 'mm/memcontrol.c'],
  evaluate,
};

const FIELDS: readonly (readonly [table: string, columns: readonly string[]])[] = [
  ['balance_dirty_pages', ['dirty_pages', 'wb_dirty_pages']],
  ['global_dirty_state', ['nr_dirty_pages', 'nr_writeback_pages', 'nr_unstable_pages']],
];

type Wrapped = {
  readonly table: string;
  readonly column: string;
  readonly row: number;
  /** As the kernel prints it, and what it stands for. */
  readonly value: string;
  readonly pages: number;
  readonly ts_ns: number;
};

const TWO_64 = 2 ** 64;

function evaluate(facts: Facts): CauseOutcome {
  const found = wrappedRows(facts);
  const [first] = found;
  if (first === undefined) return clear('No dirty counter was below zero.');
  const pauses = facts.once(pausesByReason).wrapped;
  const claims = pauses.length > 0 ? claimPauses(pauses) : new StallClaims();
  const last = found.at(-1) ?? first;
  const window = pauses.length > 0 ? windowOf(facts, claims) : ([first.ts_ns, last.ts_ns] as const);
  const lost = whatItCost(facts, pauses);
  return {
    status: 'found',
    claims,
    window_ns: window,
    summary:
      `${count(found.length, 'event carries', 'events carry')} a counter below zero ` +
      `(${first.column} = ${first.value}, which is ${thousands(first.pages)} pages); ${lost}.`,
    culprits: [{ kind: 'kernel', name: `${first.table} ${first.column}` }],
    numbers: [
      {
        name: `${first.column}, read as a signed number`,
        value: first.pages,
        unit: 'pages',
        relation: '<',
        threshold: 0,
        source: first.table,
      },
    ],
    evidence: [...new Set(found.map(({ table }) => table))].flatMap((table) =>
      rowEvidence(
        facts,
        table,
        found
          .filter((entry) => entry.table === table)
          .slice(0, 3)
          .map(({ row }) => row),
      ),
    ),
    counter_evidence: [
      {
        question: 'Could so many pages be dirty?',
        seen: `${first.value} pages are more than any machine has`,
        result: 'for',
      },
    ],
    confidence: 0.99,
    confidence_reasons: [],
    impact: {
      severity: pauses.length > 0 ? 'warning' : 'notice',
      why: 'whoever is measured by this counter looks far above every limit',
    },
    advice: [
      {
        kind: 'kernel',
        text:
          'This is an accounting fault of the kernel; look for a fix of that release. Until ' +
          'then, moving the tasks out of the cgroup, or a new cgroup, starts from a sound counter.',
        unpredicted:
          'the true count is lost with the underflow, and with it what the throttle would have ' +
          'decided; record the cgroup’s memory.stat from the beginning',
      },
    ],
  };
}

/** The last event of a capture asks for a pause that the capture does not show. */
function whatItCost(facts: Facts, pauses: readonly Pause[]): string {
  if (pauses.length === 0) return 'nobody was paused by it';
  const lost_s = seconds(pauses);
  if (lost_s > 0) return `${whoPaused(pauses)} lost ${duration(lost_s * 1e9)} to it`;
  const asked_ns = pauses.reduce((sum, { stall }) => sum + (facts.stalls[stall]?.asked_ns ?? 0), 0);
  return `${whoPaused(pauses)} was told to sleep ${duration(asked_ns)} for it`;
}

function wrappedRows({ trace }: Facts): Wrapped[] {
  const found: Wrapped[] = [];
  for (const [name, columns] of FIELDS) {
    const table = trace.tables.get(name);
    const ts = table && optionalNumbers(table, 'ts_ns')?.values;
    if (table === undefined || ts === undefined) continue;
    for (const column of columns) {
      const values = optionalNumbers(table, column);
      if (values === undefined) continue;
      for (let row = 0; row < table.rows; row++) {
        const value = values.values[row] as number;
        if (!isWrapped(value)) continue;
        const exact = String(exactAt(values, row));
        const pages = value < 0 ? value : value - TWO_64;
        found.push({ table: name, column, row, value: exact, pages, ts_ns: ts[row] as number });
      }
    }
  }
  return found.sort((left, right) => left.ts_ns - right.ts_ns);
}
