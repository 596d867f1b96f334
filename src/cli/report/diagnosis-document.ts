/** A diagnosis as the document that outputs are made from, with what is known about its input. */
import { buildDiagnosis } from '../../../reports/build/diagnosis.ts';
import type { DiagnosisDocument } from '../../../reports/schema/diagnosis.ts';
import type { Diagnosis } from '../../findings/diagnose.ts';
import { lostShare } from '../../findings/run.ts';
import type { Identities } from '../../replay/identities.ts';
import { lostEvents, totalEvents } from '../../trace/trace.ts';
import { inputName } from '../input-name.ts';
import { VERSION } from '../version.ts';

/** `identities`: of a report, which knows more than a diagnosis alone and has them already. */
export function documentOf(
  file: string,
  diagnosis: Diagnosis,
  identities: Identities = diagnosis.facts.identities,
): DiagnosisDocument {
  const { trace } = diagnosis;
  const { meta } = trace;
  const laws = Object.values(identities.results);
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
