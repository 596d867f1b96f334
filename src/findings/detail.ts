/**
 * What a finding may show: a closed union of plain data. Findings say what is true; how it is drawn
 * is decided in reports/, which sees nothing but these shapes. Times are nanoseconds since the
 * trace's start; values are in the unit named beside them.
 */

export type DetailUnit =
  | 'bytes'
  | 'bytes_per_s'
  | 'pages'
  | 'ms'
  | 'ns'
  | 's'
  | 'count'
  | 'percent'
  | 'none';

/**
 * What a curve is: readers must never mistake a computed value for a recorded one.
 *
 * - `recorded`: the kernel wrote the value; `sampled`: it was read from /proc beside the trace
 * - `inferred`: counted or summed up from recorded events, as exact as those are complete
 * - `predicted`: the open-loop replay of level (b), with its error bar
 * - `counterfactual`: what another kernel would have counted for the recorded events, of level (c)
 * - `limit`: what values are compared with
 */
export type SeriesRole =
  | 'recorded'
  | 'sampled'
  | 'inferred'
  | 'predicted'
  | 'counterfactual'
  | 'limit';

/** Which of two captures something is about, where two are compared. */
export type Side = 'before' | 'after';

export type Series = {
  readonly id: string;
  readonly label: string;
  readonly role: SeriesRole;
  /** In a chart of both captures: curves of one side look alike. */
  readonly side?: Side;
  /** `step`: holds until the next value; `linear`: a line between points; `point`: marks only. */
  readonly shape: 'step' | 'linear' | 'point';
  readonly t_ns: Float64Array;
  readonly values: Float64Array;
  /** Half width of the error bar around every value, in the same unit. */
  readonly errorBound?: number;
};

export type Interval = { readonly from_ns: number; readonly to_ns: number; readonly label: string };

export type Timeline = {
  readonly kind: 'timeline';
  readonly id: string;
  /** The message of the chart in one sentence. */
  readonly title: string;
  readonly subtitle: string;
  readonly unit: DetailUnit;
  readonly window_ns: readonly [number, number];
  readonly series: readonly Series[];
  /** Stretches to shade, e.g. when somebody was paused. */
  readonly bands: readonly Interval[];
  /** Stretches in which events were lost: nothing may be concluded from them. */
  readonly lost: readonly Interval[];
  /** Width of the bins over which a section summed up, where values are rates of bins. */
  readonly sumsOf_ns?: number;
  /** What the axis must hold besides, so that two charts have the same one; in the chart's unit. */
  readonly extent?: readonly [low: number, high: number];
};

/** One stretch of something in its lane. */
export type Bar = {
  readonly from_ns: number;
  readonly to_ns: number;
  /** Index into `lanes` and into `kinds`. */
  readonly lane: number;
  readonly kind: number;
  /** What is said of it: `fsync, 6.1 s`. */
  readonly text: string;
};

/** Who did or waited for what, when: bars in lanes over time, coloured by kind. */
export type Lanes = {
  readonly kind: 'lanes';
  readonly id: string;
  readonly title: string;
  readonly subtitle: string;
  readonly window_ns: readonly [number, number];
  readonly lanes: readonly string[];
  readonly kinds: readonly string[];
  readonly bars: readonly Bar[];
  /** Lanes that exist beyond those listed. */
  readonly omitted: number;
  readonly lost: readonly Interval[];
};

/** How many fell into each cell of time and size: columns are bins of time from the window's start. */
export type Heatmap = {
  readonly kind: 'heatmap';
  readonly id: string;
  readonly title: string;
  readonly subtitle: string;
  readonly window_ns: readonly [number, number];
  readonly bin_ns: number;
  /** Names of the rows, the lowest first. */
  readonly rows: readonly string[];
  /** What is counted, e.g. `requests`. */
  readonly counted: string;
  /** Cells that are not empty. */
  readonly cells: readonly {
    readonly column: number;
    readonly row: number;
    readonly count: number;
  }[];
  readonly lost: readonly Interval[];
};

export type Bucket = {
  readonly label: string;
  readonly count: number;
  /** Sum of the values that fell into the bucket, in the distribution's unit. */
  readonly total: number;
};

export type Distribution = {
  readonly kind: 'distribution';
  readonly id: string;
  readonly title: string;
  readonly subtitle: string;
  readonly unit: DetailUnit;
  readonly buckets: readonly Bucket[];
};

export type Cell = string | number | undefined;

export type DetailTable = {
  readonly kind: 'table';
  readonly id: string;
  readonly title: string;
  readonly columns: readonly {
    readonly key: string;
    readonly label: string;
    readonly unit: DetailUnit;
  }[];
  readonly rows: readonly Readonly<Record<string, Cell>>[];
  /** Rows that exist beyond those listed. */
  readonly omitted: number;
  /** What each row is about in time, where that is a stretch to look at. */
  readonly windows_ns?: readonly (readonly [number, number])[];
};

export type Note = { readonly kind: 'note'; readonly id: string; readonly text: string };

export type Detail = (Timeline | Lanes | Heatmap | Distribution | DetailTable | Note) & {
  /** Left out where a report is about one capture, or a detail about both. */
  readonly side?: Side;
  /** What zero is on its axis of time; without it that is the beginning of the trace. */
  readonly zero?: string;
};
