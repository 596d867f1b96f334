/** trace.dat version 7 that was cut before, or in, the options behind its events. */
import { describe, expect, test } from 'vitest';
import { FormatError } from '../../src/trace/errors.ts';
import { rowsOf } from '../helpers/trace-builder.ts';
import { buildTraceDat, type EventSpec, type Page, readDat } from '../helpers/trace-dat-builder.ts';
import { toVersion7, type Version7Options } from '../helpers/trace-dat-v7.ts';

const tick: EventSpec = { id: 300, name: 'tick', system: 'test', fields: { n: 'u32' } };
const items = (from: number): Page['items'] =>
  [0, 1, 2].map((nth) => ({ event: 'tick', after: 3, values: { n: from + nth } }));
const page = (time: bigint, from: number): Page => ({ time, items: items(from) });
const cpus = [
  [page(10n, 0), page(50n, 3)],
  [page(12n, 100), page(40n, 103), page(60n, 106)],
  [],
  [page(11n, 300)],
];
const v6 = (order: 'little' | 'big' = 'little') =>
  buildTraceDat({ order, events: [tick], cpus, clock: 'mono' }).bytes;

/** Where the section of `kind` that comes last begins, in a file of the builder. */
function lastSection(bytes: Uint8Array, kind: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  let last = 0;
  const named = bytes.indexOf(0, bytes.indexOf(0, 18) + 1) + 1;
  for (let at = named + 8; at + 16 <= bytes.length; ) {
    if (view.getUint16(at, true) === kind) last = at;
    at += 16 + Number(view.getBigUint64(at + 8, true));
  }
  return last;
}

const seen = (bytes: Uint8Array) => {
  const { tables, diagnostics, meta } = readDat(bytes);
  const rows = rowsOf(tables.get('tick'), ['cpu', 'n']);
  return { rows, meta, told: diagnostics.map(({ code, message }) => `${code}: ${message}`) };
};
const rowsOfCpu = (bytes: Uint8Array, cpu: number) =>
  seen(bytes).rows.flatMap((row) => (row.cpu === cpu ? [Number(row.n)] : []));

describe.each(['none', 'zlib'] as const)('packed with %s', (packing) => {
  const how: Version7Options = { packing, chunkBytes: 4096 };
  const whole = toVersion7(v6(), how);

  test('cut before its last options: all events, CPUs as they come', () => {
    const cut = whole.slice(0, lastSection(whole, 0));
    const { rows, meta, told } = seen(cut);
    expect(rows.map(({ n }) => n)).toEqual(seen(whole).rows.map(({ n }) => n));
    // The third CPU has no events, so the fourth one is taken for it.
    expect([0, 1, 2, 3].map((cpu) => rowsOfCpu(cut, cpu).length)).toEqual([6, 9, 3, 0]);
    expect(meta).toMatchObject({ cpus: 4, clock: 'mono' });
    expect(told).toEqual([
      expect.stringMatching(
        /^input_truncated.*options are missing; the events of 3 CPUs, numbered as they come, were/,
      ),
    ]);
  });

  test('cut in them, or in the last part of the events', () => {
    const options = lastSection(whole, 0);
    for (const length of [options + 3, options + 17, options + 40]) {
      expect(seen(whole.slice(0, length)).rows).toHaveLength(18);
    }
    const { rows, told } = seen(whole.slice(0, options - (packing === 'none' ? 4096 : 20)));
    expect(rows).toHaveLength(15);
    expect(told.join()).toMatch(/events of [23] CPUs/);
  });

  test('with a first pointer that leads nowhere, or back', () => {
    const place = 18 + packing.length + 1 + 2;
    for (const wrong of [10, 2 ** 31, whole.length]) {
      const bytes = whole.slice();
      new DataView(bytes.buffer).setBigUint64(place, BigInt(wrong), true);
      expect(seen(bytes).rows).toEqual(seen(whole).rows);
      expect(seen(bytes).told.join()).toMatch(/^input_truncated.*options are missing/);
    }
  });

  test('a section that was never finished has no size, and reaches to the end', () => {
    const cut = whole.slice(0, lastSection(whole, 0));
    const buffer = lastSection(whole, 3);
    new DataView(cut.buffer).setBigUint64(buffer + 8, 0n, true);
    expect(seen(cut).rows).toHaveLength(18);
  });

  test('several buffers keep apart, without their names', () => {
    const two = toVersion7(v6(), { ...how, copies: ['side'] });
    const { tables } = readDat(two.slice(0, lastSection(two, 0)));
    const names = rowsOf(tables.get('tick'), ['instance']).map((row) => row.instance);
    expect(names.filter((name) => name === '')).toHaveLength(18);
    expect(names.filter((name) => name === 'unnamed 1')).toHaveLength(18);
  });

  test('big-endian', () => {
    const big = toVersion7(v6('big'), how);
    expect(seen(big.slice(0, big.length - 40)).rows).toHaveLength(18);
  });
});

test('without formats there is nothing to read', () => {
  const bytes = toVersion7(v6());
  expect(() => readDat(bytes.slice(0, lastSection(bytes, 18)))).toThrow(FormatError);
});
