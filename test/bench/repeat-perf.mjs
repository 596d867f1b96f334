/**
 * Makes a long perf.data (little-endian, not compressed, no pipe) out of a short one: its records
 * several times over, with their times moved on. Everything in it is a real record.
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

const SAMPLE = 9;
/** What perf writes about the recording itself, beside the end of a round (68): needed once. */
const isOnce = (type) => type >= 64 && type !== 68;
const WORD = 8;
const IDENTIFIER = 16;
const TIME = 2;
/** Values of sample_type that samples have before their time, and before their id. */
const BEFORE = [IDENTIFIER, 0, 1];
const BEFORE_ID = [0, 1, TIME, 3];
/** Those that the identification at the end of other records has behind the time. */
const BEHIND_TIME = [6, 9, 7, IDENTIFIER];
const HEADER = { attrEntry: 16, attrs: 24, data: 40, bytes: 104 };

/** Writes `times` repetitions of `from` (plain or gzip) to `to`; returns the number of samples. */
export function repeatPerf(from, to, times) {
  const raw = readFileSync(from);
  const source = raw[0] === 0x1f ? gunzipSync(raw) : raw;
  if (source.toString('latin1', 0, 8) !== 'PERFILE2' || size64(source, 8) !== HEADER.bytes) {
    throw new Error(`${from} is no perf.data file of this byte order`);
  }
  const dataAt = size64(source, HEADER.data);
  const dataBytes = size64(source, HEADER.data + WORD);
  const { head, body, places, samples } = cut(source, dataAt, dataBytes);
  const all = places.map((at) => body.readBigUInt64LE(at));
  const span = max(all) - min(all) + 1_000_000n;
  const total = head.length + body.length * times;

  const output = openSync(to, 'w');
  const start = Buffer.from(source.subarray(0, dataAt));
  start.writeBigUInt64LE(BigInt(total), HEADER.data + WORD);
  writeSync(output, start);
  writeSync(output, head);
  for (let copy = 0; copy < times; copy++) {
    const later = span * BigInt(copy);
    places.forEach((at, nth) => {
      body.writeBigUInt64LE(all[nth] + later, at);
    });
    writeSync(output, body);
  }
  writeSync(output, movedFeatures(source, dataAt + dataBytes, BigInt(total - dataBytes)));
  closeSync(output);
  return samples * times;
}

/** Records that are needed once, the others, and where these have their times. */
function cut(source, dataAt, dataBytes) {
  const types = sampleTypes(source);
  const first = types.values().next().value;
  const idAt = WORD * (has(first, IDENTIFIER) ? 1 : 1 + count(first, BEFORE_ID));
  const fromEnd = WORD * (1 + count(first, BEHIND_TIME));
  const head = [];
  const body = [];
  const places = [];
  let samples = 0;
  let bodyBytes = 0;
  for (let at = dataAt; at < dataAt + dataBytes; ) {
    const type = source.readUInt32LE(at);
    const record = source.subarray(at, at + source.readUInt16LE(at + 6));
    at += record.length;
    if (type === SAMPLE) {
      const own = types.size === 1 ? first : types.get(record.readBigUInt64LE(idAt));
      places.push(bodyBytes + WORD * (1 + count(own, BEFORE)));
      samples++;
    } else if (
      isOnce(type) ||
      (type < 64 && record.readBigUInt64LE(record.length - fromEnd) === 0n)
    ) {
      head.push(record);
      continue;
    } else if (type < 64) {
      places.push(bodyBytes + record.length - fromEnd);
    }
    body.push(record);
    bodyBytes += record.length;
  }
  return { head: Buffer.concat(head), body: Buffer.concat(body), places, samples };
}

/** sample_type by the ids that samples carry. */
function sampleTypes(source) {
  const entry = size64(source, HEADER.attrEntry);
  const at = size64(source, HEADER.attrs);
  const types = new Map();
  for (let attr = at; attr < at + size64(source, HEADER.attrs + WORD); attr += entry) {
    const sampleType = source.readUInt32LE(attr + 24);
    if (!has(sampleType, TIME)) throw new Error('an event was recorded without times');
    const ids = size64(source, attr + entry - 2 * WORD);
    const bytes = size64(source, attr + entry - WORD);
    for (let id = ids; id < ids + bytes; id += WORD) {
      types.set(source.readBigUInt64LE(id), sampleType);
    }
  }
  return types;
}

/** The table of the features and their contents, which follow the records. */
function movedFeatures(source, tableAt, by) {
  const rest = Buffer.from(source.subarray(tableAt));
  const words = [72, 80, 88, 96].map((at) => source.readBigUInt64LE(at).toString(2));
  const features = words.join('').replaceAll('0', '').length;
  for (let feature = 0; feature < features; feature++) {
    const at = 2 * WORD * feature;
    rest.writeBigUInt64LE(rest.readBigUInt64LE(at) + by, at);
  }
  return rest;
}

const has = (sampleType, bit) => (Math.floor(sampleType / 2 ** bit) & 1) === 1;
const count = (sampleType, bits) => bits.filter((bit) => has(sampleType, bit)).length;
const size64 = (source, at) => Number(source.readBigUInt64LE(at));
const max = (values) => values.reduce((most, value) => (value > most ? value : most));
const min = (values) => values.reduce((least, value) => (value < least ? value : least));
