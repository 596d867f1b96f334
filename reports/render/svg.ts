/** A chart → SVG text, by vega's own string renderer: no browser and no native package. */
import { parse, View } from 'vega';
import { compile } from 'vega-lite';
import { type ChartDetail, chartSpec, DEFAULT_OPTIONS, heightOf } from '../charts/index.ts';
import { HEADING } from '../charts/theme.ts';

const MAIN_HEIGHT = 290;

export async function renderSvg(
  chart: ChartDetail,
  focus_ns: readonly [number, number] | null,
): Promise<string> {
  const height = heightOf(chart, MAIN_HEIGHT) + HEADING;
  const spec = chartSpec(chart, { ...DEFAULT_OPTIONS, height, focus_ns });
  const { spec: compiled } = compile({ ...spec, background: 'white' });
  return await new View(parse(compiled), { renderer: 'none' }).toSVG();
}
