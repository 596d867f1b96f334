/**
 * Makes a long trace.dat (version 6, little-endian) out of a short one: its ring-buffer pages
 * several times over, with the pages' time stamps moved on. Everything in it is a real record.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

const PAGE_ALIGN = 4096;

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
        out.writeBigUInt64LE(out.readBigUInt64LE(page) + span * BigInt(copy), page);
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

/** Longer than the trace: the next repetition begins a second after the last page. */
function traceSpan(source, cpus, pageBytes) {
  let first;
  let last = 0n;
  for (const { offset, size } of cpus) {
    for (let page = offset; page < offset + size; page += pageBytes) {
      const time = source.readBigUInt64LE(page);
      if (first === undefined || time < first) first = time;
      if (time > last) last = time;
    }
  }
  return last - (first ?? 0n) + 1_000_000_000n;
}
