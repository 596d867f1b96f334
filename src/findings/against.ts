/** Two captures beside each other: what was lost, how high dirty memory stood, and how it moved. */
import { isKernelThread, PLACE_WORDS, STALL_PLACES, type StallPlace } from '../derive/stalls.ts';
import type { Context } from './context.ts';
import type { DetailTable, Series, Timeline } from './detail.ts';
import type { Finding } from './finding.ts';
import { bytes, duration, percent, thousands } from './format.ts';
import { lostIntervals } from './intervals.ts';

/** One number of both captures; undefined where a capture cannot tell it. */
type Pair = {
  readonly name: string;
  readonly ours: number | undefined;
  readonly theirs: number | undefined;
  readonly show: (value: number) => string;
};

/** `name` is what the other capture is called. */
export function againstFinding(ours: Context, theirs: Context, name: string): Finding {
  const lost = [ours, theirs].map((context) => userWaits(context));
  const [before = 0, after = 0] = [lost[1]?.total_ns, lost[0]?.total_ns];
  const change = changeOf(after, before);
  const summary =
    `Tasks waited ${duration(after)} here and ${duration(before)} in ${name}` +
    `${change === '' ? '' : ` (${change})`}; here it is called “${titleOf(ours)}”, ` +
    `there “${titleOf(theirs)}”.`;
  return {
    id: 'against',
    title: `Compared with ${name}`,
    question: 'What is different from the other capture?',
    status: 'shown',
    summary,
    details: [...levels(ours, theirs, name), numbersTable(ours, theirs, name)],
    weakenedBy: theirs.trace.losses.length > 0 ? [`Events were lost in ${name}.`] : [],
  };
}

function titleOf({ diagnosis }: Context): string {
  const { root_cause, most_likely } = diagnosis.verdict;
  if (root_cause === 'none') return 'nothing stalled';
  const id = most_likely ?? root_cause;
  const named = diagnosis.judgements.find(({ definition }) => definition.id === id);
  return named?.definition.title ?? root_cause;
}

type Waits = { readonly total_ns: number; readonly byPlace: ReadonlyMap<StallPlace, number> };

/** Time that tasks, and not threads of the kernel, lost; each moment counts once. */
function userWaits({ stalls }: Context): Waits {
  const byPlace = new Map<StallPlace, number>();
  let total_ns = 0;
  for (const { place, comm, own_ns } of stalls) {
    if (isKernelThread(comm)) continue;
    total_ns += own_ns;
    byPlace.set(place, (byPlace.get(place) ?? 0) + own_ns);
  }
  return { total_ns, byPlace };
}

/** Closer than this nobody calls it different. */
const SAME = 0.005;

/** `−38%`, `2.1 times`; nothing where there is nothing to compare with. */
function changeOf(ours: number | undefined, theirs: number | undefined): string {
  if (ours === undefined || theirs === undefined || theirs === 0) return '';
  const ratio = ours / theirs;
  if (ratio >= 2) return `${thousands(Number(ratio.toPrecision(2)))} times`;
  if (Math.abs(ratio - 1) < SAME) return 'the same';
  return `${ratio < 1 ? '−' : '+'}${percent(Math.abs(ratio - 1), 2)}`;
}

function pairs(ours: Context, theirs: Context): Pair[] {
  const [ourWaits, theirWaits] = [userWaits(ours), userWaits(theirs)];
  const places = STALL_PLACES.filter(
    (place) => ourWaits.byPlace.has(place) || theirWaits.byPlace.has(place),
  );
  const both = (
    name: string,
    show: Pair['show'],
    of: (context: Context) => number | undefined,
  ): Pair => ({ name, show, ours: of(ours), theirs: of(theirs) });
  return [
    both('Length of the capture', duration, ({ trace }) => trace.meta.duration_ns),
    both('Waited in all', duration, (context) => userWaits(context).total_ns),
    ...places.map((place) => ({
      name: `in ${PLACE_WORDS[place]}`,
      show: duration,
      ours: ourWaits.byPlace.get(place) ?? 0,
      theirs: theirWaits.byPlace.get(place) ?? 0,
    })),
    both(
      'Waits',
      thousands,
      ({ stalls }) => stalls.filter((one) => !isKernelThread(one.comm)).length,
    ),
    both('Longest wait', duration, ({ stalls }) =>
      stalls.reduce((most, { comm, duration_ns }) => {
        return isKernelThread(comm) ? most : Math.max(most, duration_ns);
      }, 0),
    ),
    both('Highest dirty + writeback', bytes, ({ dirty, pageSize }) =>
      peakOf(dirty?.level_pages, pageSize),
    ),
    both('Dirty limit', bytes, ({ dirty, pageSize }) => peakOf(dirty?.limit_pages, pageSize)),
    both('Became dirty', bytes, (context) => grown(context, 'nr_dirtied_pages')),
    both('Written', bytes, (context) => grown(context, 'nr_written_pages')),
  ];
}

function peakOf(pages: Float64Array | undefined, pageSize: number): number | undefined {
  return pages && pageSize * pages.reduce((most, value) => Math.max(most, value), 0);
}

/** How much a counter that only grows has grown. */
function grown({ trace, pageSize }: Context, column: string): number | undefined {
  const values = trace.tables.get('global_dirty_state')?.columns[column];
  if (values?.kind !== 'number' || values.values.length === 0) return undefined;
  const [first = 0, last = 0] = [values.values[0], values.values.at(-1)];
  return Math.max(0, last - first) * pageSize;
}

function numbersTable(ours: Context, theirs: Context, name: string): DetailTable {
  const text = (value: number | undefined, show: Pair['show']) =>
    value === undefined ? undefined : show(value);
  return {
    kind: 'table',
    id: 'against-numbers',
    title: `This capture and ${name}`,
    columns: [
      { key: 'name', label: 'Number', unit: 'none' },
      { key: 'ours', label: 'Here', unit: 'none' },
      { key: 'theirs', label: 'There', unit: 'none' },
      { key: 'change', label: 'Here against there', unit: 'none' },
    ],
    rows: pairs(ours, theirs).map((pair) => ({
      name: pair.name,
      ours: text(pair.ours, pair.show),
      theirs: text(pair.theirs, pair.show),
      change: changeOf(pair.ours, pair.theirs),
    })),
    omitted: 0,
  };
}

/** Both levels on the time axis of this capture, each from its own beginning. */
function levels(ours: Context, theirs: Context, name: string): Timeline[] {
  const [mine, other] = [ours.dirty, theirs.dirty];
  if (mine === undefined || other === undefined) return [];
  const curve = (
    { pageSize }: Context,
    t_ns: Float64Array,
    [id, label, role]: readonly [string, string, Series['role']],
    pages: Float64Array,
  ): Series => {
    return { id, label, role, shape: 'step', t_ns, values: pages.map((value) => value * pageSize) };
  };
  const limit = (context: Context) =>
    bytes(peakOf(context.dirty?.limit_pages, context.pageSize) ?? 0);
  return [
    {
      kind: 'timeline',
      id: 'against-levels',
      title: `Dirty + writeback against ${limit(ours)} here and ${limit(theirs)} there`,
      subtitle: `each from the beginning of its capture; as far as this capture is long`,
      unit: 'bytes',
      window_ns: ours.window_ns,
      series: [
        curve(ours, mine.ts_ns, ['here', 'here', 'recorded'], mine.level_pages),
        curve(theirs, other.ts_ns, ['there', `in ${name}`, 'recorded'], other.level_pages),
        curve(ours, mine.ts_ns, ['limit', 'limit here', 'limit'], mine.limit_pages),
        curve(theirs, other.ts_ns, ['other_limit', 'limit there', 'limit'], other.limit_pages),
      ],
      bands: [],
      lost: lostIntervals(ours),
    },
  ];
}
