/** Diagnosis → a terminal: the answer, its proof and what to do, on one screen of 40 lines. */

import { capital, thousands } from '../../src/trace/wording.ts';
import { visible } from '../display.ts';
import type { DiagnosisDocument, DiagnosisFinding } from '../schema/diagnosis.ts';
import { NBSP, SCREEN_COLUMNS, wrap } from '../terminal.ts';
import { formatQuantity, formatSeconds } from '../units.ts';
import { LabelledRows } from './labelled-rows.ts';

const LINES = 40;

/** `columns`: of the terminal. A narrow one gets as many lines more as the same text needs. */
export function renderDiagnosisText(
  document: DiagnosisDocument,
  columns: number = SCREEN_COLUMNS,
): string {
  const { verdict, findings } = document;
  const rows = new LabelledRows(columns);
  const named = findings.find(({ id }) => id === (verdict.most_likely ?? verdict.root_cause));
  const before = [
    ...headline(document, columns),
    '',
    ...(named === undefined
      ? rows.row('Doubts', verdict.confidence_reasons.slice(0, 3))
      : [...proof(named, document, rows), ...advice(named, rows)]),
  ];
  const after = quality(document, rows);
  const most = Math.ceil((LINES * SCREEN_COLUMNS) / columns);
  // What was checked besides gives way first: it is in --json and --markdown as well.
  const between = others(document, rows).slice(0, Math.max(0, most - before.length - after.length));
  const text = [...before, ...between, ...after].slice(0, most).join('\n');
  // Numbers stay with their units while lines are filled; a terminal is searched with spaces.
  return `${text.replaceAll(NBSP, ' ')}\n`;
}

function headline({ verdict }: DiagnosisDocument, columns: number): string[] {
  const { title, root_cause, most_likely, severity, confidence } = verdict;
  const isOpen = most_likely !== undefined;
  // The summary of a guess begins with the same words.
  const summary = verdict.summary.replace(/^Most likely: /, '');
  const cause = isOpen ? `${root_cause}, most likely ${most_likely}` : root_cause;
  return [
    ...wrap(isOpen ? `Inconclusive, most likely: ${title}` : title, columns),
    ...wrap(`${cause}; severity ${severity}, confidence ${confidence.toFixed(2)}`, columns),
    '',
    ...wrap(summary, columns),
  ];
}

function proof(
  finding: DiagnosisFinding,
  { input, verdict }: DiagnosisDocument,
  rows: LabelledRows,
): string[] {
  // An excerpt of a mail lasts milliseconds.
  const digits = input.duration_ns < 1e9 ? 4 : 2;
  const seconds = (ns: number) => `${formatSeconds(ns, digits)} s`;
  const [from, to] = finding.window_ns ?? [0, 0];
  const when = `from ${seconds(from)} to ${seconds(to)} of ${seconds(input.duration_ns)}`;
  const lost =
    finding.time_lost_s > 0
      ? `${formatQuantity(finding.time_lost_s, 's')}, summed over tasks; ${when}`
      : `none that tasks were seen to lose; ${when}`;
  return [
    ...rows.row('Time lost', [lost]),
    ...rows.list('Waited', finding.victims.map(victimText), 3),
    ...rows.list('Behind it', finding.culprits.map(culpritText), 3),
    ...rows.row('Compared', finding.numbers.slice(0, 3).map(comparisonText)),
    ...evidence(finding, rows),
    ...rows.row('Doubts', doubts(finding, verdict.confidence_reasons).slice(0, 3)),
  ];
}

/** Two rows: where to find them, and their first fields. */
function evidence({ evidence: all }: DiagnosisFinding, rows: LabelledRows): string[] {
  const shown = all.slice(0, 2).flatMap(({ ts_ns, text, table, row: at }) => {
    const task = visible(text.slice(0, Math.max(0, text.indexOf(` ${table}: `))));
    const fields = text.slice(text.indexOf(': ') + 2);
    return [
      ...rows.fill(`${formatSeconds(ts_ns, 6)} s ${task}: ${table}, row ${at}`),
      rows.fields(visible(fields)),
    ];
  });
  const hidden = all.length - 2;
  const more = hidden > 0 ? [`and ${hidden} more ${hidden === 1 ? 'row' : 'rows'}`] : [];
  return rows.lines('Evidence', [...shown, ...more]);
}

function advice(finding: DiagnosisFinding, rows: LabelledRows): string[] {
  const shown = finding.advice
    .slice(0, 2)
    .flatMap(({ text, command, predicted }) => [
      ...rows.fill(text),
      ...(command === undefined ? [] : rows.shell(command)),
      ...(predicted === undefined ? [] : rows.fill(`Predicted: ${predicted}.`, '  ')),
    ]);
  return rows.lines('Do', shown);
}

function others({ verdict, findings }: DiagnosisDocument, rows: LabelledRows): string[] {
  const named = verdict.most_likely ?? verdict.root_cause;
  const found = findings.filter(({ id, status }) => status === 'found' && id !== named);
  const ids = (status: DiagnosisFinding['status']) =>
    findings.filter((finding) => finding.status === status).map(({ id }) => id);
  return [
    ...rows.list('Also found', found.map(alsoText), 3),
    ...rows.names('Failed', ids('error')),
    ...rows.names('Unknown', ids('unknown')),
    ...rows.names('Clear', [...ids('clear'), ...ids('not-applicable')]),
  ];
}

function alsoText({
  id,
  severity,
  time_lost_s,
  claimed_s,
  explained_by,
  summary,
}: DiagnosisFinding) {
  const all = formatQuantity(claimed_s, 's');
  if (explained_by !== undefined) return `${id}: its ${all} follow from ${explained_by}`;
  if (claimed_s === 0) return `${id} (${severity}): ${summary}`;
  return `${id} (${severity}, ${formatQuantity(time_lost_s, 's')})`;
}

function quality(
  { quality: state, next_capture, verdict, input }: DiagnosisDocument,
  rows: LabelledRows,
): string[] {
  const lost =
    state.lost_events === 0
      ? 'none lost'
      : `${counted(state.lost_events, 'event')} lost (${(100 * state.lost_share).toPrecision(3)}%)`;
  const share = (100 * state.checks_exact) / Math.max(1, state.checks);
  const checks =
    state.checks === 0
      ? ''
      : `; ${Math.floor(10 * share) / 10}% of ${counted(state.checks, 'number')} of the kernel ` +
        'obey its laws to the last unit';
  const kernel = input.kernel === undefined ? '' : `, Linux ${input.kernel}`;
  const events = `${counted(input.events, 'event')}${kernel}; ${lost}${checks}`;
  const lines = rows.row('Data', [events]);
  const isOpen = verdict.root_cause === 'inconclusive' || state.lost_events > 0;
  const isUnsure = verdict.root_cause === 'none' && verdict.confidence < 0.8;
  if (!isOpen && !isUnsure) return lines;
  const command = rows.shell(next_capture.command).map((line) => line.slice(2));
  return [...lines, ...rows.lines('Next time', command)];
}

/** `1 event`, `38,773 events`. */
export function counted(n: number, noun: string): string {
  return `${thousands(n)} ${n === 1 ? noun : `${noun}s`}`;
}

function victimText(victim: DiagnosisFinding['victims'][number]): string {
  const { comm, pid, bdi, cgroup, time_lost_s, stalls } = victim;
  const where = bdi === undefined ? '' : ` on ${bdi}`;
  const group = cgroup === undefined || cgroup === '1' ? '' : `, cgroup ${cgroup}`;
  const waits = counted(stalls, 'wait');
  return `${comm} (pid ${pid})${where}${group}: ${formatQuantity(time_lost_s, 's')} in ${waits}`;
}

const NOUNS: Readonly<Record<DiagnosisFinding['culprits'][number]['kind'], string>> = {
  task: '',
  cgroup: 'cgroup ',
  inode: '',
  bdi: 'bdi ',
  device: 'device ',
  server: '',
  setting: '',
  kernel: '',
};

/** `fio (pid 812) dirtied 900 MiB (100%)`, `device 7:0`, `vm.dirty_bytes = 8 MiB`. */
export function culpritText({ kind, name, bytes, share }: DiagnosisFinding['culprits'][number]) {
  if (bytes === undefined) return `${NOUNS[kind]}${name}`;
  const size = formatQuantity(bytes, 'bytes');
  if (share === undefined) return `${NOUNS[kind]}${name}: ${size}`;
  const verb = kind === 'task' ? 'dirtied' : kind === 'inode' ? 'took' : 'had';
  return `${NOUNS[kind]}${name} ${verb} ${size} (${wholePercent(share)})`;
}

/** Whole percents; only what is all is 100%, and only what is nothing is 0%. */
function wholePercent(share: number): string {
  const whole = Math.round(100 * share);
  const isOther = (whole === 100 && share < 1) || (whole === 0 && share > 0);
  return isOther ? formatQuantity(100 * share, 'percent') : `${whole}%`;
}

/** `limit (median): 8 MiB`, `drain time: 25.7 ms < 1 s`; a 0 takes the unit of what it is beside. */
function comparisonText(entry: DiagnosisFinding['numbers'][number]): string {
  const { name, value, unit, relation, threshold } = entry;
  const text = (number: number | null) => (number === null ? '?' : formatQuantity(number, unit));
  const against = threshold === null ? '' : ` ${relation} ${text(threshold)}`;
  return `${name}: ${text(value)}${against}`;
}

export function doubts(finding: DiagnosisFinding, reasons: readonly string[]): string[] {
  const against = finding.counter_evidence
    .filter(({ result }) => result !== 'for')
    .map(({ question, seen }) => `${question} ${capital(seen)}.`);
  return [...new Set([...against, ...finding.confidence_reasons, ...reasons])];
}
