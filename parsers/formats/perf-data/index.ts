/** perf.data as `perf record` writes it: to a file or to a pipe (`-o -`), compressed (`-z`) or not. */
import { FormatError } from '../../../src/trace/errors.ts';
import type { EventCount } from '../../../src/trace/trace.ts';
import type { ByteSource } from '../../bytes/source.ts';
import { finishTables } from '../../decode/event-tables.ts';
import { NO_CPU } from '../../decode/perf-event-name.ts';
import type { ImportContext, Imported, Importer } from '../../importer.ts';
import { clockName } from './attrs.ts';
import { noFacts } from './features.ts';
import { MAGIC, type PerfHeader, readHeader, type Section, SWAPPED_MAGIC } from './header.ts';
import { readRecords } from './reading.ts';
import { EventRegistry } from './registry.ts';
import { readFeatureInto } from './side-records.ts';
import { type Reading, startReading, truncated } from './state.ts';

export const perfData: Importer = {
  id: 'perf-data',
  title: 'perf.data',
  sniff: (head) => [MAGIC, SWAPPED_MAGIC].some((magic) => beginsWith(head, magic)),
  read: (source, context) => readPerfData(source, context),
};

function beginsWith(head: Uint8Array, magic: string): boolean {
  return [...magic].every((char, at) => head[at] === char.charCodeAt(0));
}

/** `windowBytes`: how much of the file is held at a time; only tests give it. */
export function readPerfData(
  source: ByteSource,
  context: ImportContext,
  windowBytes?: number,
): Imported {
  const header = readHeader(source);
  const facts = noFacts();
  for (const [feature, section] of header.features) {
    readFeatureInto({ ...header, context }, facts, source, feature, section);
  }
  const registry = new EventRegistry(facts, context.dictionary, header.littleEndian);
  const reading = startReading(source, context, header, facts, registry);
  for (const event of header.sources) {
    if (!registry.add(event)) throw new FormatError(`${source.name} has too many events`);
  }
  readRecords(reading, presentData(reading, header), windowBytes);
  if (registry.sources.length === 0) {
    throw new FormatError(`${source.name} describes no event that was recorded`, source.size);
  }
  report(reading);
  return imported(reading);
}

/** The records that the file really has. */
function presentData(reading: Reading, header: PerfHeader): Section {
  const { data, isPipe, missingFeatures } = header;
  const { source } = reading;
  const there = source.size - data.offset;
  if (data.size === 0 && there > 0) {
    // perf writes the size, and then the formats of the events, when it ends.
    truncated(reading, 'perf was killed before it closed the file');
    return { offset: data.offset, size: there };
  }
  if (data.size > there) {
    truncated(reading, `${data.size - there} bytes of events and all behind them are missing`);
    return { offset: data.offset, size: there };
  }
  if (missingFeatures > 0) truncated(reading, `${missingFeatures} of its features are missing`);
  else if (source.damage !== undefined)
    truncated(reading, isPipe ? 'damaged' : 'its end is missing');
  return data;
}

function report({ registry, state, facts, context }: Reading): void {
  const { diagnostics } = context;
  const nameOf = (table: number) => registry.builders[table]?.format.name ?? '';
  for (const [table, count] of state.short) {
    diagnostics.add('record_too_short', count, { subject: nameOf(table) });
  }
  for (const [table, count] of state.foreign) {
    diagnostics.add('record_damaged', count, { subject: nameOf(table) });
  }
  if (state.unknown > 0) {
    diagnostics.add('record_damaged', state.unknown, { subject: 'samples of no known event' });
  }
  for (const name of facts.tracing?.formats.unreadable ?? []) {
    diagnostics.add('event_format_unreadable', 1, { subject: name });
  }
  registry.builders.forEach(({ format, missing, ts }, table) => {
    if (registry.withoutFormat.has(table)) {
      diagnostics.add('event_format_missing', ts.length, { subject: format.name });
    }
    if (missing.length === 0) return;
    const subject = `${format.name}: ${missing.join(', ')}`;
    diagnostics.add('event_fields_missing', missing.length, { subject });
  });
}

function imported(reading: Reading): Imported {
  const { registry, facts, clock, context, seq } = reading;
  const first = seq === 0 ? 0 : reading.firstTime;
  const last = seq === 0 ? 0 : reading.lastTime;
  const origin = (BigInt(clock.high) << 32n) | BigInt(clock.low);
  const losses = reading.losses.finish(first, last, NO_CPU);
  for (const { cpu, ts_ns, count } of losses) {
    context.diagnostics.add('events_lost', count, { cpu, ts_ns });
  }
  const names = reading.tasks.finish();
  const counted = countEvents(reading);
  const tables = finishTables(registry.builders, {
    overlaps: reading.overlaps,
    firstTs: first,
    noCpu: NO_CPU,
    comms: reading.comms.dictionary,
    commCodes: (pids, times) => names.codes(pids, times),
  });
  return {
    meta: {
      format: 'perf-data',
      format_title: reading.isPipe ? 'perf.data from a pipe' : 'perf.data',
      origin_ns: origin + BigInt(first),
      duration_ns: last - first,
      clock: clockName(registry.sources[0]?.attr.clockId),
      resolution_ns: 1,
      cpus: facts.cpus ?? cpusSeen(reading),
      kernel: facts.kernel,
      machine: facts.machine,
      page_size: facts.tracing?.pageSize,
      ...counted,
    },
    tables,
    losses,
  };
}

function cpusSeen({ state }: Reading): number {
  let cpus = 0;
  for (let cpu = 0; cpu < NO_CPU; cpu++) {
    if (!Number.isNaN(state.lastOfCpu[cpu] as number)) cpus = cpu + 1;
  }
  return cpus;
}

function countEvents({ registry }: Reading): { events: EventCount[]; silent_events: string[] } {
  const events: EventCount[] = [];
  const seen = new Set<string>();
  for (const { format, ts } of registry.builders) {
    if (ts.length === 0) continue;
    events.push({ name: format.name, system: format.system, count: ts.length });
    seen.add(format.name);
  }
  events.sort((left, right) => (left.name < right.name ? -1 : 1));
  const enabled = registry.sources.flatMap(({ attr }) => registry.formatOf(attr)?.name ?? []);
  const silent = [...new Set(enabled)].filter((name) => !seen.has(name)).sort();
  return { events, silent_events: silent };
}
