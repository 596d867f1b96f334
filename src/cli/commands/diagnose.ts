/** `tidemark diagnose`: the cause, its evidence and what to do. */
import { renderDiagnosisMarkdown } from '../../../reports/render/diagnosis-markdown.ts';
import { renderDiagnosisText } from '../../../reports/render/diagnosis-text.ts';
import { diagnose as findCause } from '../../findings/diagnose.ts';
import { keepUnlessUnread } from '../../findings/unread-events.ts';
import { ORDER } from '../../findings/verdict.ts';
import { openCapture } from '../capture.ts';
import { DiagnoseOptions, parseOptions } from '../config.ts';
import { readDiagnosisConfig } from '../diagnosis-config.ts';
import { type Io, screenColumns } from '../io.ts';
import { documentOf } from '../report/diagnosis-document.ts';

/** True when what --fail-on names was found. */
export async function diagnose(file: string, raw: unknown, io: Io): Promise<boolean> {
  const options = parseOptions(DiagnoseOptions, raw);
  const choices = readDiagnosisConfig(options.config);
  const trace = await openCapture(file, options, io, keepUnlessUnread);
  const document = documentOf(file, findCause(trace, choices));
  if (options.json) io.out(`${JSON.stringify(document, undefined, 2)}\n`);
  else if (options.markdown) io.out(renderDiagnosisMarkdown(document));
  else io.out(renderDiagnosisText(document, screenColumns(io)));
  const { root_cause, severity } = document.verdict;
  if (options.failOn === undefined || root_cause === 'none') return false;
  return ORDER.indexOf(severity) >= ORDER.indexOf(options.failOn);
}
