/** Charts as PNG: real pictures with readable text, the same bytes on every machine. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { inflateSync } from 'node:zlib';
import { expect, test, vi } from 'vitest';
import { chartsOf } from '../../reports/index.ts';
import { PNG_ASSETS, renderPng } from '../../reports/render/png.ts';
import { renderSvg } from '../../reports/render/svg.ts';
import { hostileReport } from '../helpers/hostile-report.ts';
import { sampleReport } from '../helpers/sample-report.ts';

// Drawing takes its time on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const read = (name: string) => readFileSync(createRequire(import.meta.url).resolve(name));
const ASSETS = { wasm: read(PNG_ASSETS.wasm), fonts: PNG_ASSETS.fonts.map(read) };

type Chunk = { readonly type: string; readonly data: Buffer };

function chunksOf(png: Uint8Array): Chunk[] {
  const bytes = Buffer.from(png);
  expect(bytes.subarray(0, 8).toString('latin1')).toBe('\x89PNG\r\n\x1a\n');
  const chunks: Chunk[] = [];
  for (let at = 8; at < bytes.length; ) {
    const size = bytes.readUInt32BE(at);
    const type = bytes.toString('latin1', at + 4, at + 8);
    chunks.push({ type, data: bytes.subarray(at + 8, at + 8 + size) });
    at += 12 + size;
  }
  return chunks;
}

function sizeOf(png: Uint8Array): { width: number; height: number } {
  const [head] = chunksOf(png);
  return { width: head?.data.readUInt32BE(0) ?? 0, height: head?.data.readUInt32BE(4) ?? 0 };
}

/** Bytes of the picture that are not zero; where nothing is drawn, only one a row may be. */
function drawn(png: Uint8Array): number {
  const parts = chunksOf(png).filter(({ type }) => type === 'IDAT');
  return inflateSync(Buffer.concat(parts.map(({ data }) => data))).filter((byte) => byte > 0)
    .length;
}

const word = (text: string, weight = 400) =>
  '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="30">' +
  `<text y="20" font-family="system-ui" font-size="12" font-weight="${weight}">${text}</text></svg>`;

test.each([
  ['sample', sampleReport],
  ['hostile names', hostileReport],
])('%s: every chart, twice as large as on the page, the same each time', async (_, make) => {
  const charts = chartsOf(make());
  expect(charts.length).toBeGreaterThan(2);
  for (const chart of charts) {
    const svg = await renderSvg(chart, null);
    const png = await renderPng(svg, ASSETS);
    const [, width = 0, height = 0] = /width="(\d+)" height="(\d+)"/.exec(svg)?.map(Number) ?? [];
    expect(sizeOf(png)).toEqual({ width: 2 * width, height: 2 * height });
    expect(Buffer.compare(await renderPng(svg, ASSETS), png)).toBe(0);
  }
});

test('letters and the signs of our texts are drawn by the font that is carried', async () => {
  const ROWS = 2 * 30;
  expect(drawn(await renderPng(word(' '), ASSETS))).toBeLessThanOrEqual(ROWS);
  const plain = await renderPng(word('dirty'), ASSETS);
  expect(drawn(plain)).toBeGreaterThan(300);
  expect(Buffer.compare(await renderPng(word('dirty', 600), ASSETS), plain)).not.toBe(0);
  // A letter that the font lacks is a box or nothing; these are neither.
  const missing = await renderPng(word('\u{10fffd}'), ASSETS);
  for (const sign of '−–…→≤≥×±µ“”’·⟨⟩') {
    const png = await renderPng(word(sign), ASSETS);
    expect(drawn(png), sign).toBeGreaterThan(ROWS);
    expect(Buffer.compare(png, missing), sign).not.toBe(0);
  }
});
