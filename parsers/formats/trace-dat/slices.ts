/**
 * A file cut into slices of time, so that threads can read them side by side: what one slice gives
 * stands before all that the next one gives. Pages are cut at their time stamps; records that lie
 * in the page before a cut but after its time belong to the later slice, which reads that page too.
 *
 * This holds only if times never decrease on a CPU. The survey checks that, and all is read in
 * order (in-order.ts) where it does not.
 */
import { type FilePlace, fileSource } from '../../bytes/source.ts';
import type { Watches } from './below-zero.ts';
import { type PageScanner, pageTime, timeSince } from './pages.ts';
import type { Recording } from './recording.ts';
import type { Lane } from './streams.ts';

/** Some 15 ms of work: little enough for threads to end at about the same time. */
const SLICE_BYTES = 12 << 20;
const MAX_SLICES = 256;
/** Each needs a window of its own in every thread. */
const MAX_LANES = 1024;
/** Pages of each CPU whose times are looked at to cut the file evenly. */
const PROBES = 64;

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
  /** Records of each slice by event id: [slice * MAX_IDS + id], in shared memory. */
  readonly counts: Int32Array;
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
  const times = cutTimes(lanes, recording, wanted);
  const count = times.length - 1;
  const pages = lanes.map((lane) => {
    const timeOf = memoized((page) => timeOfPage(lane, page, recording));
    return Uint32Array.from(times, (time) => firstPageFrom(time, pageCount(lane), timeOf));
  });
  const counts = new Int32Array(new SharedArrayBuffer(4 * MAX_IDS * count));
  const name = lanes[0]?.source.name ?? '';
  const ids = Uint32Array.from(recording.formats.keys());
  return { name, lanes: shared, scanner, watches, ids, count, times, pages, counts };
}

/** The lane with a source of the thread's own. */
export function openLane({ file, ...lane }: SharedLane, name: string): Lane {
  return { ...lane, source: fileSource(name, file, lane.offset + lane.size) };
}

function pageCount({ size, layout }: Pick<Lane, 'size' | 'layout'>): number {
  return Math.ceil(size / layout.pageBytes);
}

/** Ascending times that cut the bytes evenly, with -Infinity before and Infinity behind them. */
function cutTimes(lanes: readonly Lane[], recording: Recording, wanted: number): Float64Array {
  const probes = lanes.flatMap((lane) => {
    const pages = pageCount(lane);
    const count = Math.min(PROBES, pages);
    return Array.from({ length: count }, (_, nth) => ({
      time: timeOfPage(lane, Math.floor((nth * pages) / count), recording),
      bytes: lane.size / count,
    }));
  });
  probes.sort((left, right) => left.time - right.time);
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

function memoized(timeOf: (page: number) => number): (page: number) => number {
  const known = new Map<number, number>();
  return (page) => {
    const time = known.get(page) ?? timeOf(page);
    known.set(page, time);
    return time;
  };
}

function firstPageFrom(time: number, pages: number, timeOf: (page: number) => number): number {
  let low = 0;
  let high = pages;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (timeOf(middle) < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
