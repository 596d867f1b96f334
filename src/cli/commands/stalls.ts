/** `tidemark stalls`: who waited, where, on what, for how long. */
import { hanging, SCREEN_COLUMNS, textTable } from '../../../reports/terminal.ts';
import { STALL_EVENTS } from '../../derive/stalls.ts';
import { duration, percent } from '../../findings/format.ts';
import { lostShare } from '../../findings/run.ts';
import { printable } from '../../trace/printable.ts';
import { thousands } from '../../trace/wording.ts';
import { openCapture } from '../capture.ts';
import { parseOptions, StallsOptions } from '../config.ts';
import { type Io, screenColumns, tableColumns } from '../io.ts';
import { stallsDocument } from '../stalls/document.ts';
import type { StallsDocument } from '../stalls/schema.ts';

/** So that the text fits one screen, and the document what a program wants to know. */
const LIMIT_TEXT = 6;
const LIMIT_JSON = 1000;
const DEVICES_SHOWN = 4;

export async function stalls(file: string, raw: unknown, io: Io): Promise<void> {
  const options = parseOptions(StallsOptions, raw);
  const wanted = new Set(STALL_EVENTS);
  const keep = (event: string) => (wanted.has(event) ? 'columns' : 'base');
  const trace = await openCapture(file, options, io, keep);
  const { place, task, bdi } = options;
  if (options.json) {
    const limit = options.limit ?? LIMIT_JSON;
    const document = stallsDocument(trace, { place, task, bdi, limit });
    io.out(`${JSON.stringify(document, undefined, 2)}\n`);
    return;
  }
  const all = { place, task, bdi, limit: Number.POSITIVE_INFINITY };
  const limit = options.limit ?? LIMIT_TEXT;
  const asked = askedText(options);
  const text = {
    limit,
    lost: lostShare(trace),
    asked,
    columns: screenColumns(io),
    screen: tableColumns(io),
  };
  io.out(stallsText(stallsDocument(trace, all), text));
}

function askedText(options: {
  readonly place?: string | undefined;
  readonly task?: string | undefined;
  readonly bdi?: string | undefined;
}): string {
  const words = [
    ['of', options.task],
    ['in', options.place],
    ['on', options.bdi],
  ] as const;
  return words
    .map(([word, name]) => (name === undefined ? '' : ` ${word} ${printable(name)}`))
    .join('');
}

type Task = StallsDocument['tasks'][number];
type Episode = StallsDocument['episodes'][number];

type TextOptions = {
  /** How many tasks and episodes are listed. */
  readonly limit: number;
  /** Share of the events that the recorder lost. */
  readonly lost: number;
  /** Which waits were asked for, as ` of fio on 7:0`; empty for all. Then all are of interest. */
  readonly asked: string;
  /** How wide sentences are made. */
  readonly columns?: number;
  /** Width of the screen, if there is one. */
  readonly screen?: number | undefined;
};

export function stallsText(document: StallsDocument, options: TextOptions): string {
  const { limit, lost, asked, columns = SCREEN_COLUMNS, screen } = options;
  const isFiltered = asked !== '';
  const tasks = tasksShown(document, isFiltered);
  const episodes = episodesShown(document, isFiltered);
  return (
    [
      ...sentence(document, lost, asked)
        .split('\n')
        .map((line) => hanging(line, columns, '')),
      section('', placesText(document, screen)),
      section(
        'tasks that lost most',
        tasksText(tasks.slice(0, limit), screen),
        tasks.length - limit,
      ),
      section(
        'longest episodes',
        episodesText(episodes.slice(0, limit), columns, screen),
        episodes.length - limit,
      ),
      section(
        'block requests: issued to complete, and queued before',
        requestsText(document, screen),
      ),
      section('notes', document.notes.map((note) => noteText(note, columns)).join('')),
    ]
      .join('')
      // Names from a capture can make any line long.
      .replace(new RegExp(`^(.{${(screen ?? SCREEN_COLUMNS) - 1}})..+$`, 'gmu'), '$1…')
  );
}

function section(title: string, body: string, omitted = 0): string {
  if (body === '') return '';
  const more = omitted > 0 ? ` (${thousands(omitted)} more: --limit)` : '';
  return `\n${title === '' ? '' : `${title}${more}\n`}${body}`;
}

/** A long sentence in lines that fit the screen. */
const noteText = (note: string, columns: number): string => hanging(printable(note), columns, '  ');

/** `8.43 s`, with a plain space, so that columns of numbers are seen as such. */
function time(ms: number): string {
  return duration(ms * 1e6).replace('\u00a0', ' ');
}

const SHORT_NAME = 15;

function name(comm: string, pid: number): string {
  return `${printable(comm).slice(0, SHORT_NAME)} ${pid}`;
}

/** Small shares are of no interest beyond that. */
function share(part: number): string {
  return part > 0 && part < 0.001 ? '<0.1%' : percent(part, part < 0.01 ? 1 : 3);
}

function sentence(
  { tasks, window_ns: [from, to] }: StallsDocument,
  lost: number,
  asked: string,
): string {
  const capture = `${time((to - from) / 1e6)} of capture`;
  const without = lost > 0 ? `, ${share(lost)} of its events lost` : '';
  const worst = tasks.find(({ by }) => by === 'tasks');
  if (worst === undefined)
    return `${capture}${without}: no wait${asked === '' ? ' of a task' : asked} was recorded.`;
  const on = worst.on === null ? '' : ` on ${printable(worst.on)}`;
  const inner =
    worst.mostly === worst.place
      ? ''
      : `, ${share(worst.mostly_ms / worst.lost_ms)} of it in ${worst.mostly}`;
  const long = `${capture}${without}:${without === '' ? ' ' : '\n'}`;
  return (
    `${long}${name(worst.comm, worst.pid)} lost ${lost > 0 ? 'at least ' : ''}` +
    `${time(worst.lost_ms)} (${share(worst.share)}) in ${worst.place}${on}${inner}.`
  );
}

function placesText({ places }: StallsDocument, columns: number | undefined): string {
  const rows = places.map((place) => {
    const { p50, p99, max } = place.percentiles_ms;
    return [
      place.by === 'tasks' ? place.place : `${place.place} (kernel)`,
      thousands(place.count),
      thousands(place.tasks),
      time(place.total_ms),
      time(place.own_ms),
      ...[p50, p99, max].map(time),
    ];
  });
  const head = ['where', 'stalls', 'tasks', 'task time', 'own time', 'median', 'p99', 'longest'];
  return rows.length === 0 ? '' : textTable(head, rows, { columns, labels: 1 });
}

/** Threads of the kernel are of interest where they waited for long, or were asked for. */
const KERNEL_SHARE = 0.01;

function tasksShown({ tasks }: StallsDocument, isFiltered: boolean): readonly Task[] {
  return tasks.filter(
    ({ by, share: part }) => isFiltered || by === 'tasks' || part >= KERNEL_SHARE,
  );
}

function tasksText(tasks: readonly Task[], columns: number | undefined): string {
  const rows = tasks.map((task) => [
    name(task.comm, task.pid),
    time(task.lost_ms),
    share(task.share),
    thousands(task.count),
    time(task.longest_ms),
    task.place,
    task.mostly === task.place
      ? ''
      : `${task.mostly} ${share(task.lost_ms > 0 ? task.mostly_ms / task.lost_ms : 0)}`,
    printable(task.on ?? ''),
  ]);
  const head = ['task', 'lost', 'of capture', 'stalls', 'longest', 'in', 'mostly', 'on'];
  return rows.length === 0 ? '' : textTable(head, rows, { columns, labels: 1 });
}

function episodesShown(
  { episodes, window_ns: [from, to] }: StallsDocument,
  isFiltered: boolean,
): readonly Episode[] {
  const long_ms = (KERNEL_SHARE * (to - from)) / 1e6;
  return episodes.filter(
    ({ by, duration_ms }) => isFiltered || by === 'tasks' || duration_ms >= long_ms,
  );
}

function episodesText(
  episodes: readonly Episode[],
  columns: number,
  screen: number | undefined,
): string {
  const rows = episodes.map((episode) => [
    `${episode.start_ms < 0 ? '' : '+'}${(episode.start_ms / 1e3).toFixed(3)} s`,
    time(episode.duration_ms),
    name(episode.comm, episode.pid),
    whereOf(episode),
    printable(episode.bdi ?? episode.dev ?? ''),
    howOf(episode),
  ]);
  const head = ['at', 'lasted', 'task', 'where', 'on', 'how'];
  return rows.length === 0
    ? ''
    : textTable(head, rows, screen === undefined ? { columns } : { columns: screen, labels: 2 });
}

/** `sync fsync`, `fuse-request FUSE_WRITE`; events that say no more than the place are left out. */
function whereOf({ place, event, reason }: Episode): string {
  const more = reason ?? (place === 'sync' || place === 'inode-wait' ? event : '');
  return printable(`${place} ${more.replace(/^VMSCAN_THROTTLE_/, '')}`).trim();
}

function howOf(episode: Episode): string {
  const { stalls, joined, mostly, place } = episode;
  const { waited_ms, duration_ms, mostly_ms, asked_ms } = episode;
  const parts: string[] = [];
  if (joined > 0) {
    const waited = percent(duration_ms > 0 ? waited_ms / duration_ms : 1, 2);
    parts.push(`${thousands(stalls)} waits, ${waited} of the time`);
  }
  if (mostly !== place) {
    parts.push(`${percent(waited_ms > 0 ? mostly_ms / waited_ms : 0, 2)} ${mostly}`);
  }
  if (episode.open)
    parts.push(asked_ms === null ? 'not ended' : `asked ${time(asked_ms)}, not ended`);
  // A pause is known to a tick; elsewhere the task may have been back long before it was seen.
  if (episode.end === 'next-event' && place !== 'dirty-throttling') parts.push('at most');
  if (episode.begun_before) parts.push('begun before');
  if (episode.certainty !== 'certain') parts.push(episode.certainty);
  if (episode.across_loss) parts.push('events lost');
  return parts.join(', ');
}

function requestsText({ block_requests }: StallsDocument, columns: number | undefined): string {
  const rows = block_requests.slice(0, DEVICES_SHOWN).map((requests) => {
    const { p50, p99, max } = requests.percentiles_ms;
    const { queued } = requests;
    return [
      printable(requests.dev),
      requests.kind,
      thousands(requests.count),
      ...[p50, p99, max].map(time),
      ...(queued.count === 0
        ? ['', '']
        : [queued.percentiles_ms.p50, queued.percentiles_ms.p99].map(time)),
      requests.unfinished > 0 ? `${thousands(requests.unfinished)} unfinished` : '',
    ];
  });
  const head = ['device', 'kind', 'requests', 'median', 'p99', 'longest', 'queued', 'p99', ''];
  return rows.length === 0 ? '' : textTable(head, rows, { columns, labels: 2 });
}
