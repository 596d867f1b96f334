/** Two captures as one Report: what is different, and everything of both on one axis. */

import { buildReport, type Report, redactReport } from '../../../reports/index.ts';
import type { AlignChoice } from '../../findings/against/align.ts';
import { compareCaptures } from '../../findings/against/compare.ts';
import { Context } from '../../findings/context.ts';
import { type DiagnoseOptions, diagnose } from '../../findings/diagnose.ts';
import { SECTIONS } from '../../findings/index.ts';
import { UsageError } from '../../trace/errors.ts';
import { NS_PER_S, secondsText } from '../../trace/time.ts';
import type { Trace } from '../../trace/trace.ts';
import { VERSION } from '../version.ts';
import { deviceNames, KnownNames, redactTrace } from './redact-trace.ts';
import { subjectOf } from './subject.ts';

type Named = { readonly file: string; readonly trace: Trace };
export type Pair = { readonly before: Named; readonly after: Named };

export type PairChoices = {
  readonly choices?: DiagnoseOptions | undefined;
  readonly align?: AlignChoice | undefined;
  /** Part of the common axis. */
  readonly window?: readonly [number, number] | undefined;
  readonly title?: string | undefined;
  readonly note?: string | undefined;
  readonly redact?: boolean | undefined;
};

/** The chart that shows best whether it helped; the first of these that both captures allow. */
const PROOFS = ['against-levels', 'against-waited', 'against-written'];

export function makePairReport({ before, after }: Pair, options: PairChoices): Report {
  const { title, note, redact = false, choices } = options;
  // One list of words for both, so that a task is called the same before and after.
  const known = new KnownNames();
  const [first, second] = [before, after].map(
    ({ trace }) => new Context(diagnose(redact ? redactTrace(trace, known) : trace, choices)),
  ) as [Context, Context];
  checkTimes(before.trace, after.trace, options);
  const result = compareCaptures(first, second, {
    align: options.align,
    window_ns: options.window,
    sections: SECTIONS,
  });
  const charts = new Set(result.sections.flatMap(({ details }) => details.map(({ id }) => id)));
  const proof = PROOFS.find((id) => charts.has(id));
  const document = buildReport({
    generator: { name: 'tidemark', version: VERSION },
    title,
    note,
    window_ns: result.alignment.window_ns,
    findings: result.sections,
    ...subjectOf(after.file, second, proof),
    comparison: { result, before: subjectOf(before.file, first, proof) },
  });
  if (!redact) return document;
  const names = [...new Set([before, after].flatMap(({ trace }) => deviceNames(trace)))];
  return redactReport(document, names);
}

/** Times outside of their capture show nothing: a wrong request. */
function checkTimes(before: Trace, after: Trace, { align, window }: PairChoices): void {
  if (align !== undefined && typeof align !== 'string') {
    for (const [at, { meta }] of [before, after].entries()) {
      const given_s = align[at] as number;
      if (given_s * NS_PER_S <= meta.duration_ns) continue;
      const which = at === 0 ? 'before' : 'after';
      throw new UsageError(
        `--align names ${given_s} s of the capture ${which}, which is ${secondsText(meta.duration_ns)} long`,
      );
    }
  }
  const longest = Math.max(before.meta.duration_ns, after.meta.duration_ns);
  if (window !== undefined && window[0] >= longest) {
    throw new UsageError(
      `--window begins at ${window[0] / NS_PER_S} s, but the longer capture is ${secondsText(longest)} long`,
    );
  }
}
