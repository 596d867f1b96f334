/** The replay on a terminal: every law and every counter that could be checked, a line each. */

import { hanging, textTable } from '../../../reports/terminal.ts';
import type { CounterFit } from '../../replay/counter-fit.ts';
import type { HistoryReplay } from '../../replay/history/replay-history.ts';
import { type Law, lawsOf, type ReplayResult } from '../../replay/replay.ts';
import type { IdentityResult } from '../../replay/residual.ts';
import { allDiagnostics } from '../../trace/diagnostics.ts';
import { printable } from '../../trace/printable.ts';
import { secondsText } from '../../trace/time.ts';
import type { Trace } from '../../trace/trace.ts';
import { shareText, thousands } from '../../trace/wording.ts';
import { inferredText } from './inferred-bandwidth.ts';
import { projectionsText } from './projections-text.ts';

/** Sentences are made `columns` wide, and tables `screen`, if they are read on one. */
export function replayText(
  trace: Trace,
  result: ReplayResult,
  columns: number,
  screen: number | undefined,
): string {
  const found = allDiagnostics(trace.diagnostics, result.diagnostics);
  const notes = found.map(({ message }) => hanging(printable(message), columns, '  '));
  return [
    lawText(result, screen),
    historyText(result.history, screen),
    settingsText(result),
    notes.length > 0 ? `\ndiagnostics\n${notes.join('')}` : '',
  ].join('');
}

function lawText(result: ReplayResult, columns: number | undefined): string {
  const { timebase } = result.identities;
  const hz =
    timebase.hz === undefined ? 'HZ unknown' : `HZ ${timebase.hz} (${timebase.hz_because})`;
  const page = `page size ${timebase.page_size} (${timebase.page_size_because})`;
  const title = `laws (level a: counters given, law checked), ${hz}, ${page}`;
  const laws = lawsOf(result);
  const spoken = laws.filter(({ result: { n, unchecked } }) => n + unchecked > 0);
  const silent = laws.filter((law) => !spoken.includes(law)).map(({ name }) => name);
  if (spoken.length === 0) return `${title}\n  no event that a law speaks of was recorded\n\n`;
  const head = ['law', 'checked', 'exact', 'share', 'largest', 'not checkable', 'why not, why off'];
  const below = [
    silent.length > 0 ? `nothing to check: ${silent.join(', ')}` : '',
    inferredText(result.identities),
  ];
  const table = textTable(head, spoken.map(lawRow), { columns, labels: 1 });
  return `${hanging(title, columns, '')}${table}${lines(below, columns)}\n`;
}

function lines(texts: readonly string[], columns: number | undefined): string {
  const said = texts.filter((text) => text !== '');
  return said.map((text) => hanging(text, columns, '  ')).join('');
}

function lawRow({ name, result }: Law): string[] {
  const { n, exact, inside, unchecked, max_abs } = result;
  const within = inside === undefined ? '' : `inside the interval: ${shareText(inside, n)}`;
  return [
    name,
    thousands(n),
    thousands(exact),
    shareText(exact, n),
    thousands(max_abs),
    thousands(unchecked),
    [within, reasons(result)].filter((text) => text !== '').join('; '),
  ];
}

function reasons({ unchecked_because, causes }: IdentityResult): string {
  const list = (counts: Readonly<Partial<Record<string, number>>>) =>
    Object.entries(counts).map(([reason, count]) => `${thousands(count ?? 0)} ${reason}`);
  return [...list(unchecked_because), ...list(causes)].join(', ');
}

function historyText(history: HistoryReplay | undefined, columns: number | undefined): string {
  if (history === undefined) {
    return 'replay: needs global_dirty_state and writeback_dirty_folio, which this capture lacks\n';
  }
  const rows = (fits: HistoryReplay['fits'], against: string) =>
    Object.entries(fits).map(([name, fit]) => fitRow(name, against, fit));
  const head = [
    'counter',
    'against',
    'samples',
    'within',
    'largest',
    'bound',
    'WAPE',
    'drift alone',
    'at the end',
    'skipped',
  ];
  const { vmstat_fits } = history;
  const all = [
    ...rows(history.fits, 'trace'),
    ...(vmstat_fits === undefined ? [] : rows(vmstat_fits, 'vmstat')),
  ];
  const table = textTable(head, all, { columns, labels: 2 });
  const sizes = counted(history.sizes.counts, 'folios');
  const below = [
    `folio sizes: ${sizes}; bound from ${history.drift.because}; started ${timesText(history.starts)}`,
    `cleaned by: ${counted(history.evidence.claim, 'pages')}`,
    `written by: ${counted(history.evidence.end, 'pages')}`,
    'drift alone: WAPE of readings that are off by the bound and nothing else; no smaller one ' +
      'can be asked for where a level is near zero',
  ];
  return (
    'replay (level b: events given, counters predicted), pages\n' +
    `${table}${lines(below, columns)}` +
    `\n${projectionsText(history.projections, columns)}`
  );
}

function fitRow(name: string, against: string, fit: CounterFit): string[] {
  return [
    name,
    against,
    thousands(fit.n),
    shareText(fit.within_drift, fit.n),
    thousands(fit.max_abs_pages),
    boundText(fit),
    fit.wape === undefined ? '' : `${(100 * fit.wape).toPrecision(3)}%`,
    fit.wape_floor === undefined ? '' : `${(100 * fit.wape_floor).toPrecision(3)}%`,
    fit.end_residual_pages === undefined ? '' : thousands(fit.end_residual_pages),
    thousands(fit.skipped),
  ];
}

/** Pages whose events came and whose counters may not have moved are part of the bound. */
function boundText({ drift_bound_pages, most_in_flight_pages }: CounterFit): string {
  const flying =
    most_in_flight_pages > 0 ? ` + up to ${thousands(most_in_flight_pages)} in flight` : '';
  return `±${drift_bound_pages}${flying}`;
}

function counted(counts: Readonly<Record<string, number>>, noun: string): string {
  const parts = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .sort(([, left], [, right]) => right - left)
    .map(([kind, count]) => `${thousands(count)} ${kind}`);
  return parts.length === 0 ? `no ${noun}` : parts.join(', ');
}

function settingsText({ thresholds }: ReplayResult): string {
  const changes = thresholds.steps.filter(({ because }) => because === 'changed');
  if (changes.length === 0) return '';
  const lines = changes.map(
    ({ after_ns, from_ns, thresh_pages, background_pages, first_reader }) => {
      const when = `between ${secondsText(after_ns)} and ${secondsText(from_ns)}`;
      const who = `${printable(first_reader.comm)} (pid ${first_reader.pid})`;
      const now = [background_pages.high, thresh_pages.high].map(thousands).join(' / ');
      return `  ${when}: thresholds ${now} pages; first read by ${who}\n`;
    },
  );
  return `\nsettings changed while recording\n${lines.join('')}`;
}

function timesText(n: number): string {
  return n === 1 ? 'once' : `${n} times`;
}
