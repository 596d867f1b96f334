/**
 * Makes a long trace.dat (version 6, little-endian) out of a short one: its ring-buffer pages
 * several times over, with the pages' time stamps moved on. Everything in it is a real record.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

const PAGE_ALIGN = 4096;
const PAGE_HEADER_BYTES = 16;
const COMMIT_MASK = 0xfffff;
const [PADDING, TIME_EXTEND, TIME_STAMP] = [29, 30, 31];
/** An absolute time stamp has the low 59 bits of the time. */
const STAMP_MASK = (1n << 59n) - 1n;
const DELTA_MASK = (1n << 27n) - 1n;

/** Writes `times` repetitions of `from` (plain or gzip) to `to`; returns the number of bytes. */
export function repeatTrace(from, to, times) {
  const raw = readFileSync(from);
  const source = raw[0] === 0x1f ? gunzipSync(raw) : raw;
  const pageBytes = source.readUInt32LE(14);
  const tableAt = source.indexOf('flyrecord\0') + 10;
  const cpus = readCpuTable(source, tableAt);
  const headerBytes = Math.min(...cpus.map(({ offset }) => offset));
  const span = traceSpan(source, cpus, pageBytes);
  const total = cpus.reduce((sum, { size }) => sum + size * times + PAGE_ALIGN, headerBytes);
  const out = Buffer.alloc(total);
  source.copy(out, 0, 0, headerBytes);
  let at = headerBytes;
  cpus.forEach(({ offset, size }, cpu) => {
    at = Math.ceil(at / PAGE_ALIGN) * PAGE_ALIGN;
    out.writeBigUInt64LE(BigInt(at), tableAt + cpu * 16);
    out.writeBigUInt64LE(BigInt(size * times), tableAt + cpu * 16 + 8);
    for (let copy = 0; copy < times; copy++) {
      source.copy(out, at, offset, offset + size);
      for (let page = at; page < at + size; page += pageBytes) {
        const shift = span * BigInt(copy);
        out.writeBigUInt64LE(out.readBigUInt64LE(page) + shift, page);
        moveStamps(out, page, shift);
      }
      at += size;
    }
  });
  writeFileSync(to, out.subarray(0, at));
  return at;
}

function readCpuTable(source, tableAt) {
  const cpus = [];
  for (let at = tableAt; ; at += 16) {
    const offset = Number(source.readBigUInt64LE(at));
    const size = Number(source.readBigUInt64LE(at + 8));
    // The table has no length of its own; it ends where offsets stop making sense.
    if (offset <= at || offset % PAGE_ALIGN !== 0 || offset + size > source.length) return cpus;
    cpus.push({ offset, size });
  }
}

/** Longer than the trace: the next repetition begins a second after the last event. */
function traceSpan(source, cpus, pageBytes) {
  let first;
  let last = 0n;
  for (const { offset, size } of cpus) {
    for (let page = offset; page < offset + size; page += pageBytes) {
      const time = source.readBigUInt64LE(page);
      if (first === undefined || time < first) first = time;
      const end = time + pageDuration(source, page);
      if (end > last) last = end;
    }
  }
  return last - (first ?? 0n) + 1_000_000_000n;
}

/** From a page's own time to its last event's. */
function pageDuration(source, page) {
  let sum = 0n;
  eachEntry(source, page, (at, type) => {
    if (type === TIME_STAMP)
      sum = stampAt(source, at) - (source.readBigUInt64LE(page) & STAMP_MASK);
    else sum += BigInt(source.readUInt32LE(at) >>> 5);
    if (type === TIME_EXTEND) sum += BigInt(source.readUInt32LE(at + 4)) << 27n;
  });
  return sum;
}

/** Time stamps inside a page that do not count from the event before. */
function moveStamps(out, page, shift) {
  eachEntry(out, page, (at, type) => {
    if (type !== TIME_STAMP) return;
    const stamp = (stampAt(out, at) + shift) & STAMP_MASK;
    out.writeUInt32LE(Number(((stamp & DELTA_MASK) << 5n) | BigInt(TIME_STAMP)), at);
    out.writeUInt32LE(Number(stamp >> 27n), at + 4);
  });
}

function stampAt(source, at) {
  return BigInt(source.readUInt32LE(at) >>> 5) | (BigInt(source.readUInt32LE(at + 4)) << 27n);
}

function eachEntry(source, page, visit) {
  const end = page + PAGE_HEADER_BYTES + (source.readUInt32LE(page + 8) & COMMIT_MASK);
  for (let at = page + PAGE_HEADER_BYTES; at + 8 <= end; ) {
    const word = source.readUInt32LE(at);
    const type = word & 31;
    // Nothing but padding follows.
    if (type === PADDING && word >>> 5 === 0) return;
    visit(at, type);
    const hasLength = type === 0 || type === PADDING;
    const isTime = type === TIME_EXTEND || type === TIME_STAMP;
    at += isTime ? 8 : 4 + (hasLength ? source.readUInt32LE(at + 4) : 4 * type);
  }
}
