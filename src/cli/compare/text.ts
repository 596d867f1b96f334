/** A comparison for a terminal: what fits a screen. */
import { hanging, textTable } from '../../../reports/terminal.ts';
import { fitText, highest, valuesOf, whenText } from '../../findings/counterfactual.ts';
import { bytes, duration, percent } from '../../findings/format.ts';
import { fitWords } from '../../replay/compare/differences.ts';
import type {
  Comparison,
  CounterSeries,
  Difference,
  Replayed,
  SystemResult,
} from '../../replay/compare/result.ts';
import { printable } from '../../trace/printable.ts';
import { thousands } from '../../trace/wording.ts';

const MOST_TASKS = 3;
const MOST_COUNTERS = 8;
const MOST_NOTES = 7;

type BothReplayed = readonly [SystemResult & Replayed, SystemResult & Replayed];

/** Sentences are made `columns` wide, and tables `screen`, if they are read on one. */
export function compareText(
  comparison: Comparison,
  columns: number,
  screen: number | undefined,
): string {
  const [first, second] = comparison.systems;
  const head = hanging(`${first.title} ↔ ${second.title}`, columns, '');
  const absent = comparison.systems.filter((one) => one.status === 'not-applicable');
  if (first.status !== 'replayed' || second.status !== 'replayed') {
    return head + absent.map((one) => missingText(one, columns)).join('');
  }
  const both: BothReplayed = [first, second];
  const { fits } = comparison;
  const level =
    fits === undefined
      ? ''
      : [
          `recorded system: ${fitText(fitWords('nr_dirty', fits))} of nr_dirty; its own ` +
            'fit stands beside each difference',
          'counterfactual: tasks and flusher do as recorded, and do not react to the other system',
        ]
          .map((line) => hanging(line, columns, ''))
          .join('');
  return [
    head,
    level,
    totals(comparison, both, screen),
    counters(comparison, both, screen),
    remarks(comparison, both, columns),
  ].join('');
}

/** What a system needs that the capture does not hold, and what to record next time. */
function missingText(result: SystemResult, columns: number): string {
  if (result.status !== 'not-applicable') return '';
  const lines = result.needs.map(({ events, why, recorded }) => {
    const what = recorded ? `${why}; recorded, and there is none` : why;
    return hanging(`${events.join(' and ')}: ${what}`, columns, '    ');
  });
  const missing = result.needs.filter(({ recorded }) => !recorded);
  const events = [...new Set(missing.flatMap((one) => one.events))];
  const record = events.map((name) => `-e ${name}`).join(' ');
  return [
    `${result.id}: not-applicable: needs what this capture lacks\n`,
    ...lines,
    ...(events.length === 0
      ? []
      : [hanging(`record next time: trace-cmd record ${record}`, columns, '    ')]),
  ].join('');
}

function totals(
  { page_size }: Comparison,
  both: BothReplayed,
  columns: number | undefined,
): string {
  const row = (label: string, of: (one: Replayed) => string) => [label, ...both.map(of)];
  const rows = [
    row('throttling starts', ({ throttling }) => whenText(throttling.first_ns)),
    row('throttling in all', ({ throttling }) => duration(throttling.total_ns)),
    row('memory, mean', ({ memory_bytes }) => bytes(memory_bytes.mean)),
    row('memory, most', ({ memory_bytes }) => bytes(memory_bytes.peak)),
    ...treeRows(page_size, both),
    row('written', ({ written_bytes }) => bytes(written_bytes)),
    ...taskRows(both),
  ];
  return textTable(['', both[0].id, both[1].id, 'recorded'], rows, { columns, labels: 1 });
}

/** Only where a system counts tree nodes. */
function treeRows(pageSize: number, both: BothReplayed): string[][] {
  const cells = both.map((one) => shareText(one, pageSize));
  return cells.every((cell) => cell === '') ? [] : [['tree nodes of all dirty', ...cells]];
}

/** Of all that was dirty over time. */
function shareText({ series }: Replayed, pageSize: number): string {
  const sum = (name: CounterSeries['counter']) =>
    series
      .find(({ counter, bdi }) => counter === name && bdi === undefined)
      ?.values.reduce((all, value) => all + value, 0);
  const nodes = sum('dirty_metadata_bytes');
  const dirty = sum('nr_dirty');
  if (nodes === undefined || dirty === undefined || dirty === 0) return '';
  return percent(nodes / (dirty * pageSize));
}

/** Those who call balance_dirty_pages most often, in either system. */
function taskRows(both: BothReplayed): string[][] {
  const most = new Map<number, Replayed['tasks'][number]>();
  for (const { tasks } of both) {
    for (const task of tasks) {
      if (task.entries > (most.get(task.pid)?.entries ?? -1)) most.set(task.pid, task);
    }
  }
  const shown = [...most].sort(([, a], [, b]) => b.entries - a.entries).slice(0, MOST_TASKS);
  return shown.map(([pid, { comm, recorded }]) => [
    `calls by ${printable(comm)}-${pid}`,
    ...both.map(({ tasks }) => {
      const task = tasks.find((one) => one.pid === pid);
      return `${task?.entries ?? 0}, ${task?.throttled ?? 0} above freerun`;
    }),
    recorded === undefined ? 'not recorded' : `${recorded} above freerun`,
  ]);
}

function counters(
  { differences }: Comparison,
  both: BothReplayed,
  columns: number | undefined,
): string {
  const differing = differences.filter(({ largest }) => largest !== 0);
  if (differing.length === 0) return '\nno counter differs at any time\n';
  const shown = ranked(differing, both).slice(0, MOST_COUNTERS);
  const head = ['counter', both[0].id, both[1].id, 'largest difference', 'at', 'fit, pages'];
  const rows = shown.map(({ counter, unit, largest, at_ns, fit }) => [
    counter,
    ...both.map((one) => peakOf(one, counter)),
    `${largest > 0 ? '+' : ''}${thousands(Math.round(largest))} ${unit}`,
    duration(at_ns),
    // The heading has the unit, so that rows fit a screen.
    fitText(fit).replace(/ pages$/, ''),
  ]);
  const rest = differing.length - shown.length;
  const more = rest > 0 ? `  and ${rest} more (--json)\n` : '';
  const title = 'counters at their highest (level c: the recorded events, counted by other rules)';
  return `\n${title}\n${textTable(head, rows, { columns, labels: 1 })}${more}`;
}

/** The throttle's inputs first, then what differs most compared with its own size. */
function ranked(differences: readonly Difference[], both: BothReplayed): readonly Difference[] {
  const share = ({ counter, largest }: Difference) => {
    const size = Math.max(...both.map((one) => highest(valuesOf(one, counter))), 1);
    return counter === 'throttle_dirty' ? Number.POSITIVE_INFINITY : Math.abs(largest) / size;
  };
  const sorted = [...differences].sort((left, right) => share(right) - share(left));
  // Counters that move together are one line.
  const keys = sorted.map(({ unit, largest, at_ns }) => `${unit} ${largest} ${at_ns}`);
  return sorted.filter((_, at) => keys.indexOf(keys[at] as string) === at);
}

function peakOf(result: Replayed, counter: CounterSeries['counter']): string {
  const values = valuesOf(result, counter);
  return values === undefined ? '' : thousands(Math.round(highest(values)));
}

function remarks(comparison: Comparison, both: BothReplayed, columns: number): string {
  const own = both.flatMap(({ id, switches, notes }) => {
    const set = Object.entries(switches).map(([name, value]) => `${name}=${value}`);
    return [...(set.length > 0 ? [`set: ${set.join(', ')}`] : []), ...notes].map(
      (note) => `${id}: ${note}`,
    );
  });
  const all = [...comparison.notes, ...own, ...comparison.assumptions];
  if (all.length === 0) return '';
  const shown = all.slice(0, MOST_NOTES).map((note) => hanging(printable(note), columns, '  - '));
  const rest = all.length > MOST_NOTES ? `  and ${all.length - MOST_NOTES} more (--json)\n` : '';
  return `\nnotes\n${shown.join('')}${rest}`;
}
