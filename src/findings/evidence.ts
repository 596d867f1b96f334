/** What a found cause rests on, to be opened by a reader: rows of events, and the waits it claims. */
import type { Context } from './context.ts';
import type { Detail, DetailTable } from './detail.ts';
import type { Judgement } from './diagnose.ts';
import { kernelText } from './kernel-text.ts';
import { stallTable } from './sections/stall-list.ts';

export type CauseEvidence = { readonly cause: string; readonly details: readonly Detail[] };

/** Of each cause; all waits are listed together elsewhere (sections/stall-list.ts). */
const LISTED = 100;

export function evidenceOf(context: Context): CauseEvidence[] {
  return context.diagnosis.judgements.flatMap((judgement) => {
    if (judgement.ranked === undefined) return [];
    const claims = [...judgement.ranked.outcome.claims.entries()];
    const stalls = claims.flatMap(([index]) => context.facts.stalls[index] ?? []);
    const { id } = judgement.definition;
    const details = [
      eventTable(context, judgement),
      ...(stalls.length > 0
        ? [stallTable(context, stalls, `waits-of-${id}`, 'Waits that it explains', LISTED)]
        : []),
    ];
    return [{ cause: id, details }];
  });
}

/** Around an event, so that it is not the edge of what is shown. */
const AROUND_NS = 2e8;

function eventTable({ trace }: Context, { definition, ranked }: Judgement): DetailTable {
  const evidence = ranked?.outcome.evidence ?? [];
  return {
    kind: 'table',
    id: `events-of-${definition.id}`,
    title: 'Events that it rests on',
    columns: [
      { key: 'at', label: 'At', unit: 's' },
      { key: 'row', label: 'Row', unit: 'none' },
      { key: 'event', label: 'As the kernel prints it', unit: 'none' },
    ],
    rows: evidence.map(({ table: name, row, ts_ns, text }) => {
      const table = trace.tables.get(name);
      const isThere = table !== undefined && row >= 0 && row < table.rows;
      return {
        at: ts_ns / 1e9,
        row: `${name} ${row}`,
        event: isThere ? kernelText(table, row) : text,
      };
    }),
    omitted: 0,
    windows_ns: evidence.map(({ ts_ns }) => [ts_ns - AROUND_NS, ts_ns + AROUND_NS] as const),
  };
}
