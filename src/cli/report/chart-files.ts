/** The charts of a report as files; what draws them is loaded only when they are asked for. */
import { dirname, join, parse, relative, sep } from 'node:path';
import { type ChartLink, chartsOf, type Report } from '../../../reports/index.ts';
import { readModuleFile, writeWhole } from '../files.ts';

/** A chart's title, and the file that shows it (as PNG if both were asked for). */
export type ChartFile = { readonly title: string; readonly file: string };

export type ChartFolders = {
  readonly svg?: string | undefined;
  readonly png?: string | undefined;
};

/** Writes each chart into each folder, as `01-ID.svg` and `01-ID.png`. Returns what was written. */
export async function writeCharts(
  document: Report,
  { svg, png }: ChartFolders,
): Promise<readonly ChartFile[]> {
  if (svg === undefined && png === undefined) return [];
  const { renderSvg } = await import('../../../reports/render/svg.ts');
  const toPng = png === undefined ? undefined : await pngRenderer();
  const files: ChartFile[] = [];
  for (const [at, chart] of chartsOf(document).entries()) {
    const name = `${String(at + 1).padStart(2, '0')}-${chart.id}`;
    // Charts of two captures are on an axis of their own.
    const { comparison, diagnosis } = document;
    const focus_ns = comparison === undefined ? diagnosis.verdict.window_ns : null;
    const text = await renderSvg(chart, focus_ns);
    if (svg !== undefined) writeWhole(`${svg}/${name}.svg`, text);
    if (toPng !== undefined) writeWhole(`${png}/${name}.png`, await toPng(text));
    files.push({
      title: chart.title,
      file: toPng === undefined ? `${svg}/${name}.svg` : `${png}/${name}.png`,
    });
  }
  return files;
}

/** Where Markdown has its charts when no folder was named for them: `stall.md` in `stall.charts`. */
export function chartFolderOf(markdown: string): string {
  const { dir, name } = parse(markdown);
  return join(dir, `${name}.charts`);
}

/** The charts as Markdown written to `markdown` links them: by paths relative to it. */
export function chartLinks(markdown: string, files: readonly ChartFile[]): ChartLink[] {
  return files.map(({ title, file }) => {
    const path = relative(dirname(markdown), file).split(sep).map(encodeURIComponent);
    return { title, href: path.join('/') };
  });
}

async function pngRenderer(): Promise<(svg: string) => Promise<Uint8Array>> {
  const { PNG_ASSETS, renderPng } = await import('../../../reports/render/png.ts');
  const assets = {
    wasm: readModuleFile(PNG_ASSETS.wasm),
    fonts: PNG_ASSETS.fonts.map(readModuleFile),
  };
  return (svg) => renderPng(svg, assets);
}
