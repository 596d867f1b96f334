/** `tidemark inspect`: what a capture holds, and what it lacks. */
import { hanging, textTable } from '../../../reports/terminal.ts';
import { count, duration } from '../../findings/format.ts';
import { printable } from '../../trace/printable.ts';
import { formatSecondsNs } from '../../trace/time.ts';
import { lostEvents, type Trace, totalEvents } from '../../trace/trace.ts';
import { thousands } from '../../trace/wording.ts';
import { openCapture } from '../capture.ts';
import { InspectOptions, parseOptions } from '../config.ts';
import { type Io, screenColumns } from '../io.ts';

export async function inspect(file: string, raw: unknown, io: Io): Promise<void> {
  const options = parseOptions(InspectOptions, raw);
  const trace = await openCapture(file, options, io, () => 'count');
  io.out(
    options.json
      ? `${JSON.stringify(inspectJson(trace), undefined, 2)}\n`
      : inspectText(trace, screenColumns(io)),
  );
}

/** Two systems may have an event of the same name: then both carry theirs. */
function countsByName(trace: Trace): Record<string, number> {
  const { events } = trace.meta;
  const seen = new Map<string, number>();
  for (const { name } of events) seen.set(name, (seen.get(name) ?? 0) + 1);
  return Object.fromEntries(
    events.map(({ name, system, count }) => [
      (seen.get(name) ?? 0) > 1 ? `${system}:${name}` : name,
      count,
    ]),
  );
}

function inspectJson(trace: Trace) {
  const { meta } = trace;
  return {
    format: meta.format,
    format_title: meta.format_title,
    compression: meta.compression,
    kernel: meta.kernel,
    machine: meta.machine,
    generation: meta.generation,
    clock: meta.clock,
    origin_ns: meta.origin_ns.toString(),
    duration_ns: meta.duration_ns,
    resolution_ns: meta.resolution_ns,
    cpus: meta.cpus,
    page_size: meta.page_size,
    total_events: totalEvents(meta),
    events: countsByName(trace),
    silent_events: meta.silent_events,
    lost_events: lostEvents(trace),
    losses: trace.losses,
    samples: trace.samples?.rows ?? 0,
    diagnostics: trace.diagnostics,
  };
}

function inspectText(trace: Trace, columns: number): string {
  const { meta } = trace;
  const packed = meta.compression === undefined ? '' : `, ${meta.compression}`;
  const start = formatSecondsNs(meta.origin_ns, 6);
  const end = formatSecondsNs(meta.origin_ns + BigInt(Math.round(meta.duration_ns)), 6);
  const unknownGaps = trace.losses.filter(({ count }) => count === undefined).length;
  const gaps = unknownGaps > 0 ? ` and ${unknownGaps} gaps of unknown size` : '';
  const facts: [string, string][] = [
    ['format', `${meta.format_title}${packed}`],
    ['kernel', [meta.kernel ?? 'not recorded', meta.machine ?? ''].join(' ').trim()],
    ['formats', meta.generation ?? 'not told by these events'],
    ['clock', `${meta.clock ?? 'not recorded'}, ${start} to ${end}`],
    ['duration', duration(meta.duration_ns)],
    ['CPUs', String(meta.cpus)],
    ['page size', meta.page_size === undefined ? 'not recorded' : `${meta.page_size} bytes`],
    ['events', `${thousands(totalEvents(meta))} of ${count(meta.events.length, 'kind')}`],
    ['lost', `${thousands(lostEvents(trace))} events${gaps}`],
    ['samples', trace.samples === undefined ? 'none' : `${trace.samples.rows} of /proc/vmstat`],
  ];
  const width = Math.max(...facts.map(([name]) => name.length));
  const lines = facts.map(([name, value]) => `${name.padEnd(width)}  ${printable(value)}\n`);
  const counts = [...meta.events].sort((left, right) => right.count - left.count);
  const rows = counts.map(({ name, system, count, known = trace.tables.get(name)?.known }) => [
    thousands(count),
    printable(name),
    printable(system),
    known === false ? 'raw fields' : '',
  ]);
  const notes = trace.diagnostics.map(({ severity, message }) =>
    hanging(`${severity}: ${printable(message)}`, columns, '  '),
  );
  return [
    ...lines,
    rows.length > 0 ? `\n${textTable(['count', 'event', 'system', ''], rows)}` : '',
    notes.length > 0 ? `\ndiagnostics\n${notes.join('')}` : '',
  ].join('');
}
