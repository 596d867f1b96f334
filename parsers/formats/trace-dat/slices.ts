/**
 * A file cut into slices of time, so that threads can read them side by side: what one slice gives
 * stands before all that the next one gives. Pages are cut at their time stamps; records that lie
 * in the page before a cut but after its time belong to the later slice, which reads that page too.
 *
 * This holds only if times never decrease on a CPU. The walk over a slice checks that, and all is
 * read in order (in-order.ts) where it does not.
 */
import { type FilePlace, fileSource } from '../../bytes/source.ts';
import { blockUnpacker } from '../../bytes/unpack-block.ts';
import type { Watches } from './below-zero.ts';
import { sharedPages } from './packed-pages.ts';
import { type PageScanner, pageTime, timeSince } from './pages.ts';
import type { Recording } from './recording.ts';
import type { Lane } from './streams.ts';

/** Of all lanes together: little enough for the processor's cache, as each column walks over it. */
const SLICE_BYTES = 4 << 20;
/**
 * Packed pages: to find where a lane is cut, some six of its chunks must be unpacked, and where it
 * was cut one is unpacked twice. Slices are so large that this is half of the unpacking at most; it
 * is 10 ms of 470 ms for 3.3 M events of two CPUs.
 */
const PACKED_SLICE_BYTES = 8 << 20;
const CHUNKS_PER_CUT = 12;
const MAX_SLICES = 2048;
const MAX_LANES = 1024;
/** Pages of each CPU whose times are looked at to cut the file evenly; for each slice, if more. */
const PROBES = 64;
const PACKED_PROBES = 4;
const PROBES_PER_SLICE = 2;

/** A lane whose bytes any thread can read, or unpack. */
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

/** Undefined where the input is too small, or not in a file. Throws at damage of packed pages. */
export function planSlices(recording: Recording, givenBytes?: number): SlicePlan | undefined {
  const { scanner, watches } = recording;
  const bytes = recording.lanes.reduce((sum, { size }) => sum + size, 0);
  const sliceBytes = givenBytes ?? sliceBytesFor(recording.lanes);
  const wanted = Math.min(MAX_SLICES, Math.floor(bytes / sliceBytes));
  const shared = recording.lanes.flatMap(({ source, ...lane }) => {
    const file = lane.packed?.file ?? source.file;
    return file === undefined ? [] : [{ ...lane, file }];
  });
  // The loops that read slices know words of this byte order alone.
  const isPlain = scanner.littleEndian && scanner.isPlain !== true;
  if (!isPlain || recording.lanes.length > MAX_LANES) return undefined;
  if (shared.length < recording.lanes.length || wanted < 2) return undefined;
  const name = recording.lanes[0]?.source.name ?? '';
  const lanes = openLanes(shared, name);
  const probes = lanes.map((lane) => probesOf(lane, recording, (lane.size * wanted) / bytes));
  const times = cutTimes(probes, wanted);
  const count = times.length - 1;
  const pages = lanes.map((lane, which) =>
    pagesOf(lane, probes[which] as Probe[], times, recording),
  );
  const ids = Uint32Array.from(recording.formats.keys());
  return { name, lanes: shared, scanner, watches, ids, count, times, pages };
}

function sliceBytesFor(lanes: readonly Lane[]): number {
  const chunks = lanes.flatMap(({ packed }) => packed?.chunks.largest ?? []);
  if (chunks.length === 0) return SLICE_BYTES;
  const largest = chunks.reduce((most, bytes) => Math.max(most, bytes), 0);
  return Math.max(PACKED_SLICE_BYTES, CHUNKS_PER_CUT * lanes.length * largest);
}

/** The lanes with sources of the thread's own; those that unpack throw at damage. */
export function openLanes(lanes: readonly SharedLane[], name: string): Lane[] {
  // One unpacker for all.
  const packing = lanes.find(({ packed }) => packed !== undefined)?.packed?.packing ?? '';
  const unpack = blockUnpacker(packing);
  return lanes.map(({ file, ...lane }) => {
    const { packed, offset, size } = lane;
    if (packed === undefined) return { ...lane, source: fileSource(name, file, offset + size) };
    if (unpack === undefined) throw new Error(`packed with ${packing}`);
    return { ...lane, source: sharedPages(name, packed, unpack) };
  });
}

function pageCount({ size, layout }: Pick<Lane, 'size' | 'layout'>): number {
  return Math.ceil(size / layout.pageBytes);
}

/** A page of a lane whose time was looked at. */
type Probe = { readonly page: number; readonly time: number; readonly bytes: number };

/** Evenly over the lane; `slices` is what there will be of it. */
function probesOf(lane: Lane, recording: Recording, slices: number): Probe[] {
  const pages = pageCount(lane);
  const least = lane.packed === undefined ? PROBES : PACKED_PROBES;
  const count = Math.min(Math.max(least, Math.ceil(PROBES_PER_SLICE * slices)), pages);
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

/** Of the page that is looked at: for each its own took 1 ms for 3.3 M events. */
const HEAD = new Uint8Array(8);
const HEAD_VIEW = new DataView(HEAD.buffer);

function timeOfPage(
  { source, offset, layout }: Lane,
  page: number,
  { scanner, base }: Pick<Recording, 'scanner' | 'base'>,
): number {
  HEAD.fill(0);
  source.readInto(HEAD, offset + page * layout.pageBytes);
  return timeSince(pageTime(HEAD_VIEW, 0, scanner.littleEndian), base);
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
    found[at] = firstPageFrom(lane, time, before, behind, recording);
  });
  return found;
}

type TimedPage = Pick<Probe, 'page' | 'time'>;

/** The first page from a time on, among those between two others. */
function firstPageFrom(
  lane: Lane,
  time: number,
  before: TimedPage | undefined,
  behind: TimedPage,
  recording: Recording,
): number {
  let low = before === undefined ? 0 : before.page + 1;
  let high = behind.page;
  // A cut is where the time of some page was: mostly the one before that is earlier.
  let guess = behind.time === time ? high - 1 : (low + high) >>> 1;
  while (low < high) {
    if (timeOfPage(lane, guess, recording) < time) low = guess + 1;
    else high = guess;
    guess = (low + high) >>> 1;
  }
  return low;
}
