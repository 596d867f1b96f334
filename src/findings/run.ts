/**
 * Runs findings: each gets its answer or its reason for having none, and one that throws takes
 * nothing else down.
 */
import { lostEvents, type Trace, totalEvents } from '../trace/trace.ts';
import type { Context } from './context.ts';
import type { Finding, Outcome } from './finding.ts';

export type FindingDefinition = {
  readonly id: string;
  readonly title: string;
  readonly question: string;
  /** Events without which the question cannot be answered. */
  readonly needs: readonly string[];
  /** Left out of the report where the capture has nothing that the question is about. */
  concerns?(context: Context): boolean;
  evaluate(context: Context): Outcome;
};

/** Asks each; one that fails becomes a section that says so. */
export function runFindings(
  definitions: readonly FindingDefinition[],
  context: Context,
): readonly Finding[] {
  const asked = definitions.filter((definition) => isAsked(definition, context));
  return asked.map((definition) => {
    const { id, title, question } = definition;
    return { id, title, question, ...outcomeOf(definition, context) };
  });
}

/** Whoever fails to say shows why in its answer. */
function isAsked({ concerns }: FindingDefinition, context: Context): boolean {
  try {
    return concerns?.(context) ?? true;
  } catch {
    return true;
  }
}

function outcomeOf(definition: FindingDefinition, context: Context): Outcome {
  const missing = definition.needs.filter((name) => !context.trace.tables.has(name));
  if (missing.length > 0) return withoutEvents(missing, context.trace);
  try {
    const outcome = definition.evaluate(context);
    const weakenedBy = [...weaknesses(context.trace), ...outcome.weakenedBy];
    // What was not seen proves nothing where much was not kept.
    const isProof = outcome.status !== 'clear' || lostShare(context.trace) < MUCH_LOST;
    return { ...outcome, status: isProof ? outcome.status : 'unknown', weakenedBy };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return {
      status: 'error',
      summary: `This check failed: ${reason}`,
      details: [],
      weakenedBy: [],
    };
  }
}

const MUCH_LOST = 0.1;

/** Share of the events that were lost while recording, as far as they were counted. */
export function lostShare(trace: Trace): number {
  const kept = totalEvents(trace.meta);
  const lost = lostEvents(trace);
  return kept + lost === 0 ? 1 : lost / (kept + lost);
}

/** Enabled and silent is an answer; not recorded is none. */
function withoutEvents(missing: readonly string[], trace: Trace): Outcome {
  const silent = missing.every((name) => trace.meta.silent_events.includes(name));
  const names = missing.join(', ');
  if (silent && trace.losses.length === 0) {
    const summary = `${names} was recorded and never happened.`;
    return { status: 'clear', summary, details: [], weakenedBy: [] };
  }
  const summary = silent
    ? `${names} did not happen in what was kept, but events were lost.`
    : `This capture has no ${names}. Record it next time: ` +
      `trace-cmd record ${eventFlags(missing)}`;
  return { status: 'unknown', summary, details: [], weakenedBy: [] };
}

function eventFlags(names: readonly string[]): string {
  return names.map((name) => `-e ${name}`).join(' ');
}

/** Reasons that weaken every answer drawn from this capture. */
function weaknesses(trace: Trace): string[] {
  return trace.diagnostics
    .filter(({ severity }) => severity === 'data_loss' || severity === 'error')
    .map(({ message }) => message);
}
