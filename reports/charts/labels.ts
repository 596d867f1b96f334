/** Each curve of a timeline is named beside the plot, next to a swatch of its line style. */
import { shorten, visible } from '../display.ts';
import { spreadLabels } from './axis.ts';
import type { Curve } from './curves.ts';
import { LABEL_CHARACTERS } from './theme.ts';
import type { Frame, Layer } from './time.ts';

const LINE_GAP = 15;

type LabelRow = { label: string; y: number; light: string; dark: string };

/** Each curve is named where it ends, beside the plot: nobody has to look a colour up. */
export function labels(curves: readonly Curve[], frame: Frame): Layer[] {
  const [low, high] = frame.y;
  const wishes = curves.map(({ rows, series }) => {
    const last = rows.findLast((row) => row.v !== null)?.v ?? undefined;
    // Marks have no end to be named at: their names are listed from the top.
    const listed = series.shape === 'point' && series.role !== 'sampled';
    if (last === undefined || listed) return 0;
    return ((high - last) / (high - low)) * frame.plotHeight;
  });
  const places = spreadLabels(wishes, LINE_GAP, frame.plotHeight);
  const rows = curves.map(({ series, color }, i): LabelRow & { style: string } => ({
    label: shorten(visible(series.label), LABEL_CHARACTERS),
    y: Math.round(places[i] * 10) / 10,
    light: color.light,
    dark: color.dark,
    style: swatchOf(series),
  }));
  const color = { expr: 'dark ? datum.dark : datum.light' };
  const at = { expr: 'datum.y' };
  const swatch = (style: string): Layer[] => {
    const values = rows.filter((row) => row.style === style);
    if (values.length === 0) return [];
    const from = frame.plotWidth + 6;
    const y = { value: at };
    if (style === 'point') {
      const mark = { type: 'point' as const, filled: true, size: 26, color, aria: false };
      return [{ data: { values }, mark, encoding: { x: { value: from + 8 }, y } }];
    }
    const dash = { dashed: [4, 2], long: [7, 2], dotted: [2, 2] }[style];
    const strokeDash = dash === undefined ? {} : { strokeDash: dash };
    const strokeWidth = style === 'thin' ? 1.25 : 2;
    const mark = { type: 'rule' as const, color, strokeWidth, aria: false, ...strokeDash };
    return [
      { data: { values }, mark, encoding: { x: { value: from }, x2: { value: from + 16 }, y } },
    ];
  };
  return [
    ...['solid', 'thin', 'long', 'dashed', 'dotted', 'point'].flatMap(swatch),
    {
      data: { values: rows },
      mark: {
        type: 'text',
        align: 'left',
        baseline: 'middle',
        fontSize: 12,
        color,
        aria: false,
      },
      encoding: {
        x: { value: frame.plotWidth + 28 },
        y: { value: at },
        text: { field: 'label', type: 'nominal' },
      },
    },
  ];
}

function swatchOf({ role, shape }: Curve['series']): string {
  if (shape === 'point' || role === 'sampled') return 'point';
  if (role === 'predicted') return 'dashed';
  if (role === 'inferred') return 'long';
  if (role === 'counterfactual') return 'dotted';
  return role === 'limit' ? 'thin' : 'solid';
}
