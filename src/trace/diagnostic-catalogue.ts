/**
 * The catalogue of everything that can be wrong inside a good input. Each entry names who is at
 * fault (recording, import, analysis) and tells the reader what it means and what to do. Add one by
 * adding one row.
 */

export type Severity = 'info' | 'notice' | 'data_loss' | 'error';
export type DiagnosticSource = 'recording' | 'import' | 'analysis';

export type CatalogueRow = {
  readonly severity: Severity;
  readonly source: DiagnosticSource;
  /** What is counted, for "12 events lost"; without it the count says nothing to a reader. */
  readonly counts?: string;
  /** What is counted are lines of a text, whose numbers help to find them. */
  readonly isOfLines?: boolean;
  readonly meaning: string;
};

export const CATALOGUE = {
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
  callers_left_out: {
    severity: 'info',
    source: 'import',
    counts: 'callers in call chains',
    meaning: 'Call chains were passed over: the events they belong to were read.',
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
    severity: 'error',
    source: 'recording',
    meaning:
      'The trace clock does not count nanoseconds, or the text does not say that it does; durations are in its own units, and waits cannot be weighed; record with the clock mono.',
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
  buffer_left_out: {
    severity: 'data_loss',
    source: 'import',
    counts: 'ring buffers left out',
    meaning:
      'The events of these buffer instances are missing: they are not where the file says, or are on another clock than the others.',
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
    meaning:
      'A file beside the trace, or a part of it, looked like its samples or meta data but could not be used.',
  },
  kernels_differ: {
    severity: 'notice',
    source: 'import',
    meaning:
      'Parts of the capture are of different kernels; facts about another kernel than the one that recorded the events were left out.',
  },
  counter_backwards: {
    severity: 'error',
    source: 'analysis',
    counts: 'steps back of counters',
    meaning:
      'A counter that only grows went backwards: damage, a restart, or recordings of two machines; predictions leave the odd sample out or start again behind it.',
  },
  clock_jumped: {
    severity: 'error',
    source: 'analysis',
    counts: 'jumps of the clock',
    meaning:
      'Time jumped between two events; durations across the jump mean nothing, and predictions start again behind it.',
  },
  recording_silent: {
    severity: 'notice',
    source: 'analysis',
    counts: 'long silences',
    meaning:
      'No event was recorded for a long time: nothing happened, recording was paused, or the clock jumped.',
  },
  impossible_value: {
    severity: 'notice',
    source: 'analysis',
    counts: 'impossible values',
    meaning:
      'Numbers that cannot be: damage, or events of something else; their rows were left out.',
  },
  clean_without_dirty: {
    severity: 'notice',
    source: 'analysis',
    counts: 'writes of unknown pages',
    meaning:
      'Pages were written of which no event says that they were dirtied: events are missing. The replay counts them as found dirty.',
  },
  dirty_while_dirty: {
    severity: 'info',
    source: 'analysis',
    counts: 'folios dirtied twice',
    meaning:
      'A folio was dirtied that was dirty already: its cleaning left no event. The replay counts it as written in between.',
  },
  claims_disagree: {
    severity: 'info',
    source: 'analysis',
    counts: 'calls that disagree with their events',
    meaning: 'A file system says that it wrote another number of pages than its events name.',
  },
  begin_without_end: {
    severity: 'info',
    source: 'analysis',
    counts: 'begins without an end',
    meaning: 'Something began and no event ends it, as where recording stops or events are lost.',
  },
  end_without_begin: {
    severity: 'info',
    source: 'analysis',
    counts: 'ends without a begin',
    meaning: 'Something ended or went on that no event began, as where recording starts.',
  },
  settings_unsteady: {
    severity: 'notice',
    source: 'analysis',
    meaning: 'Thresholds change too often to tell settings from memory that comes and goes.',
  },
} as const satisfies Record<string, CatalogueRow>;
