/** A comparison of two captures → its part of the Report. */
import type { Comparison } from '../../src/findings/against/comparison.ts';
import type { ReportComparison } from '../schema/comparison.ts';
import { clip, finite, jsonNumber } from './values.ts';

const MOST_DIFFERENCES = 60;

export function buildComparison(comparison: Comparison): ReportComparison {
  const { answer, sentence, detail, reasons, setup, numbers, causes, alignment, isPart } =
    comparison;
  const { origins_ns, window_ns } = alignment;
  return {
    answer,
    sentence: clip(sentence),
    detail: clip(detail),
    reasons: reasons.map(clip),
    setup: setup.slice(0, MOST_DIFFERENCES).map(({ kind, name, before, after }) => {
      return { kind, name: clip(name), before: clip(before), after: clip(after) };
    }),
    numbers: numbers.map(({ group, name, unit, before, after, judged, basis, isKey }) => ({
      group,
      name: clip(name),
      unit,
      before: orNull(before),
      after: orNull(after),
      judged,
      basis: clip(basis),
      is_key: isKey,
    })),
    causes: causes.map(({ before_s, after_s, ...cause }) => ({
      ...cause,
      before_s: orNull(before_s),
      after_s: orNull(after_s),
    })),
    is_part: isPart,
    alignment: {
      by: alignment.by,
      zero: clip(alignment.zero),
      sentence: clip(alignment.sentence),
      origins_ns: { before: finite(origins_ns.before), after: finite(origins_ns.after) },
      window_ns: [finite(window_ns[0]), finite(window_ns[1])],
    },
  };
}

function orNull(value: number | undefined): number | null {
  return value === undefined ? null : jsonNumber(value);
}
