/** The first screen of two captures: did it help, by how much, and what became worse. */
import {
  ANSWER_WORDS,
  type ComparedRow,
  causeRows,
  differenceText,
  JUDGED_WORDS,
  rowTexts,
} from '../compared.ts';
import { anchor, CONFIDENCE_WORDS, firstSentences, SEVERITY_WORDS } from '../display.ts';
import type { ReportComparison } from '../schema/comparison.ts';
import type { Report, ReportSubject } from '../schema/report.ts';
import { formatNumber, formatQuantity, formatSeconds } from '../units.ts';
import { element, escapeHtml } from './markup.ts';

type Pair = { readonly before: ReportSubject; readonly after: ReportSubject };
type Compared = NonNullable<Report['comparison']>;

const SIDES = ['before', 'after'] as const;
const WORDS = { before: 'Before', after: 'After' } as const;

function subjects(report: Report): Pair & { readonly comparison: Compared } {
  const { comparison } = report;
  if (comparison === undefined) throw new Error('internal error: a report of one capture');
  return { comparison, before: comparison.before, after: report };
}

/** Both inputs in the line at the top. */
export function pairFacts(report: Report): string {
  const pair = subjects(report);
  const items = SIDES.map((side) => {
    const { input } = pair[side];
    const facts = [
      input.kernel === undefined ? input.format : `Linux ${input.kernel}`,
      formatQuantity(input.duration_ns, 'ns'),
      `${formatNumber(input.events)} events`,
    ].join(', ');
    return (
      `<li><span class="side side-${side}">${WORDS[side]}</span> ` +
      `${element('span', ' class="file"', input.name, 60)} ${element('span', '', facts, 120)}</li>`
    );
  });
  const brand = element('span', ' class="brand"', report.generator.name, 40);
  return `${brand}<ul class="pair">${items.join('')}</ul>`;
}

export function pairBanner(report: Report): string {
  const pair = subjects(report);
  const lost = SIDES.filter((side) => pair[side].quality.lost_events > 0);
  const [from, to] = report.window_ns;
  const parts: string[] = [];
  if (lost.length > 0) {
    const said = lost.map((side) => {
      const { lost_events, events } = pair[side].quality;
      const kept = events.reduce((sum, { count }) => sum + count, 0);
      const share = (100 * lost_events) / Math.max(1, lost_events + kept);
      const part = formatNumber(Number(share.toPrecision(3)));
      return `${formatNumber(lost_events)} events (${part}%) of the capture ${side}`;
    });
    parts.push(
      '<p class="banner" role="note"><strong>Events were lost:</strong> ' +
        `${escapeHtml(said.join(' and '))}. Sums of that capture are lower ends. ` +
        `<a href="#capture-quality-${lost[0]}">What that means</a></p>\n`,
    );
  }
  if (pair.comparison.is_part) {
    const text =
      `Charts and lists show ${formatSeconds(from, 2)} to ${formatSeconds(to, 2)} s of the ` +
      'common axis; what is said about the two is about all of both.';
    parts.push(`<p class="banner" role="note">${escapeHtml(text)}</p>\n`);
  }
  return parts.join('');
}

const SETUP_SHOWN = 6;
/** What was turned on purpose stands first. */
const SETUP_ORDER: readonly ReportComparison['setup'][number]['kind'][] = [
  'knob',
  'work',
  'machine',
  'recording',
];

/** What was not the same, before anything is compared. */
function setup({ setup: all, answer }: ReportComparison): string {
  if (answer === 'same-capture') return '';
  if (all.length === 0) {
    const text = 'Kernel, machine, settings, work and lengths are the same, as far as recorded.';
    return `<p class="setup">${text}</p>`;
  }
  const sorted = all.toSorted((a, b) => SETUP_ORDER.indexOf(a.kind) - SETUP_ORDER.indexOf(b.kind));
  const items = sorted
    .slice(0, SETUP_SHOWN)
    .map(
      ({ name, before, after }) =>
        `<li>${element('b', '', name, 80)} ${element('span', '', before, 90)} → ` +
        `${element('span', '', after, 90)}</li>`,
    );
  const more = all.length - items.length;
  const rest =
    more > 0 ? `<li><a href="#all-differences">and ${formatNumber(more)} more</a></li>` : '';
  return `<div class="setup"><h2>Not the same in both</h2><ul>${items.join('')}${rest}</ul></div>`;
}

/** What each capture is judged to be, side by side. */
function verdicts(pair: Pair): string {
  const cards = SIDES.map((side) => {
    const { diagnosis, headline } = pair[side];
    const { root_cause, severity, most_likely, title, confidence } = diagnosis.verdict;
    const isCalm = root_cause === 'none';
    const word = isCalm ? 'No stall' : SEVERITY_WORDS[severity];
    const likely = most_likely === undefined ? '' : 'Most likely: ';
    const trust = `${CONFIDENCE_WORDS[headline.confidence]} (${confidence.toFixed(2)})`;
    return (
      `<div class="side-${side}"><p><span class="side">${WORDS[side]}</span>` +
      `<span class="chip severity-${isCalm ? 'none' : severity}">${word}</span>` +
      `${element('strong', '', `${likely}${title}`, 90)}` +
      `<span class="aside">${escapeHtml(trust)}</span></p>` +
      `${element('p', '', headline.sentence, 260)}</div>`
    );
  });
  return `<div class="verdicts">${cards.join('')}</div>`;
}

/** One row: the name, both values, the difference, and what is to be thought of it. */
function row(entry: ComparedRow): string {
  const { name, judged, basis } = entry;
  const [before, after] = rowTexts(entry);
  const { sign, word, meaning } = JUDGED_WORDS[judged];
  const title = basis === '' ? meaning : `${meaning} ${basis}`;
  return (
    `<tr><th scope="row">${element('span', '', name, 100)}</th>` +
    `<td class="number">${escapeHtml(before)}</td>` +
    `<td class="number">${escapeHtml(after)}</td>` +
    `<td class="number">${escapeHtml(differenceText(entry))}</td>` +
    `<td><span class="judged judged-${judged}" title="${escapeHtml(title)}">` +
    `<span aria-hidden="true">${sign}</span> ${word}</span></td></tr>`
  );
}

function group(rows: readonly ComparedRow[]): string {
  return rows.length === 0 ? '' : `<tbody>${rows.map(row).join('')}</tbody>`;
}

function table(comparison: ReportComparison): string {
  const heads = SIDES.map(
    (side) =>
      `<th scope="col" class="number"><span class="side side-${side}">${WORDS[side]}</span></th>`,
  ).join('');
  const keys = comparison.numbers.filter(({ is_key }) => is_key);
  const groups = [...new Set(keys.map((entry) => entry.group))];
  return (
    '<div class="compared"><table><thead><tr><td></td>' +
    `${heads}<th scope="col" class="number">Difference</th><td></td></tr></thead>` +
    group(causeRows(comparison).filter(({ is_key }) => is_key)) +
    groups.map((name) => group(keys.filter((entry) => entry.group === name))).join('') +
    '</table></div>'
  );
}

export function comparisonVerdict(report: Report): string {
  const pair = subjects(report);
  const { comparison } = pair;
  const { word, tone } = ANSWER_WORDS[comparison.answer];
  return [
    report.title === undefined ? '' : element('p', ' class="author"', report.title, 300),
    `<p class="eyebrow"><span class="chip tone-${tone}">${word}</span>` +
      '<strong>After against before</strong><span>one run of each</span></p>',
    element('h1', ' id="verdict" tabindex="-1"', comparison.sentence, 600),
    report.note === undefined ? '' : element('p', ' class="note"', report.note, 2000),
    comparison.detail === '' ? '' : element('p', ' class="detail-line"', comparison.detail, 600),
    setup(comparison),
    verdicts(pair),
    comparison.answer === 'same-capture' ? '' : table(comparison),
  ].join('\n');
}

/** What a section says of each, in the list of sections. */
export function twoAnswers(summaries: readonly [string, string]): string {
  const lines = SIDES.map(
    (side, at) =>
      `<span class="side side-${side}" title="${WORDS[side]}"></span>` +
      `${element('span', '', summaries[at] ?? '', 150, firstSentences)}`,
  );
  return `<span class="answer">${lines.join('<br>')}</span>`;
}

/** What the comparison rests on. */
export function comparisonTrust(report: Report): string {
  const { comparison } = subjects(report);
  const reasons = [...comparison.reasons, comparison.alignment.sentence];
  const items = reasons.map((why) => element('li', '', why, 500)).join('');
  const hidden = report.redacted ? '<p>Names in this report were replaced.</p>' : '';
  return (
    `<div class="trust"><h2>What this rests on</h2><ul>${items}</ul>` +
    `<p><a href="#${anchor('numbers')}">All numbers with what each rests on</a></p>${hidden}</div>`
  );
}
