/** Causes that were found, each with what it rests on; and those that were looked for in vain. */
import { capital } from '../../src/trace/wording.ts';
import { anchor, SEVERITY_WORDS, STATUS_WORDS, visible } from '../display.ts';
import type { ReportCause, ReportSide, ReportSubject } from '../schema/report.ts';
import { formatNumber, formatQuantity } from '../units.ts';
import { el, named } from './dom.ts';
import { detailElement, type PlaceChart } from './section.ts';
import { type Cell, type Jumps, jumpButton, tableElement } from './tables.ts';

const RESULT_WORDS = { for: 'speaks for it', against: 'speaks against it', unknown: 'not known' };

/** Nothing in it is broken over two lines. */
const whole = (text: string): string => text.replaceAll(' ', '\u00a0');

function comparisons({ numbers }: ReportCause): HTMLElement[] {
  if (numbers.length === 0) return [];
  const rows = numbers.map(({ name, value, unit, relation, threshold, source }): Cell[] => [
    { text: name, long: true },
    { text: value === null ? '?' : formatQuantity(value, unit), numeric: true, raw: String(value) },
    {
      text: threshold === null ? '' : whole(`${relation} ${formatQuantity(threshold, unit)}`),
    },
    { text: source, long: true },
  ]);
  const heads = [
    { text: 'Number' },
    { text: 'Value', numeric: true },
    { text: 'Against' },
    { text: 'Where it comes from' },
  ];
  return [el('h4', {}, 'Numbers that decide'), tableElement('Numbers that decide', heads, rows)];
}

function victims({ victims: list }: ReportCause): HTMLElement[] {
  if (list.length === 0) return [];
  const rows = list.map(({ comm, pid, bdi, cgroup, time_lost_s, stalls }): Cell[] => [
    { text: comm },
    { text: String(pid), numeric: true },
    { text: bdi ?? '–' },
    { text: cgroup ?? '–' },
    { text: formatQuantity(time_lost_s, 's'), numeric: true },
    { text: formatNumber(stalls), numeric: true },
  ]);
  const heads = [
    { text: 'Task' },
    { text: 'PID', numeric: true },
    { text: 'bdi' },
    { text: 'cgroup' },
    { text: 'Lost', numeric: true },
    { text: 'Waits', numeric: true },
  ];
  return [el('h4', {}, 'Who waited'), tableElement('Who waited', heads, rows)];
}

function culprits({ culprits: list }: ReportCause): HTMLElement[] {
  if (list.length === 0) return [];
  const rows = list.map(({ kind, name, bytes, share }): Cell[] => [
    { text: kind },
    { text: name },
    { text: bytes === undefined ? '–' : formatQuantity(bytes, 'bytes'), numeric: true },
    { text: share === undefined ? '–' : formatQuantity(100 * share, 'percent'), numeric: true },
  ]);
  const heads = [
    { text: 'Kind' },
    { text: 'Name' },
    { text: 'Amount', numeric: true },
    { text: 'Share', numeric: true },
  ];
  return [el('h4', {}, 'What is behind it'), tableElement('What is behind it', heads, rows)];
}

function doubts({ counter_evidence, confidence_reasons }: ReportCause): HTMLElement[] {
  const items = [
    ...counter_evidence.map(({ question, seen, result }) =>
      el(
        'li',
        {},
        named('b', question, 300),
        ' ',
        named('span', capital(seen), 400),
        el('em', {}, ` (${RESULT_WORDS[result]})`),
      ),
    ),
    ...confidence_reasons.map((why) => named('li', why, 400)),
  ];
  if (items.length === 0) return [];
  return [el('h4', {}, 'What would have contradicted it'), el('ul', {}, ...items)];
}

function advice({ advice: list }: ReportCause): HTMLElement[] {
  if (list.length === 0) return [];
  const items = list.map(({ text, command, predicted, unpredicted }) => {
    const item = el('li', {}, named('span', text, 600));
    if (command !== undefined) item.append(el('pre', {}, named('code', command, 400)));
    if (predicted !== undefined) item.append(named('p', `→ ${predicted}`, 600));
    if (unpredicted !== undefined) {
      item.append(named('p', `Not predicted: ${unpredicted}`, 600, { class: 'aside' }));
    }
    return item;
  });
  return [el('h4', {}, 'What to change'), el('ul', {}, ...items)];
}

function links({ links: list }: ReportCause): HTMLElement[] {
  if (list.length === 0) return [];
  return [el('p', { class: 'aside' }, `See also: ${list.map(visible).join('; ')}.`)];
}

export type Around = {
  readonly report: ReportSubject;
  readonly place: PlaceChart;
  readonly view: Jumps;
  /** Of two captures the one that this is about. */
  readonly side?: ReportSide;
};

function body(cause: ReportCause, { report, place, view }: Around): HTMLElement[] {
  const evidence = report.evidence.filter(({ cause: id }) => id === cause.id);
  return [
    ...comparisons(cause),
    ...victims(cause),
    ...culprits(cause),
    ...doubts(cause),
    ...advice(cause),
    ...evidence.flatMap(({ details }) => details.map((one) => detailElement(one, place, view))),
    ...links(cause),
  ];
}

function foundElement(cause: ReportCause, isOpen: boolean, around: Around): HTMLElement {
  const { id, title, severity, summary, window_ns, time_lost_s, confidence, explained_by } = cause;
  const lost = time_lost_s > 0 ? `${formatQuantity(time_lost_s, 's')} lost` : 'no time of its own';
  const follows = explained_by === undefined ? '' : `, follows from ${visible(explained_by)}`;
  const head = el(
    'div',
    { class: 'finding-head' },
    el('span', { class: `chip severity-${severity}` }, SEVERITY_WORDS[severity]),
    named('h3', title, 160),
    el(
      'span',
      { class: 'aside' },
      `${lost}${follows}; confidence ${confidence?.toFixed(2) ?? '–'}`,
    ),
  );
  if (window_ns !== null)
    head.append(jumpButton('Show its window', window_ns, around.view, `Show its window: ${title}`));
  const details = el('details', {}, el('summary', {}, 'Evidence, numbers and advice'));
  const fill = () => {
    if (details.childElementCount === 1) details.append(...body(cause, around));
  };
  details.addEventListener('toggle', () => details.open && fill());
  if (isOpen) {
    fill();
    details.open = true;
  }
  return el(
    'section',
    {
      id: anchor(around.side === undefined ? id : `${around.side}-${id}`),
      class: 'cause',
      tabindex: '-1',
    },
    head,
    named('p', summary, 1000, { class: 'summary' }),
    details,
  );
}

const ORDER: readonly ReportCause['status'][] = [
  'error',
  'unknown',
  'clear',
  'not-applicable',
  'off',
];

function others(causes: readonly ReportCause[]): HTMLElement[] {
  if (causes.length === 0) return [];
  const sorted = causes.toSorted((a, b) => ORDER.indexOf(a.status) - ORDER.indexOf(b.status));
  const rows = sorted.map(({ status, title, summary }): Cell[] => [
    { text: `${STATUS_WORDS[status].sign} ${STATUS_WORDS[status].word}` },
    { text: title },
    { text: summary, long: true },
  ]);
  const heads = [{ text: 'Answer' }, { text: 'Cause' }, { text: 'Why' }];
  const say = (status: ReportCause['status'], word: string) => {
    const count = causes.filter((cause) => cause.status === status).length;
    return count === 0 ? [] : [`${count} ${word}`];
  };
  const counts = [
    ...say('clear', 'clear'),
    ...say('unknown', 'unknown'),
    ...say('not-applicable', 'not applicable'),
    ...say('error', 'failed'),
    ...say('off', 'switched off'),
  ];
  const summary = el('summary', {}, `Other causes that were checked: ${counts.join(', ')}`);
  return [el('details', {}, summary, tableElement('Other causes', heads, rows))];
}

function nextTime({ diagnosis }: ReportSubject): HTMLElement[] {
  const { reasons, command, samples } = diagnosis.next_capture;
  if (reasons.length === 0) return [];
  const commands = [command, ...(samples === undefined ? [] : [samples])];
  return [
    el(
      'details',
      {},
      el('summary', {}, 'What to record next time'),
      el('ul', {}, ...reasons.map((why) => named('li', why, 400))),
      ...commands.map((text) => el('pre', {}, named('code', text, 600))),
    ),
  ];
}

export function causesElement(around: Around): HTMLElement {
  const { report, side } = around;
  const { findings, verdict } = report.diagnosis;
  const named_id = verdict.most_likely ?? verdict.root_cause;
  const found = findings.filter(({ status }) => status === 'found');
  const id = side === undefined ? 'causes' : `causes-${side}`;
  const what = found.length > 0 ? 'What was found' : 'Nothing was found';
  return el(
    'section',
    { id, class: 'causes', 'aria-labelledby': `${id}-title`, tabindex: '-1' },
    el('h2', { id: `${id}-title` }, side === undefined ? what : `${what} ${side}`),
    ...(side === undefined ? [] : [named('p', verdict.summary, 1000, { class: 'summary' })]),
    ...found.map((cause) => foundElement(cause, cause.id === named_id, around)),
    ...others(findings.filter(({ status }) => status !== 'found')),
    ...nextTime(report),
  );
}
