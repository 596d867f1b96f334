/**
 * A synthetic capture shaped like the incident `slow-device`: one writer on a slow disk fills the
 * page cache up to the limit and is paused from then on. Seeded, so that it is always the same.
 */
import { type BuildInput, buildReport } from '../../reports/build/report.ts';
import type { Report } from '../../reports/schema/report.ts';
import type {
  Detail,
  DetailTable,
  Heatmap,
  Lanes,
  Series,
  Timeline,
} from '../../src/findings/detail.ts';
import type { Finding } from '../../src/findings/finding.ts';
import { sampleDiagnosis } from './sample-diagnosis.ts';

export const MIB = 1024 * 1024;
export const SECOND = 1e9;
const DURATION = 18.18 * SECOND;

/** Mulberry32: small, and the same numbers on every machine. */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

type SeriesPlan = Omit<Series, 't_ns' | 'values'> & { points: number };

/** A series of `points` evenly spaced values of `at(seconds)`. */
export function curve(plan: SeriesPlan, at: (seconds: number) => number): Series {
  const { points, ...rest } = plan;
  const t_ns = Float64Array.from({ length: points }, (_, i) => Math.round((i * DURATION) / points));
  return { ...rest, t_ns, values: t_ns.map((t) => Math.round(at(t / SECOND))) };
}

/** Dirty and writeback bytes: a steep climb, then a saw tooth below the limit. */
function dirtyBytes(seconds: number, noise: () => number): number {
  if (seconds < 0.3) return 0.02 * MIB;
  const climb = Math.min(1, (seconds - 0.3) / 0.45);
  const saw = 10 * Math.abs(((seconds * 1.1) % 2) - 1);
  const drop = seconds > 17.64 ? Math.max(0, 1 - (seconds - 17.64) / 0.5) : 1;
  return (climb * (206 + Math.min(14, seconds * 1.1) + saw) + noise() * 2) * drop * MIB;
}

function limit(id: string, label: string, mib: number): Series {
  return {
    id,
    label,
    role: 'limit',
    shape: 'step',
    t_ns: Float64Array.of(0, DURATION / 2, DURATION),
    values: Float64Array.of(mib * MIB, mib * MIB, mib * MIB),
  };
}

type Pause = { at: number; ms: number };

function pauses(noise: () => number): Pause[] {
  const all: Pause[] = [];
  let at = 0.72;
  while (at < 17.5) {
    const ms = at < 1.2 ? 8 + Math.floor(noise() * 5) * 4 : 40 + Math.floor(noise() * 40) * 4;
    all.push({ at, ms });
    at += ms / 1e3 + 0.012 + noise() * 0.03;
  }
  return all;
}

function dirtyTimeline(noise: () => number, paused: readonly Pause[]): Timeline {
  return {
    kind: 'timeline',
    id: 'dirty-against-limits',
    title: 'Dirty bytes reached the setpoint within a second and stayed there for 17 s',
    subtitle: 'dirty + writeback of the whole machine, against the limits that the kernel computed',
    unit: 'bytes',
    window_ns: [0, DURATION],
    series: [
      limit('limit', 'limit', 256),
      limit('setpoint', 'setpoint', 224),
      limit('freerun', 'freerun', 192),
      limit('background', 'background threshold', 128),
      curve(
        { id: 'dirty', label: 'dirty + writeback', role: 'recorded', shape: 'step', points: 9000 },
        (s) => dirtyBytes(s, noise),
      ),
      curve(
        { id: 'vmstat', label: 'vmstat samples', role: 'sampled', shape: 'point', points: 360 },
        (s) => dirtyBytes(s, noise),
      ),
      curve(
        {
          id: 'predicted',
          label: 'predicted',
          role: 'predicted',
          shape: 'step',
          points: 6000,
          errorBound: 6 * MIB,
        },
        (s) => dirtyBytes(s, noise) + (s > 0.8 && s < 17.6 ? 2.5 * MIB : 0),
      ),
    ],
    bands: paused.map(({ at, ms }) => ({
      from_ns: at * SECOND,
      to_ns: at * SECOND + ms * 1e6,
      label: 'writer paused',
    })),
    lost: [],
  };
}

function pauseDetails(paused: readonly Pause[]): Detail[] {
  const edges = [10, 20, 50, 100, 200];
  const names = ['up to 10 ms', '10 to 20 ms', '20 to 50 ms', '50 to 100 ms', '100 to 200 ms'];
  const buckets = names.map((label, i) => {
    const from = i === 0 ? 0 : edges[i - 1];
    const inside = paused.filter(({ ms }) => ms > from && ms <= edges[i]);
    const total = inside.reduce((sum, { ms }) => sum + ms, 0);
    return { label, count: inside.length, total };
  });
  return [
    {
      kind: 'timeline',
      id: 'pauses',
      title: 'From 1.2 s on, every pause of fio lasted 40 ms or longer',
      subtitle: 'length of each pause in balance_dirty_pages, at the time when it began',
      unit: 'ms',
      window_ns: [0, DURATION],
      series: [
        {
          id: 'fio-2210',
          label: 'fio-2210',
          role: 'recorded',
          shape: 'point',
          t_ns: Float64Array.from(paused, ({ at }) => Math.round(at * SECOND)),
          values: Float64Array.from(paused, ({ ms }) => ms),
        },
      ],
      bands: [],
      lost: [],
    },
    {
      kind: 'distribution',
      id: 'pause-lengths',
      title: 'Nearly all of the time went into pauses of 50 to 200 ms',
      subtitle: 'pauses by length',
      unit: 'ms',
      buckets,
    },
    {
      kind: 'table',
      id: 'tasks',
      title: 'Tasks that lost most time',
      columns: [
        { key: 'task', label: 'Task', unit: 'none' },
        { key: 'bdi', label: 'Device', unit: 'none' },
        { key: 'pauses', label: 'Pauses', unit: 'count' },
        { key: 'paused', label: 'Time paused', unit: 'ns' },
        { key: 'longest', label: 'Longest pause', unit: 'ms' },
        { key: 'share', label: 'Share of its life', unit: 'percent' },
      ],
      rows: [
        {
          task: 'fio-2210',
          bdi: '7:0',
          pauses: paused.length,
          paused: paused.reduce((sum, { ms }) => sum + ms * 1e6, 0),
          longest: Math.max(...paused.map(({ ms }) => ms)),
          share: 81.4,
        },
        { task: 'jbd2/loop0-8-2199', bdi: '7:0', pauses: 2, paused: 24e6, longest: 16, share: 0.1 },
      ],
      omitted: 0,
    },
  ];
}

function bandwidthTimeline(noise: () => number): Timeline {
  const rate = (id: string, label: string, mib: number, points: number): Series =>
    curve({ id, label, role: 'recorded', shape: 'step', points }, (s) =>
      s < 0.3 ? 100 * MIB : (mib + (100 - mib) * Math.exp(-(s - 0.3)) + noise() * 3) * MIB,
    );
  return {
    kind: 'timeline',
    id: 'bandwidth-7-0',
    title: 'The device writes 40 MiB/s, and the task is held to that rate',
    subtitle: 'bdi 7:0: write bandwidth as the kernel estimates it, and the rates it allows',
    unit: 'bytes_per_s',
    window_ns: [0, DURATION],
    series: [
      rate('write_bw', 'write bandwidth', 40, 90),
      rate('dirty_rate', 'dirty rate', 43, 90),
      rate('balanced', 'balanced rate limit', 38, 90),
      rate('task', 'task rate limit', 36, 170),
    ],
    bands: [],
    lost: [],
  };
}

function identityTable(): Detail {
  const row = (identity: string, n: number, exact: number) => ({ identity, n, exact });
  return {
    kind: 'table',
    id: 'identities',
    title: 'Recomputed against recorded, per event',
    columns: [
      { key: 'identity', label: 'Quantity', unit: 'none' },
      { key: 'n', label: 'Events', unit: 'count' },
      { key: 'exact', label: 'Exactly equal', unit: 'percent' },
    ],
    rows: [
      row('limit', 412, 100),
      row('setpoint', 412, 100),
      row('dirty', 412, 100),
      row('period', 412, 100),
      row('dirty_ratelimit', 90, 100),
      row('balanced_dirty_ratelimit', 90, 100),
    ],
    omitted: 0,
  };
}

/** More rows than are read without a search, each with its window. */
function waitsTable(): DetailTable {
  const waits = Array.from({ length: 30 }, (_, i) => ({ at: 1 + i / 2, ms: 100 + i }));
  return {
    kind: 'table',
    id: 'waits-of-device-slower-than-writers',
    title: 'Waits that it explains',
    columns: [
      { key: 'at', label: 'At', unit: 's' },
      { key: 'took', label: 'Took', unit: 'ms' },
      { key: 'event', label: 'Event', unit: 'none' },
    ],
    rows: waits.map(({ at, ms }) => ({
      at,
      took: ms,
      event: `fio-2210 [000] ${at}: balance_dirty_pages: bdi 7:0 pause=${ms}`,
    })),
    omitted: 91,
    windows_ns: waits.map(({ at, ms }) => [at * SECOND, at * SECOND + ms * 1e6]),
  };
}

/** Who waited when: long waits, many short ones, and a lane below. */
function lanesDetail(): Lanes {
  const short = Array.from({ length: 4000 }, (_, i) => ({
    from_ns: 12 * SECOND + i * 5e5,
    to_ns: 12 * SECOND + i * 5e5 + 2e5,
    lane: 0,
    kind: 0,
    text: 'fsync took 0.2 ms',
  }));
  const long = { from_ns: 4 * SECOND, to_ns: 9 * SECOND, lane: 0, kind: 0, text: 'fsync took 5 s' };
  const below = { from_ns: 4 * SECOND, to_ns: 8 * SECOND, lane: 1, kind: 1, text: 'wrote 160 MiB' };
  return {
    kind: 'lanes',
    id: 'sync-lanes',
    title: 'fio waited 5 s in one fsync',
    subtitle: 'who waited, and what was written meanwhile',
    window_ns: [0, DURATION],
    lanes: ['fio 2210: fsync', 'flusher of 7:0'],
    kinds: ['sync call', 'background'],
    bars: [long, below, ...short],
    omitted: 0,
    lost: [],
  };
}

function heatmapDetail(): Heatmap {
  return {
    kind: 'heatmap',
    id: 'block-latency-0',
    title: '7:0: 300 requests, half of them up to 2 ms',
    subtitle: 'issue to completion',
    window_ns: [0, DURATION],
    bin_ns: 2e8,
    rows: ['≤ 1 ms', '≤ 2 ms', '≤ 5 ms'],
    counted: 'requests',
    cells: Array.from({ length: 60 }, (_, i) => ({ column: i, row: i % 3, count: 1 + (i % 9) })),
    lost: [],
  };
}

function sampleFindings(): Finding[] {
  const noise = random(7);
  const paused = pauses(noise);
  const none: readonly string[] = [];
  return [
    {
      id: 'dirty-against-limits',
      title: 'Dirty pages against the limits',
      question: 'Did dirty and writeback pages reach the limits?',
      status: 'found',
      summary:
        'Yes: dirty + writeback crossed the freerun ceiling of 192 MiB at 0.7 s, stayed between ' +
        '206 and 232 MiB, below the limit of 256 MiB, until the writer ended at 17.6 s.',
      details: [dirtyTimeline(noise, paused)],
      weakenedBy: none,
      level: 'b',
    },
    {
      id: 'dirty-throttle',
      title: 'Pauses of writers',
      question: 'Which tasks were paused, for how long?',
      status: 'found',
      summary: `fio-2210 was paused ${paused.length} times on bdi 7:0, for 14.8 s of 18.2 s.`,
      details: pauseDetails(paused),
      weakenedBy: none,
    },
    {
      id: 'bandwidth',
      title: 'Write bandwidth and rate limits',
      question: 'How fast did each device write, and how fast were tasks allowed to dirty?',
      status: 'found',
      summary: 'bdi 7:0 wrote 40 MiB/s on average; the writer could dirty 400 MiB/s.',
      details: [bandwidthTimeline(noise)],
      weakenedBy: none,
    },
    {
      id: 'sync-latency',
      title: 'Latency of fsync',
      question: 'How long did syncs take?',
      status: 'shown',
      summary: 'One fsync took 5 s.',
      details: [lanesDetail(), heatmapDetail()],
      weakenedBy: none,
    },
    {
      id: 'throttle-identities',
      title: "The kernel's own arithmetic",
      question:
        'Do the recorded limits and rates follow from each other as the kernel computes them?',
      status: 'clear',
      summary: 'All 1,828 recomputed numbers equal the recorded ones exactly.',
      details: [identityTable()],
      weakenedBy: none,
      level: 'a',
    },
    {
      id: 'reclaim-throttle',
      title: 'Reclaim waiting for writeback',
      question: 'Did memory reclaim wait for dirty pages to be written?',
      status: 'unknown',
      summary: 'The vmscan throttle event was not recorded, so nothing can be said.',
      details: [
        {
          kind: 'note',
          id: 'reclaim-record',
          text: 'Record it with: trace-cmd record -e vmscan:mm_vmscan_throttled …',
        },
      ],
      weakenedBy: ['vmscan:mm_vmscan_throttled is missing from the capture.'],
    },
    {
      id: 'cgroup-limit-stall',
      title: 'Limits of a control group',
      question: 'Was a cgroup limit tighter than the global one?',
      status: 'not-applicable',
      summary: 'All events belong to the root control group.',
      details: [],
      weakenedBy: none,
    },
  ];
}

export function sampleInput(): BuildInput {
  return {
    generator: { name: 'tidemark', version: '0.1.0' },
    input: {
      name: 'slow-device/trace.dat.gz',
      format: 'trace-cmd trace.dat v6',
      kernel: '6.18.44',
      machine: 'x86_64',
      clock: 'mono',
      duration_ns: DURATION,
      cpus: 2,
      events: 42754,
    },
    headline: {
      sentence:
        'fio-2210 was paused for 14.8 s of 18.2 s because it dirtied pages faster than ' +
        'device 7:0 wrote them.',
      facts: [
        { label: 'Total time paused', value: 14.8e9, unit: 'ns', text: '14.8 s' },
        { label: 'Most paused task', value: 14.78e9, unit: 'ns', text: 'fio-2210, 14.8 s' },
        { label: 'Device', value: 14.8e9, unit: 'ns', text: '7:0, 40.1 MiB/s' },
        { label: 'Capture', value: DURATION, unit: 'ns', text: '18.2 s, 42,754 events' },
      ],
      confidence: 'high',
      confidence_reasons: [
        'No events were lost.',
        'Every recorded limit and rate was recomputed and equals the recorded one.',
      ],
      chart_id: 'dirty-against-limits',
    },
    diagnosis: sampleDiagnosis(),
    evidence: [{ cause: 'device-slower-than-writers', details: [waitsTable()] }],
    findings: sampleFindings(),
    quality: {
      duration_ns: DURATION,
      lost_events: 0,
      clock: 'mono',
      events: [
        { name: 'writeback:writeback_dirty_folio', count: 14382 },
        { name: 'filemap:mm_filemap_add_to_page_cache', count: 14380 },
        { name: 'writeback:global_dirty_state', count: 9012 },
        { name: 'writeback:balance_dirty_pages', count: 412 },
        { name: 'writeback:bdi_dirty_ratelimit', count: 90 },
      ],
      not_recorded: [
        {
          name: 'vmscan:mm_vmscan_throttled',
          why: 'needed to see reclaim wait; record with -e vmscan',
        },
      ],
      diagnostics: [
        {
          code: 'event_unknown',
          severity: 'info',
          message: 'Events without a dictionary entry became tables as they were recorded.',
          count: 12,
        },
      ],
    },
  };
}

/** The sample with events lost on the way: weak, and the page must say so. */
export function lossyInput(): BuildInput {
  const whole = sampleInput();
  const lost = [
    { from_ns: 3 * SECOND, to_ns: 4.4 * SECOND, label: '61,204 events lost on CPU 1' },
    { from_ns: 9 * SECOND, to_ns: 14 * SECOND, label: '212,410 events lost on CPUs 0 and 1' },
  ];
  const without = (series: Series): Series => {
    if (series.role === 'sampled' || series.role === 'limit') return series;
    const kept = [...series.t_ns.keys()].filter((i) => {
      const t = series.t_ns[i];
      return lost.every(({ from_ns, to_ns }) => t < from_ns || t > to_ns);
    });
    const t_ns = Float64Array.from(kept, (i) => series.t_ns[i]);
    return { ...series, t_ns, values: Float64Array.from(kept, (i) => series.values[i]) };
  };
  const weaken = (detail: Detail): Detail =>
    detail.kind === 'timeline'
      ? { ...detail, series: detail.series.map(without), lost }
      : detail.kind === 'lanes' || detail.kind === 'heatmap'
        ? { ...detail, lost }
        : detail;
  const reason = '273,614 of 316,368 events were lost, so pauses may be missing.';
  return {
    ...whole,
    headline: {
      ...whole.headline,
      sentence: 'At least 8.1 s of pauses of fio-2210 on device 7:0; most events were lost.',
      confidence: 'low',
      confidence_reasons: [reason],
    },
    findings: whole.findings.map((finding) => ({
      ...finding,
      details: finding.details.map(weaken),
      weakenedBy: [reason, ...finding.weakenedBy],
    })),
    quality: {
      ...whole.quality,
      lost_events: 273614,
      diagnostics: [
        {
          code: 'events_lost',
          severity: 'data_loss',
          message: 'The ring buffer was full and the kernel dropped events.',
          count: 273614,
        },
      ],
    },
  };
}

export function sampleReport(): Report {
  return buildReport(sampleInput());
}
