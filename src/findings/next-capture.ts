/**
 * What to record next time: the events that open questions needed, a buffer that holds them, and
 * the samples that go with them, as one command line to paste.
 */
import type { Trace } from '../trace/trace.ts';
import { lostEvents, totalEvents } from '../trace/trace.ts';
import type { CauseDefinition } from './cause.ts';

export type CaptureAdvice = {
  /** Why, one sentence each; empty when nothing was missing. */
  readonly reasons: readonly string[];
  readonly command: string;
  /** Sampling that the command line cannot do. */
  readonly samples: string | undefined;
};

type Asked = {
  readonly definition: Pick<CauseDefinition, 'id' | 'needs' | 'contradicted_by'>;
  readonly status: string;
};

/** What a writeback capture needs at least, by what it shows. */
const ALWAYS = ['writeback', 'vmscan'];

const MIN_BUFFER_KB = 8192;
const MAX_BUFFER_KB = 512 * 1024;

export function nextCapture(trace: Trace, judgements: readonly Asked[]): CaptureAdvice {
  const missing = missingEvents(trace, judgements);
  const reasons = [...missing].map(
    ([event, causes]) => `${event} was not recorded: it would tell about ${causes.join(', ')}.`,
  );
  const lost = lostEvents(trace);
  if (lost > 0 || trace.losses.length > 0) {
    reasons.unshift('Events were lost: record with a larger buffer, as below.');
  }
  const needsSamples = trace.samples === undefined;
  return {
    reasons,
    command: commandLine(trace, [...missing.keys()], lost),
    samples: needsSamples ? SAMPLER : undefined,
  };
}

/** First events of groups of which nothing was recorded, and the causes that ask for them. */
function missingEvents(
  trace: Trace,
  judgements: readonly Asked[],
): ReadonlyMap<string, readonly string[]> {
  const recorded = new Set([...trace.tables.keys(), ...trace.meta.silent_events]);
  const missing = new Map<string, string[]>();
  for (const { definition, status } of judgements) {
    const asked = (definition.contradicted_by ?? []).map(({ events }) => events);
    const groups = status === 'unknown' ? definition.needs : status === 'found' ? asked : [];
    for (const group of groups) {
      const [wanted] = group;
      if (wanted === undefined || group.some((name) => recorded.has(name))) continue;
      missing.set(wanted, [...(missing.get(wanted) ?? []), definition.id]);
    }
  }
  return missing;
}

const SAMPLER =
  'while sleep 0.1; do awk -v t=$(cut -d\' \' -f1 /proc/uptime) \'{print t","$1","$2}\' ' +
  '/proc/vmstat; done > vmstat.csv';

function commandLine(trace: Trace, missing: readonly string[], lost: number): string {
  const systems = new Map(EXTRA.map(([event, system]) => [event, system]));
  const extra = missing.flatMap((event) =>
    PARTS_OF_ALWAYS.test(event) ? [] : [systems.get(event) ?? event],
  );
  const flags = [...new Set([...ALWAYS, ...extra])].map((event) => `-e ${event}`).join(' ');
  return `trace-cmd record -C mono -b ${bufferKb(trace, lost)} ${flags} sleep 30`;
}

// writeback_start  global_dirty_state  mm_vmscan_lru_shrink_inactive  mm_shrink_slab_end
const PARTS_OF_ALWAYS =
  /^(?:writeback_\w+|balance_dirty_pages|global_dirty_state|bdi_dirty_ratelimit|mm_vmscan_\w+|mm_shrink_slab_\w+)$/;

/** Events of whole systems that come together. */
const EXTRA: readonly (readonly [event: string, system: string])[] = [
  ['mm_filemap_add_to_page_cache', 'filemap'],
  ['fuse_request_send', 'fuse'],
  ['jbd2_start_commit', 'jbd2'],
  ['sys_enter_fsync', "'syscalls:sys_*_*sync*'"],
  ['sys_enter_sync', "'syscalls:sys_*_*sync*'"],
  ['sys_enter_write', "'syscalls:sys_*_write'"],
  ['sys_exit_write', "'syscalls:sys_*_write'"],
  ['block_rq_issue', 'block:block_rq_issue -e block:block_rq_complete'],
];

/** Per CPU: what was kept and what was lost, twice; a kernel event takes some 60 bytes. */
function bufferKb(trace: Trace, lost: number): number {
  const perCpu = ((totalEvents(trace.meta) + lost) * 60) / Math.max(1, trace.meta.cpus) / 1024;
  const wanted = lost > 0 ? 2 * perCpu : perCpu / 4;
  const rounded = 2 ** Math.ceil(Math.log2(Math.max(1, wanted)));
  return Math.min(MAX_BUFFER_KB, Math.max(MIN_BUFFER_KB, rounded));
}
