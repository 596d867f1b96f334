/**
 * Colours and sizes of all charts. Every colour is a pair; the top-level parameter `dark` chooses,
 * so that one drawn chart follows the reader's colour scheme without being built again.
 * Palette: Okabe and Ito's colour-blind-safe hues, darkened or lightened until text in them has a
 * contrast of at least 4.5:1 against the page.
 */
import type { TopLevelSpec } from 'vega-lite';

export type Pair = { readonly light: string; readonly dark: string };

export const CURVES: readonly Pair[] = [
  { light: '#0067a3', dark: '#5cb3ee' },
  { light: '#b84a00', dark: '#ff9a57' },
  { light: '#00735a', dark: '#3fc99c' },
  { light: '#7d5700', dark: '#e3b341' },
  { light: '#9a3b78', dark: '#ec9bcb' },
  { light: '#4d5bb0', dark: '#a9b4ff' },
];

/** Predictions have hues of their own: they often lie exactly on the curve they predict. */
export const PREDICTIONS: readonly Pair[] = [
  { light: '#a3216a', dark: '#ff8ac6' },
  { light: '#5b3fb5', dark: '#c0a6ff' },
  { light: '#8a3d14', dark: '#ffb48a' },
];

export const LIMITS: readonly Pair[] = [
  { light: '#5b6470', dark: '#a9b3bd' },
  { light: '#835a30', dark: '#d3a878' },
  { light: '#3a6b52', dark: '#86c79f' },
  { light: '#7b4a86', dark: '#cda0d6' },
  { light: '#8a4550', dark: '#dd9aa2' },
  { light: '#38657e', dark: '#8dbdd8' },
];

/** Two captures on one axis: blue and orange, which nobody confuses; their limits are paler. */
export const SIDES: Readonly<Record<'before' | 'after', { curve: Pair; limit: Pair }>> = {
  before: {
    curve: { light: '#0067a3', dark: '#5cb3ee' },
    limit: { light: '#4a7391', dark: '#8fb4cd' },
  },
  after: {
    curve: { light: '#b84a00', dark: '#ff9a57' },
    limit: { light: '#93623b', dark: '#d6aa86' },
  },
};

export const INK: Pair = { light: '#1f2328', dark: '#e6edf3' };
export const MUTED: Pair = { light: '#59636e', dark: '#9da7b1' };
const GRID: Pair = { light: '#e4e7eb', dark: '#2b323b' };
export const BAND: Pair = { light: '#e8930c', dark: '#f0a63a' };
export const FOCUS: Pair = { light: '#b3261e', dark: '#ff8a80' };
export const LOST: Pair = { light: '#6b7280', dark: '#9aa4b0' };

/** An expression for vega that is one colour or the other. */
export function shade(pair: Pair): { expr: string } {
  return { expr: `dark ? '${pair.dark}' : '${pair.light}'` };
}

const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif';
const FONT_SIZE = 12;

/** Narrower than this a chart has no room for names beside its plot: the page lists them below. */
const NARROW = 640;

export type Margins = {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
};

export function isNarrow(width: number): boolean {
  return width < NARROW;
}

/** The same for all charts of one width, so that the plots over time line up on a page. */
export function marginsOf(width: number): Margins {
  const isSmall = isNarrow(width);
  return { left: isSmall ? 56 : 68, right: isSmall ? 12 : 208, top: 16, bottom: 40 };
}

export const HEADING = 48;
/** Labels beside the plot are cut to what fits into the right margin. */
export const LABEL_CHARACTERS = 27;

/** What the page chooses about a chart; everything else follows from the data. */
export type ChartOptions = {
  /** Width of the whole chart in pixels, margins included. */
  readonly width: number;
  readonly height: number;
  /** Without it the title is left to the surrounding page. */
  readonly heading: boolean;
  /** The stall window of the verdict, marked on every chart over time. */
  readonly focus_ns?: readonly [number, number] | null;
};

export const DEFAULT_OPTIONS: ChartOptions = { width: 960, height: 300, heading: true };

/** The `dark` parameter, also the default that a page overrides with `view.signal('dark', …)`. */
export const DARK_PARAM = { name: 'dark', value: false };

export function chartConfig(): NonNullable<TopLevelSpec['config']> {
  const ink = shade(INK);
  const muted = shade(MUTED);
  return {
    font: FONT,
    view: { stroke: null },
    axis: {
      labelColor: muted,
      titleColor: muted,
      gridColor: shade(GRID),
      domainColor: shade(LOST),
      tickColor: shade(LOST),
      labelFontSize: FONT_SIZE,
      titleFontSize: FONT_SIZE,
      titleFontWeight: 'normal',
      labelPadding: 5,
    },
    title: {
      color: ink,
      subtitleColor: muted,
      anchor: 'start',
      frame: 'group',
      fontSize: 15,
      fontWeight: 600,
      subtitleFontSize: FONT_SIZE,
      subtitlePadding: 4,
      offset: 12,
    },
  };
}
