/** The list of captures that `tidemark watch` serves: the document between its server and page. */
import type { Report } from './schema/report.ts';
import { formatNumber } from './units.ts';

/** `growing`: it changed since the last look, so nobody reads it yet. */
export type CaptureState = 'growing' | 'waiting' | 'reading' | 'reported' | 'failed';

/** What a report says in one row. */
export type CaptureSummary = {
  readonly severity: 'none' | 'info' | 'notice' | 'warning' | 'critical';
  /** The cause by its name, and the headline. */
  readonly title: string;
  readonly sentence: string;
  readonly confidence: 'high' | 'reduced' | 'low';
  readonly confidence_value: number;
  /** The first reason for this confidence; empty if there is none. */
  readonly reason: string;
  readonly time_lost_s: number;
  /** Events were lost, and with them maybe time that somebody lost. */
  readonly at_least: boolean;
  readonly is_complete: boolean;
  /** What the capture holds and lost, in a few words. */
  readonly quality: string;
  readonly duration_ns: number;
};

export type CaptureEntry = {
  /** Names its report: `/report/ID`. */
  readonly id: string;
  readonly name: string;
  readonly size_bytes: number;
  readonly changed_ms: number;
  readonly state: CaptureState;
  /** Why it failed, in one sentence. */
  readonly problem?: string;
  readonly summary?: CaptureSummary;
};

export type CaptureList = {
  readonly folder: string;
  /** By name. */
  readonly entries: readonly CaptureEntry[];
  /** How many more there are than a page shows. */
  readonly more: number;
  /** Why the folder cannot be read at present. */
  readonly problem?: string;
};

export function summarizeReport({ diagnosis, headline, quality, input }: Report): CaptureSummary {
  const { verdict, findings, quality: checked } = diagnosis;
  const isCalm = verdict.root_cause === 'none';
  const cause = findings.find(({ id }) => id === (verdict.most_likely ?? verdict.root_cause));
  const likely = verdict.most_likely === undefined ? '' : 'Most likely: ';
  const damage = quality.diagnostics.filter(
    ({ severity }) => severity === 'data_loss' || severity === 'error',
  );
  const isComplete = quality.lost_events === 0 && damage.length === 0;
  const parts = [
    `${formatNumber(input.events)} events`,
    quality.lost_events > 0 ? `${formatNumber(quality.lost_events)} lost` : '',
    isComplete || quality.lost_events > 0 ? '' : 'damaged',
    input.kernel === undefined ? '' : `Linux ${input.kernel}`,
  ];
  return {
    severity: isCalm ? 'none' : verdict.severity,
    title: `${likely}${verdict.title}`,
    sentence: headline.sentence,
    confidence: headline.confidence,
    confidence_value: verdict.confidence,
    reason: headline.confidence_reasons[0] ?? '',
    time_lost_s: cause?.time_lost_s ?? verdict.time_lost_s,
    at_least: checked.lost_share > 0,
    is_complete: isComplete,
    quality: parts.filter((part) => part !== '').join(', '),
    duration_ns: input.duration_ns,
  };
}
