/**
 * The catalogue of everything that can be wrong inside a good input, and the collector of what was.
 * Each entry names who is at fault (recording, import, analysis) and tells the reader what it means
 * and what to do. Add one by adding one row to CATALOGUE.
 */

export type Severity = 'info' | 'notice' | 'data_loss' | 'error';
export type DiagnosticSource = 'recording' | 'import' | 'analysis';

type CatalogueRow = {
  readonly severity: Severity;
  readonly source: DiagnosticSource;
  /** What is counted, for "12 events lost"; without it the count says nothing to a reader. */
  readonly counts?: string;
  /** What is counted are lines of a text, whose numbers help to find them. */
  readonly isOfLines?: boolean;
  readonly meaning: string;
};

const CATALOGUE = {
  events_lost: {
    severity: 'data_loss',
    source: 'recording',
    counts: 'events lost',
    meaning:
      'The ring buffer was full and the kernel dropped events; record fewer events or with a larger buffer.',
  },
  events_overwritten: {
    severity: 'data_loss',
    source: 'recording',
    counts: 'events overwritten',
    meaning: 'Old events were overwritten before the buffer was read: the capture starts late.',
  },
  input_truncated: {
    severity: 'data_loss',
    source: 'recording',
    meaning: 'The file ends before the data it announces; everything up to there was read.',
  },
  page_damaged: {
    severity: 'data_loss',
    source: 'import',
    counts: 'damaged pages',
    meaning: 'A ring-buffer page does not follow its own layout; its readable events were kept.',
  },
  record_damaged: {
    severity: 'data_loss',
    source: 'import',
    counts: 'damaged records',
    meaning:
      'Records do not follow the layout of their file; what is readable around them was kept.',
  },
  record_too_short: {
    severity: 'data_loss',
    source: 'import',
    counts: 'records too short',
    meaning: 'Records are shorter than their recorded format says; they were left out.',
  },
  event_format_missing: {
    severity: 'notice',
    source: 'recording',
    counts: 'records without a format',
    meaning: 'Records have an event id whose format the file does not carry; they were left out.',
  },
  event_format_unreadable: {
    severity: 'notice',
    source: 'import',
    counts: 'unreadable event formats',
    meaning: 'A recorded event format could not be understood; its events were left out.',
  },
  event_fields_missing: {
    severity: 'notice',
    source: 'import',
    counts: 'fields missing',
    meaning: 'A known event lacks fields that Tidemark knows; results that need them are missing.',
  },
  line_unreadable: {
    severity: 'notice',
    source: 'import',
    counts: 'unreadable lines',
    isOfLines: true,
    meaning: 'Lines of the text were neither events nor known comments; they were left out.',
  },
  payload_unreadable: {
    severity: 'notice',
    source: 'import',
    counts: 'unreadable events',
    isOfLines: true,
    meaning: 'The printed fields of known events were not understood; those events were left out.',
  },
  time_went_backwards: {
    severity: 'notice',
    source: 'recording',
    counts: 'steps back in time',
    meaning: 'Time stamps of one CPU decrease; the order of its events is as recorded.',
  },
  lines_out_of_order: {
    severity: 'info',
    source: 'recording',
    counts: 'steps back between lines',
    meaning: 'Lines of the text were not in the order of their times; its events were sorted.',
  },
  clock_not_nanoseconds: {
    severity: 'notice',
    source: 'recording',
    meaning: 'The trace clock does not count nanoseconds; durations are in its own units.',
  },
  clock_mismatch: {
    severity: 'notice',
    source: 'import',
    meaning: 'Samples and trace use different clocks; the samples were left out of the comparison.',
  },
  clock_offset_estimated: {
    severity: 'notice',
    source: 'import',
    meaning:
      'Samples were moved to the clock of the trace by matching counters that both hold; give --clock-offset to set it.',
  },
  page_size_assumed: {
    severity: 'notice',
    source: 'import',
    meaning:
      'The input does not say the page size; 4096 bytes are assumed (give --meta to change).',
  },
  option_unreadable: {
    severity: 'notice',
    source: 'import',
    counts: 'unreadable options',
    meaning: 'An option section of the file was not understood and was skipped.',
  },
  counter_below_zero: {
    severity: 'error',
    source: 'recording',
    counts: 'wrapped values',
    meaning: 'An unsigned kernel counter ran below zero and wrapped: the kernel itself miscounted.',
  },
  sidecar_ignored: {
    severity: 'notice',
    source: 'import',
    meaning: 'A file beside the trace looked like its samples or meta data but could not be used.',
  },
} as const satisfies Record<string, CatalogueRow>;

export type DiagnosticCode = keyof typeof CATALOGUE;

/** Where one instance happened, as far as it is known. */
export type DiagnosticPlace = {
  readonly cpu?: number;
  readonly ts_ns?: number;
  readonly offset?: number;
  readonly line?: number;
  readonly subject?: string;
};

export type Diagnostic = {
  readonly code: DiagnosticCode;
  readonly severity: Severity;
  readonly source: DiagnosticSource;
  /** What it means and what to do. */
  readonly meaning: string;
  /** How many events, lines or records it concerns; undefined when that is unknown. */
  readonly count: number | undefined;
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
    let tally = this.#tallies.get(code);
    if (tally === undefined) {
      tally = { count: 0, unknownCount: false, places: [], details: new Set() };
      this.#tallies.set(code, tally);
    }
    if (count === undefined) tally.unknownCount = true;
    else tally.count += count;
    if (tally.places.length < PLACES_KEPT) tally.places.push(place);
    const plain = detail.replace(/^\((.*)\)$/s, '$1');
    if (plain !== '' && tally.details.size < DETAILS_KEPT) tally.details.add(plain);
  }

  list(): readonly Diagnostic[] {
    const all = [...this.#tallies].map(([code, tally]) => finish(code, tally));
    return all.sort((left, right) => rank(left.severity) - rank(right.severity));
  }
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
    places: tally.places,
    message: sentence(row, tally, count),
  };
}

/** `At least 430363 events lost (cpu 0). The ring buffer was full …` */
function sentence(row: CatalogueRow, tally: Tally, count: number | undefined): string {
  const subjects = [...new Set(tally.places.flatMap((place) => place.subject ?? []))].slice(
    0,
    PLACES_SHOWN,
  );
  const aside = [subjects.join(', '), linesOf(row, tally), ...tally.details].filter(
    (part) => part !== '',
  );
  const brackets = aside.length > 0 ? ` (${aside.join('; ')})` : '';
  if (row.counts === undefined) return `${row.meaning.replace(/\.$/, '')}${brackets}.`;
  const amount = count === undefined ? 'An unknown number of' : String(count);
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

function rank(severity: Severity): number {
  return ['error', 'data_loss', 'notice', 'info'].indexOf(severity);
}
