/** `tidemark diagnose`: the cause, its evidence and what to do. */
import { buildDiagnosis } from '../../../reports/build-diagnosis.ts';
import type { DiagnosisDocument } from '../../../reports/diagnosis.ts';
import { renderDiagnosisMarkdown } from '../../../reports/render/diagnosis-markdown.ts';
import { renderDiagnosisText } from '../../../reports/render/diagnosis-text.ts';
import {
  type DiagnoseOptions as Choices,
  type Diagnosis,
  diagnose as findCause,
} from '../../findings/diagnose.ts';
import { lostShare } from '../../findings/run.ts';
import { keepUnlessUnread } from '../../findings/unread-events.ts';
import { ORDER } from '../../findings/verdict.ts';
import { lostEvents, type Trace, totalEvents } from '../../trace/trace.ts';
import { openCapture } from '../capture.ts';
import { DiagnoseOptions, parseOptions } from '../config.ts';
import { readDiagnosisConfig } from '../diagnosis-config.ts';
import { inputName } from '../input-name.ts';
import type { Io } from '../io.ts';
import { VERSION } from '../version.ts';

/** True when what --fail-on names was found. */
export async function diagnose(file: string, raw: unknown, io: Io): Promise<boolean> {
  const options = parseOptions(DiagnoseOptions, raw);
  const choices = readDiagnosisConfig(options.config);
  const trace = await openCapture(file, options, io, keepUnlessUnread);
  const document = makeDiagnosis(file, trace, choices);
  if (options.json) io.out(`${JSON.stringify(document, undefined, 2)}\n`);
  else if (options.markdown) io.out(renderDiagnosisMarkdown(document));
  else io.out(renderDiagnosisText(document));
  const { root_cause, severity } = document.verdict;
  if (options.failOn === undefined || root_cause === 'none') return false;
  return ORDER.indexOf(severity) >= ORDER.indexOf(options.failOn);
}

/** Everything that is concluded about the cause, as the document that outputs are made from. */
export function makeDiagnosis(file: string, trace: Trace, choices: Choices): DiagnosisDocument {
  return documentOf(file, findCause(trace, choices));
}

export function documentOf(file: string, diagnosis: Diagnosis): DiagnosisDocument {
  const { trace } = diagnosis;
  const { meta } = trace;
  const laws = Object.values(diagnosis.facts.identities.results);
  return buildDiagnosis({
    generator: { name: 'tidemark', version: VERSION },
    input: {
      name: inputName(file),
      format: meta.format_title,
      ...(meta.kernel === undefined ? {} : { kernel: meta.kernel }),
      duration_ns: meta.duration_ns,
      events: totalEvents(meta),
    },
    diagnosis,
    quality: {
      lost_events: lostEvents(trace),
      lost_share: lostShare(trace),
      observed_ns: diagnosis.facts.observed_ns,
      checks: laws.reduce((sum, { n }) => sum + n, 0),
      checks_exact: laws.reduce((sum, { exact }) => sum + exact, 0),
      diagnostics: trace.diagnostics.map(({ code, severity, message, count }) => ({
        code,
        severity,
        message,
        count: count ?? 0,
      })),
    },
  });
}
