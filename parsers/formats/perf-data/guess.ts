/** How many samples a file may have of each event, by what stands in some places of it. */
import type { ByteSource } from '../../bytes/source.ts';
import { type PerfAttr, sampleLayout } from './attrs.ts';
import type { EventSource, Section } from './header.ts';
import { RECORD_HEADER_BYTES, RECORD_SAMPLE } from './samples.ts';

const PLACES = 64;
const PLACE_BYTES = 8192;
/** A place begins where so many records in a row make sense. */
const RECORDS_IN_A_ROW = 3;
const MAX_TYPE = 127;

/** Of the event of a source; for little-endian files. */
export function guessSamples(
  source: ByteSource,
  data: Section,
  sources: readonly EventSource[],
): (source: number) => number {
  const attrs = sources.map(({ attr }) => attr);
  const idAt = attrs[0] === undefined || attrs.length === 1 ? -1 : sampleLayout(attrs[0]).id;
  const nameOf = new Map(sources.flatMap(({ attr, ids }) => ids.map((id) => [id, nameFor(attr)])));
  const counts = new Map<string, number>();
  const view = new DataView(new ArrayBuffer(PLACE_BYTES));
  const step = Math.max(PLACE_BYTES, Math.ceil(data.size / PLACES / 8) * 8);
  let seen = 0;
  for (let offset = 0; offset < data.size; offset += step) {
    const part = new Uint8Array(view.buffer, 0, Math.min(PLACE_BYTES, data.size - offset));
    const end = source.readInto(part, data.offset + offset);
    const begin = findRecords(view, end);
    let at = begin;
    for (let size = sizeAt(view, at, end); size > 0; size = sizeAt(view, at, end)) {
      const isSample = view.getUint32(at, true) === RECORD_SAMPLE;
      const hasId = isSample && idAt >= 0 && idAt + 8 <= size;
      const name = hasId ? nameOf.get(Number(view.getBigUint64(at + idAt, true))) : undefined;
      const key = name ?? (attrs[0] === undefined ? '' : nameFor(attrs[0]));
      if (isSample) counts.set(key, (counts.get(key) ?? 0) + 1);
      at += size;
    }
    seen += at - begin;
  }
  const share = seen === 0 ? 1 : seen / data.size;
  return (nth) => (counts.get(nameFor(attrs[nth] as PerfAttr)) ?? 0) / share;
}

/** Sources of one tracepoint have one table. */
function nameFor({ type, config }: PerfAttr): string {
  return `${type} ${config}`;
}

function findRecords(view: DataView, end: number): number {
  for (let from = 0; from + RECORD_HEADER_BYTES <= end; from += 8) {
    let at = from;
    let records = 0;
    for (let size = sizeAt(view, at, end); size > 0; size = sizeAt(view, at, end)) {
      if (++records === RECORDS_IN_A_ROW) return from;
      at += size;
    }
  }
  return end;
}

/** Bytes of the record there, 0 if none that is whole begins there. */
function sizeAt(view: DataView, at: number, end: number): number {
  if (at + RECORD_HEADER_BYTES > end) return 0;
  const type = view.getUint32(at, true);
  const size = view.getUint16(at + RECORD_HEADER_BYTES - 2, true);
  const isSound = type > 0 && type <= MAX_TYPE && size >= RECORD_HEADER_BYTES && (size & 7) === 0;
  return isSound && at + size <= end ? size : 0;
}
