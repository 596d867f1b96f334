/**
 * A write of a few bytes into a large folio makes the whole folio dirty: the writer is charged, and
 * paused, for pages that it did not write (folio_account_dirtied counts folio_nr_pages).
 */
import { numbers, type Table } from '../../trace/table.ts';
import { type CauseDefinition, type CauseOutcome, clear } from '../cause.ts';
import { claimedWindow, StallClaims } from '../claims.ts';
import { folioSizes } from '../facts/dirtiers.ts';
import { throttleFacts } from '../facts/throttle.ts';
import { freeUnder } from '../facts/what-if.ts';
import type { Facts } from '../facts.ts';
import { bytes, duration } from '../format.ts';
import { mainBdi, pauseEvidence, whoPaused } from './from-stalls.ts';

export const largeFolioOvercharge: CauseDefinition = {
  id: 'large-folio-overcharge',
  title: 'Writers are charged for whole large folios',
  question: 'Were tasks paused for far more pages than they wrote?',
  needs: [
    ['balance_dirty_pages'],
    ['writeback_dirty_folio'],
    ['sys_exit_write', 'sys_exit_pwrite64', 'ext4_da_write_end', 'ext4_write_end'],
  ],
  precedes: ['device-slower-than-writers', 'dirty-limit-too-small'],
  links: [
    'mm/page-writeback.c, folio_account_dirtied',
    'fs/iomap/buffered-io.c, ifs_set_range_dirty',
  ],
  evaluate,
};

/** Charged this many times what was written; below, alignment of small files explains it. */
const LEAST_RATIO = 2;

/** Where a table tells how many bytes a write took: system calls know best. */
const WRITTEN: readonly (readonly [tables: readonly string[], columns: readonly string[]])[] = [
  [['sys_exit_write', 'sys_exit_pwrite64', 'sys_exit_writev', 'sys_exit_pwritev'], ['ret']],
  [
    ['ext4_da_write_end', 'ext4_write_end', 'ext4_journalled_write_end'],
    ['copied_bytes', 'copied'],
  ],
];

function evaluate(facts: Facts): CauseOutcome {
  const written = writtenByTask(facts);
  const charged = chargedByTask(facts);
  const ratioOf = (pid: number) => {
    const wrote = written.get(pid);
    const pages = charged.get(pid);
    if (wrote === undefined || pages === undefined || wrote <= 0) return undefined;
    return (pages * facts.pageSize) / wrote;
  };
  const pauses = facts
    .once(throttleFacts)
    .pauses.filter(({ pid }) => (ratioOf(pid) ?? 0) >= LEAST_RATIO);
  const [first] = pauses;
  if (first === undefined) return clear('Paused tasks were charged for about what they wrote.');
  const claims = new StallClaims();
  for (const { stall, own_ns, pid } of pauses) {
    claims.add(stall, own_ns * (1 - 1 / (ratioOf(pid) ?? 1)));
  }
  const worst = [...new Set(pauses.map(({ pid }) => pid))].sort(
    (left, right) => (ratioOf(right) ?? 0) - (ratioOf(left) ?? 0),
  )[0] as number;
  const bdi = mainBdi(pauses);
  const wrote = written.get(worst) ?? 0;
  const counted = (charged.get(worst) ?? 0) * facts.pageSize;
  return {
    status: 'found',
    bdi,
    claims,
    window_ns: claimedWindow(facts.stalls, claims),
    summary:
      `${whoPaused(pauses)} wrote ${bytes(wrote)} and was charged for ${bytes(counted)}: whole ` +
      `folios count as dirty; ${duration(claims.total_ns())} of its pauses are for pages that it ` +
      'did not write.',
    culprits: [{ kind: 'kernel', name: 'folio_account_dirtied', bdi }],
    numbers: [
      {
        name: 'charged as dirtied',
        value: counted,
        unit: 'bytes',
        relation: '>',
        threshold: wrote,
        source: 'writeback_dirty_folio with folio sizes; bytes that its writes returned',
      },
    ],
    evidence: pauseEvidence(facts, pauses),
    counter_evidence: [
      {
        question: 'Could writes that were not recorded explain the charge (mmap, other calls)?',
        seen: 'only write calls are counted here',
        result: 'unknown',
      },
    ],
    confidence: 0.7,
    confidence_reasons: ['Writes through mmap and io_uring are not counted.'],
    advice: [
      {
        kind: 'application',
        text: 'Write in larger, aligned pieces; or use O_DIRECT for small random writes.',
        unpredicted:
          'how much the charge would fall depends on the new pattern; try it and compare',
      },
      {
        kind: 'sysctl',
        text: 'Raise the limits by as much as the charge is too high.',
        command: 'sysctl -w vm.dirty_background_bytes=268435456 vm.dirty_bytes=1073741824',
        ...freeUnder(facts, pauses, { dirty_bytes: 2 ** 30, background_bytes: 2 ** 28 }),
      },
    ],
  };
}

function writtenByTask({ trace }: Facts): ReadonlyMap<number, number> {
  for (const [names, columns] of WRITTEN) {
    const by = new Map<number, number>();
    for (const name of names) {
      const table = trace.tables.get(name);
      const column = table && columns.find((id) => table.columns[id]?.kind === 'number');
      if (table !== undefined && column !== undefined) addUp(by, table, column);
    }
    if (by.size > 0) return by;
  }
  return new Map();
}

/** Errors are negative and wrote nothing. */
function addUp(by: Map<number, number>, table: Table, column: string): void {
  const pid = numbers(table, 'pid').values;
  const { values } = numbers(table, column);
  for (let row = 0; row < table.rows; row++) {
    const value = values[row] as number;
    if (!(value > 0 && value < 2 ** 40)) continue;
    by.set(pid[row] as number, (by.get(pid[row] as number) ?? 0) + value);
  }
}

function chargedByTask(facts: Facts): ReadonlyMap<number, number> {
  const by = new Map<number, number>();
  const sizes = facts.once(folioSizes);
  if (sizes === undefined) return by;
  const pid = numbers(sizes.table, 'pid').values;
  for (let row = 0; row < sizes.table.rows; row++) {
    const pages = sizes.pages[row] as number;
    by.set(pid[row] as number, (by.get(pid[row] as number) ?? 0) + pages);
  }
  return by;
}
