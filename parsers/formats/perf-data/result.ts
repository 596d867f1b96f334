/** What was read → what the importer returns, with what is wrong in it. */
import type { EventCount } from '../../../src/trace/trace.ts';
import { finishTables, tableNames } from '../../decode/event-tables.ts';
import { NO_CPU } from '../../decode/perf-event-name.ts';
import type { Imported } from '../../importer.ts';
import { clockName } from './attrs.ts';
import type { OtherRows } from './columns.ts';
import type { Reading } from './state.ts';
import type { TaskNamesInTime } from './tasks.ts';

function report({ registry, state, facts, context, tally }: Reading): void {
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
  if (state.callers > 0) diagnostics.add('callers_left_out', state.callers);
  for (const name of facts.tracing?.formats.unreadable ?? []) {
    diagnostics.add('event_format_unreadable', 1, { subject: name });
  }
  registry.builders.forEach(({ format, missing }, table) => {
    if (registry.withoutFormat.has(table)) {
      const count = tally.counts[table] as number;
      diagnostics.add('event_format_missing', count, { subject: format.name });
    }
    if (missing.length === 0) return;
    const subject = `${format.name}: ${missing.join(', ')}`;
    diagnostics.add('event_fields_missing', missing.length, { subject });
  });
}

/**
 * `others`: rows without a table that take part in the order; undefined where no table is kept.
 * `originTs` was subtracted from all times in rows.
 */
export function imported(reading: Reading, others: OtherRows | undefined, originTs = 0): Imported {
  report(reading);
  const { registry, facts, clock, context, tally } = reading;
  const isEmpty = tally.counts.every((count) => count === 0);
  const first = isEmpty ? 0 : reading.firstTime;
  const last = isEmpty ? 0 : reading.lastTime;
  const origin = (BigInt(clock.high) << 32n) | BigInt(clock.low);
  const losses = reading.losses.finish(first, last, NO_CPU);
  for (const { cpu, ts_ns, count } of losses) {
    context.diagnostics.add('events_lost', count, { cpu, ts_ns });
  }
  let names: TaskNamesInTime | undefined;
  const counted = countEvents(reading);
  const tables = finishTables(registry.builders, {
    counts: tally.counts,
    others: others?.finish(),
    overlaps: reading.overlaps.map(([from, to]) => [from - originTs, to - originTs]),
    firstTs: first - originTs,
    // Then there is none to look for: no CPU has that number.
    noCpu: Number.isNaN(reading.state.lastOfCpu[NO_CPU] as number) ? -1 : NO_CPU,
    comms: reading.comms.dictionary,
    commCodes: (pids, times) => {
      names ??= reading.tasks.finish();
      return names.codes(pids, times, first);
    },
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
    belowZero: tally.below.list(
      registry.builders,
      tableNames(registry.builders, tally.counts),
      first,
    ),
  };
}

function cpusSeen({ state }: Reading): number {
  let cpus = 0;
  for (let cpu = 0; cpu < NO_CPU; cpu++) {
    if (!Number.isNaN(state.lastOfCpu[cpu] as number)) cpus = cpu + 1;
  }
  return cpus;
}

function countEvents(reading: Reading): { events: EventCount[]; silent_events: string[] } {
  const { registry, tally } = reading;
  const events: EventCount[] = [];
  registry.builders.forEach(({ format: { name, system }, detail, known }, table) => {
    const count = tally.counts[table] as number;
    if (count === 0) return;
    const isUntold = detail === 'count' && !known;
    events.push({ name, system, count, ...(isUntold ? { known } : {}) });
  });
  events.sort((left, right) => (left.name < right.name ? -1 : 1));
  const seen = new Set(events.map(({ name }) => name));
  const enabled = registry.sources.flatMap(({ attr }) => registry.formatOf(attr)?.name ?? []);
  const silent = [...new Set(enabled)].filter((name) => !seen.has(name)).sort();
  return { events, silent_events: silent };
}
