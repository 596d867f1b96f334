/**
 * What is wrong inside a good input, collected while it is read and analysed. What can be wrong is
 * listed in one place, the catalogue.
 */
import {
  CATALOGUE,
  type CatalogueRow,
  type DiagnosticSource,
  type Severity,
} from './diagnostic-catalogue.ts';
import { thousands } from './wording.ts';

export type DiagnosticCode = keyof typeof CATALOGUE;

/** Where one instance happened, as far as it is known. */
export type DiagnosticPlace = {
  readonly cpu?: number;
  readonly ts_ns?: number;
  readonly offset?: number;
  readonly line?: number;
  readonly subject?: string;
  /** Row of a table, and how much it is about: pages, or by how far something is off. */
  readonly table?: string;
  readonly row?: number;
  readonly amount?: number;
};

export type Diagnostic = {
  readonly code: DiagnosticCode;
  readonly severity: Severity;
  readonly source: DiagnosticSource;
  /** What it means and what to do. */
  readonly meaning: string;
  /** How many events, lines or records it concerns; undefined when that is unknown. */
  readonly count: number | undefined;
  /** The amounts of all places together, where they have any: pages, or by how far all are off. */
  readonly amount?: number;
  /** The first places; never more than PLACES_KEPT, so that damage cannot exhaust memory. */
  readonly places: readonly DiagnosticPlace[];
  /** One sentence for this capture. */
  readonly message: string;
};

const PLACES_KEPT = 20;
/** Of them, in the sentence. */
const PLACES_SHOWN = 5;

/** Further details of one code are left out: a sentence shall stay one. */
const DETAILS_KEPT = 3;

type Tally = {
  count: number;
  amount: number | undefined;
  unknownCount: boolean;
  places: DiagnosticPlace[];
  details: Set<string>;
};

/** Collects while reading; `list()` gives the finished diagnostics, worst first. */
export class DiagnosticCollector {
  readonly #tallies = new Map<DiagnosticCode, Tally>();

  /** `count` undefined: something is known to be missing, but not how much. */
  add(
    code: DiagnosticCode,
    count: number | undefined,
    place: DiagnosticPlace = {},
    detail = '',
  ): void {
    const tally = this.#tally(code);
    if (count === undefined) tally.unknownCount = true;
    else tally.count += count;
    if (tally.places.length < PLACES_KEPT) tally.places.push(place);
    const plain = detail.replace(/^\((.*)\)$/s, '$1');
    if (plain !== '' && tally.details.size < DETAILS_KEPT) tally.details.add(plain);
  }

  /** One instance in a row of a table: nothing is made of it but a number once enough are kept. */
  addRow(
    code: DiagnosticCode,
    table: string,
    row: number,
    { ts_ns, amount, subject }: Pick<DiagnosticPlace, 'ts_ns' | 'amount' | 'subject'> = {},
  ): void {
    const tally = this.#tally(code);
    tally.count++;
    if (amount !== undefined) tally.amount = (tally.amount ?? 0) + amount;
    if (tally.places.length >= PLACES_KEPT) return;
    tally.places.push({
      table,
      row,
      ...(ts_ns === undefined ? {} : { ts_ns }),
      ...(amount === undefined ? {} : { amount }),
      ...(subject === undefined ? {} : { subject }),
    });
  }

  /** What others found, added to what was found here. */
  include(found: readonly Diagnostic[]): void {
    for (const { code, count, amount, places } of found) {
      const tally = this.#tally(code);
      if (count === undefined) tally.unknownCount = true;
      else tally.count += count;
      if (amount !== undefined) tally.amount = (tally.amount ?? 0) + amount;
      tally.places.push(...places.slice(0, PLACES_KEPT - tally.places.length));
    }
  }

  #tally(code: DiagnosticCode): Tally {
    let tally = this.#tallies.get(code);
    if (tally === undefined) {
      tally = {
        count: 0,
        amount: undefined,
        unknownCount: false,
        places: [],
        details: new Set(),
      };
      this.#tallies.set(code, tally);
    }
    return tally;
  }

  list(): readonly Diagnostic[] {
    const all = [...this.#tallies].map(([code, tally]) => finish(code, tally));
    return all.sort((left, right) => rank(left.severity) - rank(right.severity));
  }
}

/** Those of reading and those of analyses in one list, worst first. */
export function allDiagnostics(...lists: readonly (readonly Diagnostic[])[]): Diagnostic[] {
  return lists.flat().sort((left, right) => rank(left.severity) - rank(right.severity));
}

function finish(code: DiagnosticCode, tally: Tally): Diagnostic {
  const row: CatalogueRow = CATALOGUE[code];
  const count = tally.unknownCount && tally.count === 0 ? undefined : tally.count;
  return {
    code,
    severity: row.severity,
    source: row.source,
    meaning: row.meaning,
    count,
    ...(tally.amount === undefined ? {} : { amount: tally.amount }),
    places: tally.places,
    message: sentence(row, tally, count),
  };
}

/** `At least 430,363 events lost (cpu 0). The ring buffer was full …` */
function sentence(row: CatalogueRow, tally: Tally, count: number | undefined): string {
  const subjects = [...new Set(tally.places.flatMap((place) => place.subject ?? []))].slice(
    0,
    PLACES_SHOWN,
  );
  const aside = [subjects.join(', '), linesOf(row, tally), rowsOf(tally), ...tally.details].filter(
    (part) => part !== '',
  );
  const brackets = aside.length > 0 ? ` (${aside.join('; ')})` : '';
  if (row.counts === undefined) return `${row.meaning.replace(/\.$/, '')}${brackets}.`;
  const amount = count === undefined ? 'An unknown number of' : thousands(count);
  // The first plural is the noun: `events lost`, `damaged pages`.
  const noun = count === 1 ? row.counts.replace(/(\w)s\b/, '$1') : row.counts;
  const atLeast = tally.unknownCount && count !== undefined ? 'At least ' : '';
  return `${atLeast}${amount} ${noun}${brackets}. ${row.meaning}`;
}

/** `line 7`   `lines 7, 9, 10, 11, 12 and others` */
function linesOf({ isOfLines }: CatalogueRow, { places, count }: Tally): string {
  const lines = isOfLines === true ? places.flatMap(({ line }) => line ?? []) : [];
  if (lines.length === 0) return '';
  const shown = lines.slice(0, PLACES_SHOWN).join(', ');
  return `line${lines.length > 1 ? 's' : ''} ${shown}${count > PLACES_SHOWN ? ' and others' : ''}`;
}

/** `row 7 of global_dirty_state`   `rows 7, 9 of global_dirty_state and others` */
function rowsOf({ places, count }: Tally): string {
  const table = places.find((place) => place.table !== undefined)?.table;
  const rows = places.flatMap((place) => (place.table === table ? (place.row ?? []) : []));
  if (table === undefined || rows.length === 0) return '';
  const shown = rows.slice(0, PLACES_SHOWN);
  const more = count > shown.length ? ' and others' : '';
  return `row${shown.length > 1 ? 's' : ''} ${shown.join(', ')} of ${table}${more}`;
}

function rank(severity: Severity): number {
  return ['error', 'data_loss', 'notice', 'info'].indexOf(severity);
}
