/**
 * A file cut into slices of time, so that threads can read them side by side: what one slice gives
 * stands before all that the next one gives. Pages are cut at their time stamps; records that lie
 * in the page before a cut but after its time belong to the later slice, which reads that page too.
 *
 * This holds only if times never decrease on a CPU. The walk over a slice checks that, and all is
 * read in order (in-order.ts) where it does not.
 */
import { type FilePlace, fileSource } from '../../bytes/source.ts';
import type { Watches } from './below-zero.ts';
import { type PageScanner, pageTime, timeSince } from './pages.ts';
import type { Recording } from './recording.ts';
import type { Lane } from './streams.ts';

/** Of all lanes together: little enough for the processor's cache, as each column walks over it. */
const SLICE_BYTES = 4 << 20;
const MAX_SLICES = 2048;
const MAX_LANES = 1024;
/** Pages of each CPU whose times are looked at to cut the file evenly; for each slice, if more. */
const PROBES = 64;
const PROBES_PER_SLICE = 2;

/** A lane whose bytes any thread can read. */
export type SharedLane = Omit<Lane, 'source'> & { readonly file: FilePlace };

/** Can be sent to threads. */
export type SlicePlan = {
  readonly name: string;
  readonly lanes: readonly SharedLane[];
  readonly scanner: Omit<PageScanner, 'layout'>;
  readonly watches: Watches;
  /** Of all events with a format. */
  readonly ids: Uint32Array;
  readonly count: number;
  /** Slice i has the records from times[i] up to but without times[i + 1]. */
  readonly times: Float64Array;
  /** By lane: the pages whose own time is in slice i are those from pages[i] to pages[i + 1]. */
  readonly pages: readonly Uint32Array[];
};

export const MAX_IDS = 65536;

/** Undefined where the input is too small, or not in a file as it is. */
export function planSlices(recording: Recording, sliceBytes = SLICE_BYTES): SlicePlan | undefined {
  const { lanes, scanner, watches } = recording;
  const shared = lanes.flatMap(({ source, ...lane }) =>
    source.file === undefined ? [] : [{ ...lane, file: source.file }],
  );
  const bytes = lanes.reduce((sum, { size }) => sum + size, 0);
  const wanted = Math.min(MAX_SLICES, Math.floor(bytes / sliceBytes));
  // The loops that read slices know words of this byte order alone.
  const isPlain = scanner.littleEndian && scanner.isPlain !== true;
  if (!isPlain || lanes.length > MAX_LANES) return undefined;
  if (shared.length < lanes.length || wanted < 2) return undefined;
  const probes = lanes.map((lane) => probesOf(lane, recording, (lane.size * wanted) / bytes));
  const times = cutTimes(probes, wanted);
  const count = times.length - 1;
  const pages = lanes.map((lane, which) =>
    pagesOf(lane, probes[which] as Probe[], times, recording),
  );
  const name = lanes[0]?.source.name ?? '';
  const ids = Uint32Array.from(recording.formats.keys());
  return { name, lanes: shared, scanner, watches, ids, count, times, pages };
}

/** The lane with a source of the thread's own. */
export function openLane({ file, ...lane }: SharedLane, name: string): Lane {
  return { ...lane, source: fileSource(name, file, lane.offset + lane.size) };
}

function pageCount({ size, layout }: Pick<Lane, 'size' | 'layout'>): number {
  return Math.ceil(size / layout.pageBytes);
}

/** A page of a lane whose time was looked at. */
type Probe = { readonly page: number; readonly time: number; readonly bytes: number };

/** Evenly over the lane; `slices` is what there will be of it. */
function probesOf(lane: Lane, recording: Recording, slices: number): Probe[] {
  const pages = pageCount(lane);
  const count = Math.min(Math.max(PROBES, Math.ceil(PROBES_PER_SLICE * slices)), pages);
  return Array.from({ length: count }, (_, nth) => {
    const page = Math.floor((nth * pages) / count);
    return { page, time: timeOfPage(lane, page, recording), bytes: lane.size / count };
  });
}

/** Ascending times that cut the bytes evenly, with -Infinity before and Infinity behind them. */
function cutTimes(probesOfLanes: readonly (readonly Probe[])[], wanted: number): Float64Array {
  const probes = probesOfLanes.flat().sort((left, right) => left.time - right.time);
  const total = probes.reduce((sum, { bytes }) => sum + bytes, 0);
  const times = [Number.NEGATIVE_INFINITY];
  let before = 0;
  for (const { time, bytes } of probes) {
    const isNew = time > (times.at(-1) as number) && times.length < wanted;
    if (before >= (times.length * total) / wanted && isNew) times.push(time);
    before += bytes;
  }
  return Float64Array.of(...times, Number.POSITIVE_INFINITY);
}

function timeOfPage(
  { source, offset, layout }: Lane,
  page: number,
  { scanner, base }: Pick<Recording, 'scanner' | 'base'>,
): number {
  const head = new Uint8Array(8);
  source.readInto(head, offset + page * layout.pageBytes);
  return timeSince(pageTime(new DataView(head.buffer), 0, scanner.littleEndian), base);
}

/** The first page of each slice, and the end of the last one. */
function pagesOf(
  lane: Lane,
  probes: readonly Probe[],
  times: Float64Array,
  recording: Recording,
): Uint32Array {
  const found = new Uint32Array(times.length);
  let probe = 0;
  times.forEach((time, at) => {
    if (time === Number.POSITIVE_INFINITY) {
      found[at] = pageCount(lane);
      return;
    }
    while (probe < probes.length && (probes[probe] as Probe).time < time) probe++;
    const before = probes[probe - 1];
    const behind = probes[probe] ?? { page: pageCount(lane), time: Number.POSITIVE_INFINITY };
    let low = before === undefined ? 0 : before.page + 1;
    let high = behind.page;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (timeOfPage(lane, middle, recording) < time) low = middle + 1;
      else high = middle;
    }
    found[at] = low;
  });
  return found;
}
