/** A chart → SVG text, by vega's own string renderer: no browser and no native package. */
import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import { type ChartDetail, chartSpec, DEFAULT_OPTIONS, heightOf } from '../charts/index.ts';
import { HEADING } from '../charts/theme.ts';

const MAIN_HEIGHT = 290;
/** Without a canvas vega takes 0.8 em for a letter, fonts have 0.6: more of a title fits. */
const GUESSED_TOO_WIDE = 1.15;

/** `focus_ns`: the stall window of the verdict, which the chart marks. */
export async function renderSvg(
  chart: ChartDetail,
  focus_ns: readonly [number, number] | null,
): Promise<string> {
  const height = heightOf(chart, MAIN_HEIGHT) + HEADING;
  const spec = withRoomForTitle(chartSpec(chart, { ...DEFAULT_OPTIONS, height, focus_ns }));
  const { spec: compiled } = compile({ ...spec, background: 'white' });
  return await new View(parse(compiled), { renderer: 'none' }).toSVG();
}

function withRoomForTitle(spec: TopLevelSpec): TopLevelSpec {
  const { title } = spec;
  if (typeof title !== 'object' || Array.isArray(title) || !('text' in title)) return spec;
  return { ...spec, title: { ...title, limit: DEFAULT_OPTIONS.width * GUESSED_TOO_WIDE } };
}
