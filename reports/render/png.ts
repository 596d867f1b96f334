/**
 * A chart's SVG → PNG bytes, by resvg as WebAssembly: no browser and no native package. Its fonts
 * are handed in, never those of the machine: the same chart gives the same bytes everywhere.
 */
import { initWasm, Resvg } from '@resvg/resvg-wasm';

export type PngAssets = {
  /** The renderer's WebAssembly. */
  readonly wasm: Uint8Array;
  /** Regular and bold of one family; the first glyph found is drawn. */
  readonly fonts: readonly Uint8Array[];
};

/** Where the assets lie, as names of package files; whoever reads files reads them. */
export const PNG_ASSETS = {
  wasm: '@resvg/resvg-wasm/index_bg.wasm',
  fonts: ['400', '700'].map(
    (weight) => `@fontsource/dejavu-sans/files/dejavu-sans-latin-${weight}-normal.woff2`,
  ),
} as const;

const FAMILY = 'DejaVu Sans';
/** Dots per pixel of the page: sharp on dense screens and on paper. */
const SCALE = 2;

/** The package refuses a second initialisation of a process. */
let ready: Promise<void> | undefined;

/** A chart's SVG as a PNG file. Throws what the renderer says of an SVG that it cannot read. */
export async function renderPng(svg: string, { wasm, fonts }: PngAssets): Promise<Uint8Array> {
  ready ??= initWasm(wasm);
  await ready;
  const renderer = new Resvg(svg, {
    fitTo: { mode: 'zoom', value: SCALE },
    font: { fontBuffers: [...fonts], defaultFontFamily: FAMILY, sansSerifFamily: FAMILY },
  });
  try {
    const image = renderer.render();
    try {
      return image.asPng();
    } finally {
      image.free();
    }
  } finally {
    // The memory of the module is not collected.
    renderer.free();
  }
}
