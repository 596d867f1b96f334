/** One capture as a Report: everything that is concluded about it. */
import { buildReport, type Report, redactReport } from '../../../reports/index.ts';
import { Context } from '../../findings/context.ts';
import { type DiagnoseOptions, diagnose } from '../../findings/diagnose.ts';
import { SECTIONS } from '../../findings/index.ts';
import { proofCharts } from '../../findings/proof.ts';
import { runFindings } from '../../findings/run.ts';
import { UsageError } from '../../trace/errors.ts';
import { NS_PER_S, secondsText } from '../../trace/time.ts';
import type { Trace } from '../../trace/trace.ts';
import { VERSION } from '../version.ts';
import { deviceNames, redactTrace } from './redact-trace.ts';
import { subjectOf } from './subject.ts';

type ReportChoices = {
  readonly choices?: DiagnoseOptions | undefined;
  readonly window?: readonly [number, number] | undefined;
  readonly title?: string | undefined;
  readonly note?: string | undefined;
  readonly redact?: boolean | undefined;
};

/** Everything that is concluded about a capture, as the document that pages are made from. */
export function makeReport(file: string, original: Trace, options: ReportChoices = {}): Report {
  const trace = options.redact === true ? redactTrace(original) : original;
  const diagnosis = diagnose(trace, options.choices);
  const context = new Context(diagnosis, windowIn(trace, options.window));
  const findings = runFindings(SECTIONS, context);
  const charts = new Set(findings.flatMap(({ details }) => details.map(({ id }) => id)));
  const { verdict } = diagnosis;
  const proof = proofCharts(verdict.most_likely ?? verdict.root_cause).find((id) => charts.has(id));
  const document = buildReport({
    generator: { name: 'tidemark', version: VERSION },
    title: options.title,
    note: options.note,
    window_ns: context.window_ns,
    findings,
    ...subjectOf(file, context, proof),
  });
  return options.redact === true ? redactReport(document, deviceNames(trace)) : document;
}

/** The part of the capture that was asked for; a part without anything is a wrong request. */
function windowIn(
  { meta }: Trace,
  window: ReportChoices['window'],
): readonly [number, number] | undefined {
  if (window === undefined) return undefined;
  const [from_ns, to_ns] = window;
  if (from_ns >= meta.duration_ns) {
    throw new UsageError(
      `--window begins at ${from_ns / NS_PER_S} s, but the capture is ${secondsText(meta.duration_ns)} long`,
    );
  }
  return [from_ns, Math.min(to_ns, meta.duration_ns)];
}
