/** What is known while the records of a perf.data are read. */
import type { ByteSource } from '../../bytes/source.ts';
import type { ZstdStream } from '../../bytes/zstd-stream.ts';
import { TextInterner } from '../../decode/intern.ts';
import { IDLE_COMM, NO_CPU, UNKNOWN_COMM } from '../../decode/perf-event-name.ts';
import type { ImportContext } from '../../importer.ts';
import type { Facts } from './features.ts';
import type { PerfHeader } from './header.ts';
import type { Collected, Lane } from './lanes.ts';
import { LossLog } from './losses.ts';
import type { Clock, ScanState } from './records.ts';
import type { EventRegistry } from './registry.ts';
import { TaskHistory } from './tasks.ts';

export type Reading = Collected & {
  readonly source: ByteSource;
  readonly context: ImportContext;
  readonly littleEndian: boolean;
  readonly isPipe: boolean;
  readonly facts: Facts;
  readonly registry: EventRegistry;
  readonly comms: TextInterner;
  readonly tasks: TaskHistory;
  readonly clock: Clock;
  readonly state: ScanState;
  readonly losses: LossLog;
  /** What unpacks compressed records; undefined before the first, and after damage. */
  unpacker: ZstdStream | undefined;
  unpackedLane: Lane | undefined;
  unpackFailed: boolean;
};

export function startReading(
  source: ByteSource,
  context: ImportContext,
  header: PerfHeader,
  facts: Facts,
  registry: EventRegistry,
): Reading {
  const losses = new LossLog();
  const comms = new TextInterner();
  const { littleEndian, isPipe } = header;
  return {
    source,
    context,
    littleEndian,
    isPipe,
    facts,
    registry,
    comms,
    tasks: new TaskHistory(comms.code(UNKNOWN_COMM), comms.code(IDLE_COMM)),
    clock: { isSet: false, high: 0, low: 0 },
    losses,
    state: {
      short: new Map(),
      foreign: new Map(),
      unknown: 0,
      lastOfCpu: new Float64Array(NO_CPU + 1).fill(Number.NaN),
      waiting: new Set(),
      onWaited: (cpu, time) => losses.resumed(cpu, time),
    },
    seq: 0,
    shareRead: 0,
    shareBefore: 0,
    firstTime: Number.POSITIVE_INFINITY,
    lastTime: Number.NEGATIVE_INFINITY,
    overlaps: [],
    unpacker: undefined,
    unpackedLane: undefined,
    unpackFailed: false,
  };
}

export function truncated(reading: Pick<Reading, 'source' | 'context'>, what: string): void {
  const { source, context } = reading;
  const damage = source.damage === undefined ? '' : `; unpacking: ${source.damage}`;
  const place = { offset: source.size };
  const detail = `at byte ${source.size} (${what}${damage})`;
  context.diagnostics.add('input_truncated', undefined, place, detail);
}
