/** `tidemark replay`: the model against what the kernel recorded. */
import { checkIdentities, IDENTITIES, type Identities } from '../../replay/identities.ts';
import { type CounterFit, type Replay, replayDirtied } from '../../replay/open-loop.ts';
import { printable } from '../../trace/printable.ts';
import { openCapture } from '../capture.ts';
import { parseOptions, ReplayOptions } from '../config.ts';
import type { Io } from '../io.ts';
import { textTable } from '../text-table.ts';

export async function replay(file: string, raw: unknown, io: Io): Promise<void> {
  const options = parseOptions(ReplayOptions, raw);
  const trace = await openCapture(file, options, io);
  const identities = checkIdentities(trace);
  const result = replayDirtied(trace);
  if (options.json) {
    const json = { ...replayJson(identities, result), diagnostics: trace.diagnostics };
    io.out(`${JSON.stringify(json, undefined, 2)}\n`);
    return;
  }
  io.out(replayText(identities, result));
  const notes = trace.diagnostics.map(({ message }) => `  ${printable(message)}\n`);
  if (notes.length > 0) io.out(`\ndiagnostics\n${notes.join('')}`);
}

function replayJson(identities: Identities, result: Replay | undefined) {
  return {
    identity: identities.results,
    replay:
      result === undefined
        ? {}
        : { nr_dirtied: result.nr_dirtied, dirty_plus_writeback: result.dirty_plus_writeback },
    folio_sizes: result?.sizes.counts,
    drift: result?.drift,
    starts: result?.starts,
    timebase: identities.timebase,
    limit_of_domain: identities.limit_of_domain,
    levels: { identity: 'a', replay: 'b' },
  };
}

function replayText(identities: Identities, result: Replay | undefined): string {
  const { timebase } = identities;
  const hz =
    timebase.hz === undefined ? 'HZ unknown' : `HZ ${timebase.hz} (${timebase.hz_because})`;
  const laws = IDENTITIES.map((name) => {
    const { n, exact, unchecked, max_abs } = identities.results[name];
    return [name, String(n), String(exact), share(exact, n), String(max_abs), String(unchecked)];
  });
  const head = ['field', 'checked', 'exact', 'share', 'largest difference', 'not checkable'];
  const page = `page size ${timebase.page_size} (${timebase.page_size_because})`;
  const title = `identities (level a: counters given, law checked), ${hz}, ${page}\n`;
  return `${title}${textTable(head, laws)}\n${fitText(result)}`;
}

function fitText(result: Replay | undefined): string {
  if (result === undefined) {
    return 'replay: needs global_dirty_state and writeback_dirty_folio, which this capture lacks\n';
  }
  const row = (name: string, fit: CounterFit) => [
    name,
    String(fit.n),
    share(fit.within_drift, fit.n),
    String(fit.max_abs_pages),
    `±${fit.drift_bound_pages}`,
    fit.wape === undefined ? '' : `${(100 * fit.wape).toPrecision(3)} %`,
    String(fit.skipped),
  ];
  const head = ['counter', 'samples', 'within drift', 'largest', 'bound', 'WAPE', 'skipped'];
  const { counts } = result.sizes;
  const sizes = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([evidence, count]) => `${count} ${evidence}`)
    .join(', ');
  return (
    'replay (level b: events given, counters predicted), pages\n' +
    textTable(head, [
      row('nr_dirtied', result.nr_dirtied),
      row('dirty + writeback', result.dirty_plus_writeback),
    ]) +
    `  folio sizes: ${sizes}; bound from ${result.drift.because}; ` +
    `prediction started ${result.starts} times\n`
  );
}

function share(part: number, whole: number): string {
  return whole === 0 ? '' : `${((100 * part) / whole).toFixed(2)} %`;
}
