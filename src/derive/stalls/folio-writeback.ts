/**
 * folio_wait_writeback(), mm/page-writeback.c: a task sleeps until a folio is on the device. There
 * is one event before each sleep and none after it, so a wait ends at the task's next event or when
 * the inode's last folio left writeback, whichever is first.
 */
import { upperBound } from '../../trace/search.ts';
import { bigs, numbers, optionalBigs, optionalNumbers, tableWith } from '../../trace/table.ts';
import { draftOf, type EventRows, eventRows, evidenceOf } from './rows.ts';
import { gapWithin, type Scene } from './scene.ts';
import { addEvidence, type Draft, type StallEnd } from './stall.ts';

export function folioWriteback(scene: Scene): Draft[] {
  const table = tableWith(scene.tables, 'folio_wait_writeback', ['bdi', 'ino', 'index']);
  if (table === undefined) return [];
  const rows = eventRows(table);
  const cleared = inodesCleared(scene);
  const { words } = bigs(table, 'ino');
  const index = numbers(table, 'index').values;
  const drafts: Draft[] = [];
  /** The last wait of each task: a folio written again is one wait in two sleeps. */
  const last = new Map<number, { row: number; draft: Draft }>();
  const isSame = (left: number, right: number): boolean =>
    index[left] === index[right] &&
    words[2 * left] === words[2 * right] &&
    words[2 * left + 1] === words[2 * right + 1];
  for (let row = 0; row < table.rows; row++) {
    const start_ns = rows.ts[row] as number;
    const pid = rows.pid[row] as number;
    const before = last.get(pid);
    const ended = endOf(scene, rows, row, cleared);
    if (before !== undefined && isSame(before.row, row) && touches(before.draft, start_ns)) {
      const { draft } = before;
      Object.assign(draft, ended, { duration_ns: start_ns + ended.duration_ns - draft.start_ns });
      draft.open = ended.end === 'capture-end';
      addEvidence(draft, evidenceOf(rows, row));
      before.row = row;
      continue;
    }
    const draft = draftOf(rows, row, {
      place: 'folio-writeback',
      event: table.name,
      start_ns,
      duration_ns: ended.duration_ns,
      end: ended.end,
      joins_within_ns: gapWithin(scene, ended.duration_ns),
    });
    drafts.push(draft);
    last.set(pid, { row, draft });
  }
  return drafts;
}

function touches(draft: Draft, start_ns: number): boolean {
  return draft.start_ns + draft.duration_ns === start_ns;
}

function endOf(
  scene: Scene,
  rows: EventRows,
  row: number,
  cleared: InodeTimes,
): { duration_ns: number; end: StallEnd } {
  const start_ns = rows.ts[row] as number;
  const next_ns = scene.times.nextAfter(rows.pid[row] as number, rows.seq[row] as number);
  const clear_ns = cleared.nextAfter(rows.table, row, start_ns);
  if (clear_ns < next_ns || (Number.isNaN(next_ns) && !Number.isNaN(clear_ns))) {
    return { duration_ns: clear_ns - start_ns, end: 'writeback-end' };
  }
  if (!Number.isNaN(next_ns)) return { duration_ns: next_ns - start_ns, end: 'next-event' };
  return { duration_ns: Math.max(0, scene.end_ns - start_ns), end: 'capture-end' };
}

type InodeTimes = { nextAfter(table: EventRows['table'], row: number, ts_ns: number): number };

/**
 * When inodes lost their last folio under writeback (sb_clear_inode_writeback, which fires as the
 * completion clears the mark). Two file systems may have inodes of one number: their times are not
 * told apart, so that such an inode has none.
 */
function inodesCleared(scene: Scene): InodeTimes {
  const table = tableWith(scene.tables, 'sb_clear_inode_writeback', ['ino', 'dev']);
  const none = { nextAfter: () => Number.NaN };
  const ino = table && optionalBigs(table, 'ino');
  const dev = table && optionalNumbers(table, 'dev')?.values;
  if (table === undefined || ino === undefined || dev === undefined) return none;
  const ts = numbers(table, 'ts_ns').values;
  const byInode = new Map<bigint, { readonly dev: number; readonly times: number[] } | undefined>();
  for (let row = 0; row < table.rows; row++) {
    const number = ino.values[row] as bigint;
    const known = byInode.get(number);
    const time = ts[row] as number;
    if (known !== undefined && known.dev === dev[row]) known.times.push(time);
    else if (byInode.has(number)) byInode.set(number, undefined);
    else byInode.set(number, { dev: dev[row] as number, times: [time] });
  }
  return {
    nextAfter(wait, row, ts_ns) {
      const times = byInode.get(bigs(wait, 'ino').values[row] as bigint)?.times ?? [];
      return times[upperBound(times, ts_ns)] ?? Number.NaN;
    },
  };
}
