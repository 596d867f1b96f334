/** The dictionary itself, and what it makes of the formats that kernels really print. */
import { describe, expect, test } from 'vitest';
import { DICTIONARY } from '../../src/events/index.ts';
import { fixturesOf, unpackedFixture } from '../helpers/bytes.ts';
import { readDat } from '../helpers/trace-dat-builder.ts';

const events = [...new Set(DICTIONARY.values())];

/** Units whose columns say so in their name; ids and names have none. */
const SUFFIX: Readonly<Record<string, RegExp>> = {
  pages: /_pages$|^index$|^writeback_index$/,
  ms: /_ms$/,
  us: /_us$/,
  kibps: /_kibps$/,
  bytes: /_bytes$/,
  jiffies: /_jiffies$/,
};

describe.each(events.map((event) => [event.name, event] as const))('%s', (_, event) => {
  const columns = Object.entries(event.columns);

  test('is snake_case with the unit last', () => {
    expect(event.name).toMatch(/^[a-z][a-z0-9_]*$/);
    for (const [name, column] of columns) {
      expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
      const suffix = SUFFIX[column.unit];
      if (suffix !== undefined) expect(name).toMatch(suffix);
    }
  });

  test('has no column of two meanings', () => {
    for (const base of ['ts_ns', 'cpu', 'pid', 'comm', 'seq'])
      expect(event.columns).not.toHaveProperty(base);
    const fields = columns.map(([, column]) => column.field[0]);
    expect(new Set(fields).size).toBe(fields.length);
    for (const [name, column] of columns) {
      expect(column.field.length, `aliases of ${name}`).toBeGreaterThan(0);
      expect(new Set(column.field).size).toBe(column.field.length);
    }
  });
});

test('no name belongs to two events, and old names lead to the new one', () => {
  const names = events.flatMap((event) => [event.name, ...event.aliases]);
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
  expect(DICTIONARY.get('writeback_dirty_page')?.name).toBe('writeback_dirty_folio');
  expect(DICTIONARY.get('wait_on_page_writeback')?.name).toBe('folio_wait_writeback');
  expect(DICTIONARY.get('mm_vmscan_writepage')?.name).toBe('mm_vmscan_write_folio');
  expect(DICTIONARY.get('tracing_mark_write')?.name).toBe('print');
});

test('every event that the captures hold and the dictionary knows has all its columns', () => {
  const known = new Set<string>();
  for (const name of fixturesOf('trace-dat', '.dat.gz')) {
    const read = readDat(unpackedFixture(`trace-dat/${name}`));
    expect(read.diagnostics.filter(({ code }) => code !== 'events_lost')).toEqual([]);
    for (const table of read.tables.values()) if (table.known) known.add(table.name);
  }
  expect(known.size).toBeGreaterThan(12);
});
