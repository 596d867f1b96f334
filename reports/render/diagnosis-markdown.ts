/** Diagnosis → Markdown for a postmortem document or a ticket. */

import { thousands } from '../../src/trace/wording.ts';
import { visible } from '../display.ts';
import type { DiagnosisDocument, DiagnosisFinding } from '../schema/diagnosis.ts';
import { formatQuantity, formatSeconds } from '../units.ts';
import { counted, culpritText, doubts } from './diagnosis-text.ts';

/** For a ticket or a postmortem: names from the capture are escaped. */
export function renderDiagnosisMarkdown(document: DiagnosisDocument): string {
  const { verdict, findings, input } = document;
  const named = findings.find(({ id }) => id === (verdict.most_likely ?? verdict.root_cause));
  const parts = [
    `## ${text(verdict.title)}`,
    text(verdict.summary),
    facts(document),
    ...(named === undefined ? [] : detail(named, document)),
    others(findings, named),
    quality(document),
    `_${text(input.name)}, ${text(input.format)}; tidemark ${document.generator.version}._`,
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

/** Names from a trace must not become markup: everything that Markdown reads is escaped. */
export function text(value: string): string {
  return (
    visible(value)
      .replace(/[\\`*_{}[\]<>|~&$]/g, (char) => `\\${char}`)
      // At the beginning of a line: headings, lists, underlines of headings.
      .replace(/^(\s*)([#+=-])/, '$1\\$2')
      .replace(/^(\s*\d+)([.)])/, '$1\\$2')
  );
}

/** In code spans nothing is read but the backtick. */
function code(value: string): string {
  return `\`${visible(value).replaceAll('`', 'ˋ')}\``;
}

function facts({ verdict }: DiagnosisDocument): string {
  const likely =
    verdict.most_likely === undefined ? '' : ` (most likely ${code(verdict.most_likely)})`;
  const rows = [
    ['Root cause', `${code(verdict.root_cause)}${likely}`],
    ['Severity', verdict.severity],
    ['Confidence', verdict.confidence.toFixed(2)],
    ['Time lost', formatQuantity(verdict.time_lost_s, 's')],
    ['Window', windowText(verdict.window_ns)],
    ['bdi', verdict.bdi === undefined ? '–' : code(verdict.bdi)],
  ];
  return table(['', ''], rows);
}

function windowText(window: DiagnosisDocument['verdict']['window_ns']): string {
  if (window === null) return '–';
  return `${formatSeconds(window[0])} s to ${formatSeconds(window[1])} s`;
}

function detail(finding: DiagnosisFinding, { verdict }: DiagnosisDocument): string[] {
  const victims = finding.victims.map(({ comm, pid, bdi, time_lost_s, stalls }) => [
    `${text(comm)} (pid ${pid})`,
    bdi === undefined ? '–' : code(bdi),
    formatQuantity(time_lost_s, 's'),
    String(stalls),
  ]);
  const numbers = finding.numbers.map(({ name, value, unit, relation, threshold, source }) => [
    text(name),
    value === null ? '?' : formatQuantity(value, unit),
    threshold === null ? '' : `${text(relation)} ${formatQuantity(threshold, unit)}`,
    text(source),
  ]);
  const advice = finding.advice.map(({ text: what, command, predicted, unpredicted }) => {
    const why = unpredicted === undefined ? '' : ` Not predicted: ${text(unpredicted)}.`;
    const effect = predicted === undefined ? why : ` Predicted: ${text(predicted)}.`;
    return `1. ${text(what)}${effect}${command === undefined ? '' : `\n   ${code(command)}`}`;
  });
  const against = doubts(finding, verdict.confidence_reasons);
  return [
    section(
      'Who waited',
      victims.length > 0 ? table(['Task', 'bdi', 'Lost', 'Waits'], victims) : '',
    ),
    section(
      'What is behind it',
      bullets(finding.culprits.map((entry) => text(culpritText(entry)))),
    ),
    section(
      'Numbers',
      numbers.length > 0 ? table(['Number', 'Value', 'Against', 'Source'], numbers) : '',
    ),
    section('Evidence', evidence(finding)),
    section('Doubts', bullets(against.map(text))),
    section('What to do', advice.join('\n')),
    section('See also', bullets(finding.links.map(text))),
  ];
}

function evidence({ evidence: rows }: DiagnosisFinding): string {
  if (rows.length === 0) return '';
  const lines = rows.map(({ ts_ns, text: line }) => `${formatSeconds(ts_ns, 6)} ${visible(line)}`);
  return ['```', ...lines.map((line) => line.replaceAll('```', 'ˋˋˋ')), '```'].join('\n');
}

function others(
  findings: readonly DiagnosisFinding[],
  named: DiagnosisFinding | undefined,
): string {
  const rows = findings
    .filter((finding) => finding !== named && finding.status !== 'off')
    .map(({ id, status, summary }) => [code(id), status, text(summary)]);
  return rows.length === 0
    ? ''
    : section('Everything that was checked', table(['Cause', 'Status', ''], rows));
}

function quality({ quality: state, next_capture, verdict }: DiagnosisDocument): string {
  const lines = [
    `${counted(state.lost_events, 'event')} lost`,
    ...(state.checks === 0
      ? []
      : [
          `${thousands(state.checks_exact)} of ${counted(state.checks, 'number')} ` +
            'of the kernel obey its laws to the last unit',
        ]),
    ...state.diagnostics.map(({ message }) => text(message)),
    ...next_capture.reasons.map(text),
  ];
  const again =
    verdict.root_cause === 'inconclusive' || next_capture.reasons.length > 0
      ? `\n\nRecord next time:\n\n\`\`\`sh\n${next_capture.command}\n\`\`\``
      : '';
  return section('Data', `${bullets(lines)}${again}`);
}

export function section(title: string, body: string): string {
  return body === '' ? '' : `### ${title}\n\n${body}`;
}

export function bullets(lines: readonly string[]): string {
  return lines.map((line) => `- ${line}`).join('\n');
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
