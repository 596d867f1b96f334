/** Diagnosis → a terminal: the answer, its proof and what to do, on one screen of 40 lines. */

import { shorten, visible } from '../display.ts';
import type { DiagnosisDocument, DiagnosisFinding } from '../schema/diagnosis.ts';
import { formatQuantity, formatSeconds, groupThousands } from '../units.ts';

const WIDTH = 98;
const LABEL = 13;
const LINES = 40;
const NBSP = '\u00a0';

export function renderDiagnosisText(document: DiagnosisDocument): string {
  const { verdict, findings } = document;
  const named = findings.find(({ id }) => id === (verdict.most_likely ?? verdict.root_cause));
  const before = [
    ...headline(document),
    '',
    ...(named === undefined
      ? row('Doubts', verdict.confidence_reasons.slice(0, 3))
      : [...proof(named, document), ...advice(named)]),
  ];
  const after = quality(document);
  // What was checked besides gives way first: it is in --json and --markdown as well.
  const between = others(document).slice(0, Math.max(0, LINES - before.length - after.length));
  const text = [...before, ...between, ...after].slice(0, LINES).join('\n');
  // Numbers stay with their units while lines are filled; a terminal is searched with spaces.
  return `${text.replaceAll(NBSP, ' ')}\n`;
}

function headline({ verdict }: DiagnosisDocument): string[] {
  const { title, root_cause, most_likely, severity, confidence } = verdict;
  const isOpen = most_likely !== undefined;
  // The summary of a guess begins with the same words.
  const summary = verdict.summary.replace(/^Most likely: /, '');
  return [
    isOpen ? `Inconclusive, most likely: ${title}` : title,
    `${isOpen ? `${root_cause}, most likely ${most_likely}` : root_cause}; ` +
      `severity ${severity}, confidence ${confidence.toFixed(2)}`,
    '',
    ...wrap(summary, WIDTH).slice(0, 4),
  ];
}

function proof(finding: DiagnosisFinding, { input, verdict }: DiagnosisDocument): string[] {
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
    ...row('Time lost', [lost]),
    ...list('Waited', finding.victims.map(victimText), 3),
    ...list('Behind it', finding.culprits.map(culpritText), 3),
    ...row(
      'Compared',
      finding.numbers.slice(0, 3).flatMap((entry) => wrap(comparisonText(entry), WIDTH - LABEL)),
    ),
    ...evidence(finding),
    ...row(
      'Doubts',
      doubts(finding, verdict.confidence_reasons)
        .slice(0, 3)
        .flatMap((text) => wrap(text, WIDTH - LABEL).slice(0, 2)),
    ),
  ];
}

/** Two rows: where to find them, and their first fields. */
function evidence({ evidence: rows }: DiagnosisFinding): string[] {
  const shown = rows.slice(0, 2).flatMap(({ ts_ns, text, table, row: at }) => {
    const task = visible(text.slice(0, Math.max(0, text.indexOf(` ${table}: `))));
    const fields = text.slice(text.indexOf(': ') + 2);
    return [
      `${formatSeconds(ts_ns, 6)} s ${task}: ${table}, row ${at}`,
      `  ${whole(visible(fields), WIDTH - LABEL - 2)}`,
    ];
  });
  const hidden = rows.length - 2;
  const more = hidden > 0 ? [`and ${hidden} more ${hidden === 1 ? 'row' : 'rows'}`] : [];
  return row('Evidence', [...shown, ...more]);
}

/** As many fields as fit: a number that is cut is another number. */
function whole(fields: string, width: number): string {
  if (fields.length <= width) return fields;
  const end = fields.lastIndexOf(' ', width - 2);
  return end <= 0 ? shorten(fields, width) : `${fields.slice(0, end)} …`;
}

function advice(finding: DiagnosisFinding): string[] {
  const shown = finding.advice
    .slice(0, 2)
    .flatMap(({ text, command, predicted }) => [
      ...wrap(text, WIDTH - LABEL),
      ...(command === undefined ? [] : shell(command)),
      ...(predicted === undefined
        ? []
        : wrap(`Predicted: ${predicted}.`, WIDTH - LABEL - 2).map((line) => `  ${line}`)),
    ]);
  return row('Do', shown);
}

/** A command that can be pasted: lines that go on end with a backslash. */
function shell(command: string): string[] {
  const lines = wrap(command.replaceAll(' -e ', ` -e${NBSP}`), WIDTH - LABEL - 6);
  return lines.map((line, nth) => {
    const head = nth === 0 ? '  $ ' : '      ';
    return `${head}${line}${nth === lines.length - 1 ? '' : ' \\'}`;
  });
}

function others({ verdict, findings }: DiagnosisDocument): string[] {
  const named = verdict.most_likely ?? verdict.root_cause;
  const found = findings.filter(({ id, status }) => status === 'found' && id !== named);
  const ids = (status: DiagnosisFinding['status']) =>
    findings.filter((finding) => finding.status === status).map(({ id }) => id);
  return [
    ...list('Also found', found.map(alsoText), 3),
    ...names('Failed', ids('error')),
    ...names('Unknown', ids('unknown')),
    ...names('Clear', [...ids('clear'), ...ids('not-applicable')]),
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

function quality({ quality: state, next_capture, verdict, input }: DiagnosisDocument): string[] {
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
  const lines = row('Data', wrap(events, WIDTH - LABEL));
  const isOpen = verdict.root_cause === 'inconclusive' || state.lost_events > 0;
  const isUnsure = verdict.root_cause === 'none' && verdict.confidence < 0.8;
  if (!isOpen && !isUnsure) return lines;
  const command = shell(next_capture.command).map((line) => line.slice(2));
  return [...lines, ...row('Next time', command)];
}

/** `1 event`, `38,773 events`. */
export function counted(n: number, noun: string): string {
  return `${groupThousands(String(n))} ${n === 1 ? noun : `${noun}s`}`;
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
  return `${NOUNS[kind]}${name} ${verb} ${size} (${(100 * share).toFixed(0)}%)`;
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
    .map(({ question, seen }) => `${question} ${seen.charAt(0).toUpperCase()}${seen.slice(1)}.`);
  return [...new Set([...against, ...finding.confidence_reasons, ...reasons])];
}

/** The first of several, and how many more there are. */
function list(label: string, texts: readonly string[], most: number): string[] {
  const hidden = texts.length - most;
  // Instead of "and 1 more" stands that one.
  const shown = hidden === 1 ? texts : texts.slice(0, most);
  return row(label, [...shown, ...(hidden > 1 ? [`and ${hidden} more`] : [])]);
}

/** Ids on at most two lines. */
function names(label: string, ids: readonly string[]): string[] {
  if (ids.length === 0) return [];
  const lines = wrap(ids.join(', '), WIDTH - LABEL);
  if (lines.length <= 2) return row(label, lines);
  const shown = lines.slice(0, 2).join(' ').replace(/,$/, '').split(', ');
  let count = shown.length;
  const text = () => `${ids.slice(0, count).join(', ')} and ${ids.length - count} more`;
  while (count > 1 && wrap(text(), WIDTH - LABEL).length > 2) count--;
  return row(label, wrap(text(), WIDTH - LABEL));
}

/** A label, and what belongs to it in lines below each other. */
function row(label: string, texts: readonly string[]): string[] {
  return texts.map((text, index) => {
    const head = (index === 0 ? label : '').padEnd(LABEL);
    return `${head}${shorten(visible(text), WIDTH - LABEL)}`;
  });
}

/** Words that are longer than a line are shortened in the middle. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  // 146 MiB   3.2 ms
  const bound = visible(text).replace(/(\d) (?=(?:[KMGT]i)?B\b|[mµn]?s\b)/g, `$1${NBSP}`);
  for (const given of bound.split(' ')) {
    const word = shorten(given, width);
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return line === '' ? lines : [...lines, line];
}
