/** What findings may ask for besides tables: results that several of them share, made once. */
import { type DirtyState, dirtyState } from '../derive/dirty-state.ts';
import { type StallGroup, summariseStalls } from '../derive/stall-summary.ts';
import { findStalls, type Stall } from '../derive/stalls.ts';
import { type BandwidthSeries, writeBandwidth } from '../derive/write-bandwidth.ts';
import { checkIdentities, type Identities } from '../replay/identities.ts';
import { type Replay, replayDirtied } from '../replay/open-loop.ts';
import type { Trace } from '../trace/trace.ts';

export type Context = {
  readonly trace: Trace;
  readonly pageSize: number;
  readonly identities: Identities;
  readonly replay: Replay | undefined;
  readonly stalls: readonly Stall[];
  readonly stallGroups: readonly StallGroup[];
  readonly dirty: DirtyState | undefined;
  readonly bandwidth: readonly BandwidthSeries[];
};

export function makeContext(trace: Trace): Context {
  const identities = checkIdentities(trace);
  const { hz, page_size } = identities.timebase;
  const stalls = findStalls(trace.tables, { hz, end_ns: trace.meta.duration_ns });
  return {
    trace,
    pageSize: page_size,
    identities,
    replay: replayDirtied(trace),
    stalls,
    stallGroups: summariseStalls(stalls),
    dirty: dirtyState(trace.tables),
    bandwidth: writeBandwidth(trace.tables),
  };
}
