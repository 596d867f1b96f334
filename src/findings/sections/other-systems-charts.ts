/** Charts and first sentences of the sections on other systems (other-systems.ts). */
import type { Alternatives, ReplayedSystem } from '../../replay/compare/alternatives.ts';
import type { CounterSeries } from '../../replay/compare/result.ts';
import type { Context } from '../context.ts';
import { type CurveLook, curveOf, highest, valuesOf } from '../counterfactual.ts';
import type { DetailUnit, Interval, Series, Timeline } from '../detail.ts';
import { type FuseConnection, fuseFacts } from '../facts/fuse.ts';
import { bytes, count, duration, percent } from '../format.ts';
import { lostIntervals } from '../intervals.ts';

const MIB = 1024 * 1024;
/** Below it, kernels with a gate write no tree nodes. */
const GATE_BYTES = 32 * MIB;
const MOST_SERVERS = 4;
/** What all parts of a section read. */
export type View = {
  readonly context: Context;
  readonly recorded: ReplayedSystem;
  readonly others: readonly ReplayedSystem[];
  readonly furthest: Alternatives['furthest'];
  /** Points inside of the window. */
  readonly t_ns: Float64Array;
  readonly fit: string;
  readonly bound_bytes: number;
};

type About = Pick<Timeline, 'id' | 'title' | 'subtitle' | 'series'> & {
  readonly unit?: DetailUnit;
  readonly bands?: readonly Interval[];
};

function timeline({ context }: View, { unit = 'bytes', bands = [], ...about }: About): Timeline {
  const { window_ns } = context;
  return { kind: 'timeline', ...about, unit, window_ns, bands, lost: lostIntervals(context) };
}

const OF_RECORDED =
  'predicted for the recorded system, counterfactual for others; highest of each stretch';

/**
 * A curve of each system: the recorded one is predicted, the others are counterfactual. Those that
 * lie on it from end to end are named instead.
 */
function curves(
  { recorded, others, t_ns }: View,
  counter: CounterSeries['counter'],
  look: { readonly times?: number; readonly errorBound?: number } = {},
): { readonly series: Series[]; readonly same: string } {
  const { errorBound, ...rest } = look;
  const own: CurveLook = { id: recorded.id, label: `${recorded.id} (recorded)`, role: 'predicted' };
  const bound = errorBound === undefined ? {} : { errorBound };
  const values = valuesOf(recorded, counter);
  const [same, differing] = partition(others, (one) => equal(values, valuesOf(one, counter)));
  const series = [
    ...curveOf(recorded, counter, t_ns, { ...own, ...rest, ...bound }),
    ...differing.flatMap((one) =>
      curveOf(one, counter, t_ns, { id: one.id, label: one.id, role: 'counterfactual', ...rest }),
    ),
  ];
  const names = same.map(({ id }) => id).join(' and ');
  return { series, same: same.length === 0 ? '' : `; the same under ${names}` };
}

function partition<T>(all: readonly T[], test: (one: T) => boolean): readonly [T[], T[]] {
  return [all.filter(test), all.filter((one) => !test(one))];
}

function equal(a: Float64Array | undefined, b: Float64Array | undefined): boolean {
  return a !== undefined && b !== undefined && a.every((value, at) => Object.is(value, b[at]));
}

/** What the throttle compares: recorded, predicted, and as if. */
function levelChart(view: View, id: string): Timeline {
  const { context, recorded, others, furthest, t_ns, bound_bytes } = view;
  const times = context.pageSize;
  const { dirty } = context;
  const read = dirty && {
    ...({ id: 'recorded', label: 'recorded', role: 'recorded', shape: 'step' } as const),
    t_ns: dirty.ts_ns,
    values: dirty.level_pages.map((pages) => pages * times),
  };
  const freerun = curveOf(recorded, 'freerun', t_ns, {
    ...{ id: 'freerun', label: 'freerun', role: 'limit' },
    times,
  });
  const levels = curves(view, 'throttle_dirty', { times, errorBound: bound_bytes });
  const apart = (one: ReplayedSystem) => Math.abs(furthest.get(one.id)?.pages ?? 0);
  const [most] = [...others].sort((left, right) => apart(right) - apart(left));
  const title =
    most === undefined || apart(most) === 0
      ? 'Dirty + writeback is the same under all of them'
      : `Dirty + writeback differs by up to ${bytes(apart(most) * times)}, under ${most.id}`;
  const subtitle = `${OF_RECORDED}; fit ${view.fit}${levels.same}`;
  const series = [...(read === undefined ? [] : [read]), ...levels.series, ...freerun];
  return timeline(view, { id, title, subtitle, series });
}

export function tellTrees({ recorded, context }: View): string {
  const nodes = valuesOf(recorded, 'dirty_metadata_bytes');
  const dirty = valuesOf(recorded, 'nr_dirty');
  const sum = (values: Float64Array | undefined) => values?.reduce((all, one) => all + one, 0) ?? 0;
  const share = sum(nodes) / Math.max(1, sum(dirty) * context.pageSize);
  return (
    `Tree nodes were up to ${bytes(highest(nodes))} of dirty memory, ` +
    `${percent(share)} of it over time.`
  );
}

export function treeCharts(view: View): readonly Timeline[] {
  const { recorded, t_ns } = view;
  const share = highest(valuesOf(recorded, 'metadata_share'));
  const gate: Series = {
    id: 'gate',
    label: '32 MiB',
    role: 'limit',
    shape: 'step',
    t_ns,
    values: t_ns.map(() => GATE_BYTES),
  };
  const nodes = curves(view, 'dirty_metadata_bytes');
  return [
    levelChart(view, 'systems-trees-level'),
    timeline(view, {
      id: 'systems-trees-share',
      title: `Tree nodes were up to ${percent(share / 100)} of everything dirty`,
      subtitle: 'predicted for the recorded system',
      unit: 'percent',
      series: curveOf(recorded, 'metadata_share', t_ns, {
        id: 'share',
        label: 'tree nodes',
        role: 'predicted',
      }),
    }),
    timeline(view, {
      id: 'systems-trees-gate',
      title: 'Dirty tree nodes against the gate of 32 MiB',
      subtitle: `${OF_RECORDED}${nodes.same}`,
      series: [...nodes.series, gate],
    }),
  ];
}

type Servers = readonly FuseConnection[];

const serversOf = ({ context }: View): Servers => context.facts.once(fuseFacts);

function stuckBands(servers: Servers): { readonly bands: Interval[]; readonly said: string } {
  const bands = servers.flatMap(({ id, silences }) =>
    silences.map(({ from_ns, to_ns }) => ({
      from_ns,
      to_ns,
      label: `connection ${id} answers nothing`,
    })),
  );
  const spans = bands.map(({ from_ns, to_ns }) => `${duration(from_ns)} to ${duration(to_ns)}`);
  const said =
    bands.length === 0
      ? 'No server was stuck.'
      : `${count(bands.length, 'stretch', 'stretches')} without any answer: ${spans.join(', ')}.`;
  return { bands, said };
}

export function tellFuse(view: View): string {
  const servers = serversOf(view);
  return `Up to ${bytes(mostPending(servers))} of requests waited. ${stuckBands(servers).said}`;
}

const mostPending = (servers: Servers): number =>
  Math.max(0, ...servers.map(({ pending_bytes }) => highest(Float64Array.from(pending_bytes))));

export function fuseCharts(view: View): readonly Timeline[] {
  const servers = serversOf(view);
  const { bands } = stuckBands(servers);
  return [
    timeline(view, {
      id: 'systems-fuse-pending',
      title: `Up to ${bytes(mostPending(servers))} of requests waited for FUSE servers`,
      subtitle: 'length of requests sent and not answered, with their headers',
      bands,
      series: servers.slice(0, MOST_SERVERS).map(({ id, ts_ns, pending_bytes }) => ({
        id: `pending-${id}`,
        label: `connection ${id}`,
        role: 'inferred',
        shape: 'step',
        t_ns: Float64Array.from(ts_ns),
        values: Float64Array.from(pending_bytes),
      })),
    }),
    timeline(view, {
      id: 'systems-fuse-held',
      title: 'What is under writeback: pages in place, or copies of them',
      subtitle: `NR_WRITEBACK and NR_WRITEBACK_TEMP; ${OF_RECORDED}`,
      bands,
      series: heldCurves(view),
    }),
    levelChart(view, 'systems-fuse-level'),
  ];
}

function heldCurves({ recorded, others, t_ns, context }: View): Series[] {
  return [recorded, ...others].flatMap((one): Series[] => {
    const role = one === recorded ? 'predicted' : 'counterfactual';
    const curve = (counter: CounterSeries['counter'], label: string) =>
      curveOf(one, counter, t_ns, {
        ...{ id: `${one.id}-${counter}`, label, role },
        times: context.pageSize,
      });
    const who = one === recorded ? 'recorded' : one.id;
    return [
      ...curve('NR_WRITEBACK', `pages (${who})`),
      ...curve('NR_WRITEBACK_TEMP', `copies (${who})`),
    ];
  });
}

/** Without exact bytes written the replay counts whole folios, and says nothing of blocks. */
const knowsBlocks = ({ others }: View) => others.some(({ id }) => id === 'block-statistics');

export function tellBlocks(view: View): string {
  const { recorded, context } = view;
  const state = bytes(highest(valuesOf(recorded, 'state_bytes')));
  const whole = highest(valuesOf(recorded, 'nr_dirty')) * context.pageSize;
  const real = highest(valuesOf(recorded, 'real_dirty_bytes'));
  const blocks = knowsBlocks(view)
    ? ` Dirty statistics peaked at ${bytes(whole)}, what was really written and not yet sent at ` +
      `${bytes(real)}.`
    : ' What was written into each folio is not recorded (iomap_iter, iomap_iter_dstmap).';
  return `State of blocks took up to ${state} for folios cached while recording.${blocks}`;
}

export function blockCharts(view: View): readonly Timeline[] {
  const { recorded, others, t_ns, context } = view;
  const times = context.pageSize;
  const kept = curves(view, 'state_bytes');
  const state = timeline(view, {
    id: 'systems-block-state',
    title: 'Memory of the state of blocks, by what the file system keeps',
    subtitle: `folios that came into the cache while recording; ${OF_RECORDED}${kept.same}`,
    series: kept.series,
  });
  const real = curveOf(recorded, 'real_dirty_bytes', t_ns, {
    id: 'real',
    label: 'really written',
    role: 'inferred',
  });
  const byBlock = others.find(({ id }) => id === 'block-statistics');
  if (byBlock === undefined) return [state];
  const label = (one: ReplayedSystem, what: string) => ({ id: one.id, label: what, times });
  return [
    timeline(view, {
      id: 'systems-block-dirty',
      title: 'Dirty by statistics: whole folios, or the blocks that were written',
      subtitle: `nr_dirty; ${OF_RECORDED}; fit ${view.fit}`,
      series: [
        ...curveOf(recorded, 'nr_dirty', t_ns, {
          ...label(recorded, 'whole folios (recorded)'),
          role: 'predicted',
        }),
        ...curveOf(byBlock, 'nr_dirty', t_ns, {
          ...label(byBlock, 'by block'),
          role: 'counterfactual',
        }),
        ...real,
      ],
    }),
    state,
  ];
}
