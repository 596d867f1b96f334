/** What is known while the records of a perf.data are read. */
import { DiagnosticCollector } from '../../../src/trace/diagnostics.ts';
import type { ByteSource } from '../../bytes/source.ts';
import type { ZstdStream } from '../../bytes/zstd-stream.ts';
import { TextInterner } from '../../decode/intern.ts';
import { IDLE_COMM, NO_CPU, UNKNOWN_COMM } from '../../decode/perf-event-name.ts';
import type { TimeSpan } from '../../decode/restore-order.ts';
import type { ImportContext } from '../../importer.ts';
import { ALL_TIMES, OtherRows, type Rows } from './columns.ts';
import type { Facts } from './features.ts';
import type { PerfHeader } from './header.ts';
import type { Lane } from './lanes.ts';
import type { KnownSamples, Watched } from './loop-scanner.ts';
import { LossLog } from './losses.ts';
import { EventRegistry, MAX_SOURCES } from './registry.ts';
import type { Clock, ScanState } from './samples.ts';
import { BelowZeroLog, makeTally, type Tally } from './tally.ts';
import { TaskHistory } from './tasks.ts';

export type Reading = {
  readonly source: ByteSource;
  readonly context: ImportContext;
  /** What is wrong in the records. */
  readonly notes: DiagnosticCollector;
  readonly littleEndian: boolean;
  readonly isPipe: boolean;
  readonly facts: Facts;
  readonly registry: EventRegistry;
  readonly comms: TextInterner;
  readonly tasks: TaskHistory;
  readonly clock: Clock;
  readonly state: ScanState;
  readonly losses: LossLog;
  readonly tally: Tally;
  /** Samples that loops count; undefined without loops. */
  readonly known: KnownSamples | undefined;
  /** Undefined: samples are counted, and at most listed. */
  readonly rows: Rows | undefined;
  /** The part of packed records that was read. */
  shareRead: number;
  firstTime: number;
  lastTime: number;
  /** Times in which a stretch overlaps those before it. */
  readonly overlaps: TimeSpan[];
  /** What unpacks compressed records; undefined before the first, and after damage. */
  unpacker: ZstdStream | undefined;
  unpackedLane: Lane | undefined;
  unpackFailed: boolean;
};

/** What counts samples where nothing else is read; `known` makes loops that do so. */
export type Counted = { readonly known?: ((watched: Watched) => KnownSamples) | undefined };

/** Reads everything in one go, or, with `counted`, only counts the samples. */
export function startReading(
  source: ByteSource,
  context: ImportContext,
  { littleEndian, isPipe }: PerfHeader,
  facts: Facts,
  counted?: Counted,
): Reading {
  const losses = new LossLog();
  const comms = new TextInterner();
  const registry = new EventRegistry(facts, context, littleEndian);
  const { builders } = registry;
  const others = new OtherRows();
  const rows = { builders, seq: 0, shareRead: 0, shareBefore: 0, spans: [ALL_TIMES], others };
  const below = new BelowZeroLog();
  const signsOf = (table: number) => registry.signs[table] as readonly number[];
  const known = counted?.known?.({ below, signsOf });
  const counts = known?.counts ?? new Float64Array(MAX_SOURCES);
  return {
    source,
    context,
    known,
    notes: counted === undefined ? context.diagnostics : new Watch(),
    littleEndian,
    isPipe,
    facts,
    registry,
    comms,
    tasks: new TaskHistory(comms.code(UNKNOWN_COMM), comms.code(IDLE_COMM)),
    clock: { isSet: false, high: 0, low: 0 },
    losses,
    tally: makeTally(counts, below, known?.times),
    rows: counted === undefined ? rows : undefined,
    state: makeScanState((cpu, time) => losses.resumed(cpu, time), known?.lastOfCpu),
    shareRead: 0,
    firstTime: Number.POSITIVE_INFINITY,
    lastTime: Number.NEGATIVE_INFINITY,
    overlaps: [],
    unpacker: undefined,
    unpackedLane: undefined,
    unpackFailed: false,
  };
}

function makeScanState(
  onWaited: ScanState['onWaited'],
  lastOfCpu: Float64Array = new Float64Array(NO_CPU + 1).fill(Number.NaN),
): ScanState {
  return {
    short: new Map(),
    foreign: new Map(),
    unknown: 0,
    callers: 0,
    lastOfCpu,
    waiting: new Set(),
    onWaited,
  };
}

/** Only tells that something was wrong: then the file is read in one go. */
class Watch extends DiagnosticCollector {
  isUsed = false;

  override add(): void {
    this.isUsed = true;
  }
}

/** Is there anything that only reading in one go understands? Never in a reading that does so. */
export function isIrregular({ notes }: Reading): boolean {
  return notes instanceof Watch && notes.isUsed;
}

/** Says so. */
export function markIrregular({ notes }: Reading): void {
  if (notes instanceof Watch) notes.isUsed = true;
}

export function truncated(reading: Pick<Reading, 'source' | 'context'>, what: string): void {
  const { source, context } = reading;
  const cause = source.compression === undefined ? '' : 'unpacking: ';
  const damage = source.damage === undefined ? '' : `; ${cause}${source.damage}`;
  const place = { offset: source.size };
  const detail = `at byte ${source.size} (${what}${damage})`;
  context.diagnostics.add('input_truncated', undefined, place, detail);
}
