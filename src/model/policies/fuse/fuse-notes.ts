/** What a FUSE run makes one want to know, in sentences. */

import { bytesText } from '../../../trace/wording.ts';
import { seconds } from '../stretches.ts';
import type { FuseRun } from './fuse.ts';
import type { SyncWait } from './sync-waits.ts';
import { syncWaits, waitsForAnswer } from './writeback-copy.ts';

/** Of recorded syncs, so many are told one by one. */
const TOLD = 5;
/** Waits shorter than this are no news. */
const LEAST_NS = 1e8;

export function fuseNotes(run: FuseRun): readonly string[] {
  const { facts, era } = run;
  if ((facts.fuse_wbs?.size ?? 0) === 0) return [];
  return [
    ...shareNotes(run),
    ...(waitsForAnswer(era)
      ? []
      : [
          `${bytesText(run.started_bytes)} were copied to be written, at most ` +
            `${bytesText(run.most_copies * facts.page_size)} at a time, which dirty + writeback ` +
            'of the machine does not show',
        ]),
    ...syncNotes(run),
    ...gateNotes(run),
    ...writeoutNotes(run),
  ];
}

function shareNotes({ share, setpoint_pages, cap_pages, facts }: FuseRun): readonly string[] {
  if (Number.isNaN(cap_pages)) return [];
  const limits = `its share of ${cap_pages} pages is steered from ${setpoint_pages} pages on`;
  if (facts.switches['fuse.strictlimit'] === false) {
    return [`without strictlimit only the machine's limit pauses writers (${limits})`];
  }
  if (share.count === 0) return [`FUSE writers are never held by their own limit: ${limits}`];
  return [
    `FUSE writers meet their own limit first at ${seconds(share.first_ns)} and for ` +
      `${seconds(share.total_ns)} in all: ${limits}`,
  ];
}

function syncNotes(run: FuseRun): readonly string[] {
  const { syncs, era, facts } = run;
  const skips = skipsFuse(facts.switches['fuse.sync'], era);
  const notes: string[] = [];
  const waits = syncWaits(era, 'sync', skips);
  const longest = syncs.longest(run.last_ns);
  if (longest !== undefined && longest.to_ns - longest.from_ns >= LEAST_NS) {
    const span = `${seconds(longest.from_ns)} to ${seconds(longest.to_ns)}`;
    const wait = seconds(longest.to_ns - longest.from_ns);
    // Stable releases of 6.18 took over that it does not wait, and nothing in a trace tells.
    const isOpen = era === 'in-place' && facts.switches['fuse.sync'] === undefined;
    const returns = isOpen ? 'returns (before 7.0 it may wait as long)' : 'returns';
    notes.push(
      `no answer from ${span} with data unwritten: a sync(2) called then ` +
        `${waits ? `waits up to ${wait}` : returns}, an fsync(2) of that data waits up to ${wait}`,
    );
  }
  const waiting = syncs.asked.filter(({ call, most_ns }) =>
    // A wait that the trace does not see the end of is one.
    syncWaits(era, call, skips) ? !(most_ns === 0) : false,
  );
  if (syncs.asked.length > 0) {
    notes.push(`${waiting.length} of ${syncs.asked.length} recorded syncs wait for the server`);
  }
  const worst = [...waiting].sort((left, right) => longestOf(right) - longestOf(left));
  for (const wait of worst.slice(0, TOLD)) {
    notes.push(
      `${wait.call}(2) of task ${wait.pid} at ${seconds(wait.ts_ns)} waits ${range(wait)}`,
    );
  }
  return notes;
}

const longestOf = ({ most_ns }: SyncWait) => (Number.isNaN(most_ns) ? Infinity : most_ns);

function range({ least_ns, most_ns }: SyncWait): string {
  if (Number.isNaN(least_ns)) return 'beyond the end of the trace';
  const most = Number.isNaN(most_ns)
    ? 'beyond the end of the trace'
    : `at most ${seconds(most_ns)}`;
  return `at least ${seconds(least_ns)}, ${most}`;
}

/** From 7.0 on sync(2) does not wait for FUSE; `fuse.sync` says otherwise. */
function skipsFuse(setting: 'wait' | 'skip' | undefined, era: FuseRun['era']): boolean {
  return setting === undefined ? era === 'in-place' : setting === 'skip';
}

function gateNotes({ gate, stuck }: FuseRun): readonly string[] {
  const notes: string[] = [];
  if (gate !== undefined) notes.push(`${gate.waited} page writes wait for one of 32 requests`);
  if (stuck !== undefined && stuck.kept_bytes > 0) {
    notes.push(`${bytesText(stuck.kept_bytes)} could not be dirtied while the server was stopped`);
  }
  return notes;
}

function writeoutNotes({ writeout }: FuseRun): readonly string[] {
  if (writeout === undefined) return [];
  const { stretches } = writeout;
  if (!writeout.isFed) return ['vm.throttle-writeout=zone needs vm.zone-pages'];
  if (stretches.count === 0) return ['allocating tasks never sleep in throttle_vm_writeout'];
  return [
    `allocating tasks sleep in throttle_vm_writeout first at ${seconds(stretches.first_ns)}, for ` +
      `${seconds(stretches.total_ns)} in all`,
  ];
}
