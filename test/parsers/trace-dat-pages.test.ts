/** The fast loop over records and the plain one that it stands for, also on damaged pages. */
import { describe, expect, test } from 'vitest';
import { memorySource, readBytes } from '../../parsers/bytes/source.ts';
import { byteWindow } from '../../parsers/decode/record-window.ts';
import { openTraceDat } from '../../parsers/formats/trace-dat/index.ts';
import {
  emptyIndex,
  emptyScan,
  type PageScanner,
  scanPages,
} from '../../parsers/formats/trace-dat/pages.ts';
import { DICTIONARY } from '../../src/events/index.ts';
import { DiagnosticCollector } from '../../src/trace/diagnostics.ts';
import { fixturesOf, randomSource, unpackedFixture } from '../helpers/bytes.ts';

function scanned(bytes: Uint8Array, scanner: PageScanner) {
  const index = emptyIndex(16);
  const scan = emptyScan();
  scanPages(scanner, byteWindow(bytes, true), 0, bytes.length, index, scan);
  const { count, ts, id, start, end } = index;
  const rows = [ts, id, start, end].map((values) => Array.from(values.subarray(0, count)));
  return { rows, ...scan };
}

describe.each(fixturesOf('trace-dat', '.dat.gz'))('%s', (name) => {
  const source = memorySource(name, unpackedFixture(`trace-dat/${name}`));
  const diagnostics = new DiagnosticCollector();
  const context = { dictionary: DICTIONARY, diagnostics, pageSize: undefined, progress: () => {} };
  const opened = openTraceDat(source, context);
  if (opened.text !== undefined) throw new Error('no pages');
  const { lanes, scanner } = opened.recording;
  const pages = lanes.map(({ source: pages, offset, size, layout }) => {
    const most = Math.min(size, 64 * layout.pageBytes);
    return { bytes: readBytes(pages, offset, most), scanner: { ...scanner, layout } };
  });

  test('both loops find the same records', () => {
    for (const { bytes, scanner: own } of pages) {
      const plain = scanned(bytes, { ...own, isPlain: true });
      expect(plain.rows[0]?.length).toBeGreaterThan(0);
      expect(scanned(bytes, own)).toEqual(plain);
    }
  });

  test('and the same damage', () => {
    const below = randomSource(7);
    for (let round = 0; round < 40; round++) {
      const { bytes, scanner: own } = pages[below(pages.length)] as (typeof pages)[number];
      const page = own.layout.pageBytes * below(Math.floor(bytes.length / own.layout.pageBytes));
      const damaged = bytes.slice(page, page + own.layout.pageBytes);
      for (let times = 1 + below(20); times > 0; times--) {
        damaged[8 + below(damaged.length - 8)] = below(256);
      }
      expect(scanned(damaged, own)).toEqual(scanned(damaged, { ...own, isPlain: true }));
    }
  });
});
