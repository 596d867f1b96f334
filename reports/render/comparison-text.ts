/** A Report as text: of one capture its diagnosis, of two what is different and both diagnoses. */
import { ANSWER_WORDS, causeRows, differenceText, JUDGED_WORDS, rowTexts } from '../compared.ts';
import { visible } from '../display.ts';
import { toDiagnosis } from '../parts.ts';
import type { Report } from '../schema/report.ts';
import { counterfactualMarkdown } from './counterfactual-markdown.ts';
import { bullets, renderDiagnosisMarkdown, section, table, text } from './diagnosis-markdown.ts';
import { renderDiagnosisText, wrap } from './diagnosis-text.ts';

type Compared = NonNullable<Report['comparison']>;

const WIDTH = 98;
const NBSP = '\u00a0';

export function renderReportText(report: Report): string {
  const { comparison } = report;
  return comparison === undefined
    ? renderDiagnosisText(toDiagnosis(report))
    : comparisonText(report, comparison);
}

function comparisonText(report: Report, comparison: Compared): string {
  const { word } = ANSWER_WORDS[comparison.answer];
  const setup = comparison.setup.map(
    ({ name, before, after }) => `  ${visible(`${name}: ${before} → ${after}`)}`,
  );
  const keys = [...causeRows(comparison), ...comparison.numbers].filter(({ is_key }) => is_key);
  const rows = keys.map((entry) => [
    visible(entry.name),
    ...rowTexts(entry),
    differenceText(entry),
    JUDGED_WORDS[entry.judged].word,
  ]);
  const lines = [
    word,
    '',
    ...wrap(visible(comparison.sentence), WIDTH),
    ...wrap(visible(comparison.detail), WIDTH),
    '',
    ...verdictLine('Before', comparison.before.diagnosis.verdict),
    ...verdictLine('After', report.diagnosis.verdict),
    '',
    ...(setup.length === 0 ? [] : ['Not the same in both', ...setup, '']),
    ...columns([['', 'before', 'after', 'difference', ''], ...rows]),
    '',
    ...comparison.reasons.flatMap((why) => wrap(visible(why), WIDTH)),
  ];
  return `${lines.join('\n').replaceAll(NBSP, ' ')}\n`;
}

function verdictLine(side: string, verdict: Report['diagnosis']['verdict']): string[] {
  const likely = verdict.most_likely === undefined ? '' : 'most likely: ';
  const sure = `confidence ${verdict.confidence.toFixed(2)}`;
  return wrap(`${side}: ${likely}${visible(verdict.title)} (${sure})`, WIDTH);
}

/** Names to the left, values to the right, under each other. */
function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = [0, 1, 2, 3, 4].map((at) =>
    Math.max(...rows.map((row) => (row[at] ?? '').length)),
  );
  return rows.map((row) =>
    row
      .map((cell, at) => {
        const width = widths[at] ?? 0;
        return at === 0 || at === 4 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd(),
  );
}

/** A chart that Markdown shows: its title, and where it lies, as a URL relative to the text. */
export type ChartLink = { readonly title: string; readonly href: string };

export function renderReportMarkdown(report: Report, charts: readonly ChartLink[] = []): string {
  const pictures = charts.map(({ title, href }) => `![${text(title)}](${href})`);
  const body = reportMarkdown(report);
  return pictures.length === 0 ? body : `${body}\n### Charts\n\n${pictures.join('\n\n')}\n`;
}

function reportMarkdown(report: Report): string {
  const { comparison } = report;
  const after = renderDiagnosisMarkdown(toDiagnosis(report));
  if (comparison === undefined) {
    const others = counterfactualMarkdown(report);
    return others === '' ? after : `${after}\n${others}\n`;
  }
  const { before } = comparison;
  const whole = { ...report, ...before };
  return [
    comparisonMarkdown(comparison),
    `# Before: ${text(before.input.name)}`,
    renderDiagnosisMarkdown(toDiagnosis(whole)).trimEnd(),
    `# After: ${text(report.input.name)}`,
    after,
  ].join('\n\n');
}

function comparisonMarkdown(comparison: Compared): string {
  const { word } = ANSWER_WORDS[comparison.answer];
  const setup = comparison.setup.map(({ name, before, after }) => [name, before, after].map(text));
  const numbers = [...causeRows(comparison), ...comparison.numbers].map((entry) => [
    text(entry.name),
    ...rowTexts(entry),
    differenceText(entry),
    JUDGED_WORDS[entry.judged].word,
    text(entry.basis),
  ]);
  const heads = ['', 'Before', 'After', 'Difference', '', 'Rests on'];
  return [
    `# ${word}: after against before`,
    text(comparison.sentence),
    text(comparison.detail),
    section(
      'Not the same in both',
      setup.length === 0 ? '' : table(['', 'Before', 'After'], setup),
    ),
    section('Numbers', numbers.length === 0 ? '' : table(heads, numbers)),
    section('What this rests on', bullets(comparison.reasons.map(text))),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}
