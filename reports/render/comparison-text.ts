/** A Report as text: of one capture its diagnosis, of two what is different and both diagnoses. */
import { ANSWER_WORDS, causeRows, differenceText, JUDGED_WORDS, rowTexts } from '../compared.ts';
import { visible } from '../display.ts';
import { toDiagnosis } from '../parts.ts';
import type { Report } from '../schema/report.ts';
import { NBSP, SCREEN_COLUMNS, tableLines, wrap } from '../terminal.ts';
import { counterfactualMarkdown } from './counterfactual-markdown.ts';
import { bullets, renderDiagnosisMarkdown, section, table, text } from './diagnosis-markdown.ts';
import { renderDiagnosisText } from './diagnosis-text.ts';

type Compared = NonNullable<Report['comparison']>;

/** `columns`: of the terminal. */
export function renderReportText(report: Report, columns: number = SCREEN_COLUMNS): string {
  const { comparison } = report;
  return comparison === undefined
    ? renderDiagnosisText(toDiagnosis(report), columns)
    : comparisonText(report, comparison, columns);
}

function comparisonText(report: Report, comparison: Compared, columns: number): string {
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
    ...wrap(comparison.sentence, columns),
    ...wrap(comparison.detail, columns),
    '',
    ...wrap(verdictText('Before', comparison.before.diagnosis.verdict), columns),
    ...wrap(verdictText('After', report.diagnosis.verdict), columns),
    '',
    ...(setup.length === 0 ? [] : ['Not the same in both', ...setup, '']),
    ...tableLines(['', 'before', 'after', 'difference', ''], rows, {
      isNumeric: (column) => column > 0 && column < 4,
    }),
    '',
    ...comparison.reasons.flatMap((why) => wrap(why, columns)),
  ];
  return `${lines.join('\n').replaceAll(NBSP, ' ')}\n`;
}

function verdictText(side: string, verdict: Report['diagnosis']['verdict']): string {
  const likely = verdict.most_likely === undefined ? '' : 'most likely: ';
  return `${side}: ${likely}${verdict.title} (confidence ${verdict.confidence.toFixed(2)})`;
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
