/** `tidemark replay`: the model against what the kernel recorded. */
import { keepForReplay } from '../../findings/unread-events.ts';
import { lawsOf, type ReplayResult, replay as replayTrace } from '../../replay/replay.ts';
import { allDiagnostics } from '../../trace/diagnostics.ts';
import type { Trace } from '../../trace/trace.ts';
import { openCapture } from '../capture.ts';
import { parseOptions, ReplayOptions } from '../config.ts';
import { type Io, screenColumns, tableColumns } from '../io.ts';
import { inferredBandwidth } from '../replay/inferred-bandwidth.ts';
import { replayText } from '../replay/text.ts';

export async function replay(file: string, raw: unknown, io: Io): Promise<void> {
  const options = parseOptions(ReplayOptions, raw);
  const trace = await openCapture(file, options, io, keepForReplay);
  const result = replayTrace(trace);
  if (options.json) io.out(`${JSON.stringify(replayJson(trace, result), undefined, 2)}\n`);
  else io.out(replayText(trace, result, screenColumns(io), tableColumns(io)));
}

/** The keys are a contract with other programs; more may come. */
function replayJson(trace: Trace, result: ReplayResult) {
  const { identities, history, thresholds, works, shrinkers, reclaim } = result;
  return {
    identity: Object.fromEntries(lawsOf(result).map(({ name, result: law }) => [name, law])),
    replay: history === undefined ? {} : history.fits,
    vmstat: history?.vmstat_fits ?? {},
    folio_sizes: history?.sizes.counts,
    evidence: history?.evidence,
    budget: history?.budget,
    dirtied: history?.dirtied,
    projections: history?.projections,
    drift: history?.drift,
    starts: history?.starts,
    inferred_bandwidth: inferredBandwidth(identities),
    timebase: identities.timebase,
    features: { ...identities.features, limit_of_domain: identities.limit_of_domain },
    limit_of_domain: identities.limit_of_domain,
    settings: thresholds.steps,
    dirty_limit_steps: thresholds.limit.steps,
    periodic_works: works.periodic,
    shrinkers: shrinkers.shrinkers.map((shrinker) => ({
      ...shrinker,
      address: shrinker.address === undefined ? undefined : `0x${shrinker.address.toString(16)}`,
    })),
    reclaim_throttles: reclaim.throttles,
    levels: { identity: 'a', replay: 'b', vmstat: 'b' },
    diagnostics: allDiagnostics(trace.diagnostics, result.diagnostics),
  };
}
