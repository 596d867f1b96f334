/** Where in their memory the loops of text-loops.ts find what, and how much of it there may be. */
import { blockBytes, MAX_LINE_BYTES } from '../bytes/lines.ts';
import { NO_CPU } from './perf-event-name.ts';

/** Rows that are read at once; a block that has more lines is read in parts. */
export const MAX_ROWS = 32768;
/** A layout is followed through so many at a time: their text stays in the first cache. */
const ROWS_AT_ONCE = 64;
/** More names than this are not events; the lines are counted as unreadable. */
export const MAX_NAMES = 8192;
export const PREFIX_SLOTS = 512;
/** Places in a slot, of so many bytes each: with one, two tasks of a slot took turns in it. */
export const PREFIX_WAYS = 4;
export const PREFIX_BYTES = 128;
export const EVENT_SLOTS = 4096;
export const EVENT_BYTES = 128;
export const TEXT_SLOTS = 1024;
export const TEXT_WAYS = 4;
export const TEXT_BYTES = 192;
export const LITERAL_BYTES = 2 << 20;
/** Values of rows on their way to columns; one payload has no more than this. */
export const MAX_SINKS = 72;
/** The largest block: with threads, one is a chunk. */
export const READ_BYTES = 2 << 20;
export const BLOCK_BYTES = blockBytes(READ_BYTES);
/** What the loops keep between calls. */
export const STATE_BYTES = 80;
/** CPUs whose first event is noted in one go. */
export const MAX_FIRSTS = 1024;
/** Behind a block may be looked at, as far as one step of a loop reaches. */
const SLACK_BYTES = 64;

/** Addresses, one behind the other. */
function layOut() {
  let end = 1024;
  const place = (bytes: number): number => {
    const at = end;
    end = (at + bytes + 63) & ~63;
    return at;
  };
  const state = place(STATE_BYTES);
  return {
    HEAD_SECONDS: state,
    HEAD_POINT: state + 4,
    HEAD_END: state + 8,
    NAME_WIDTH: state + 12,
    LINES: state + 16,
    ROWS: state + 20,
    EVENTS: state + 24,
    TOUCHED_COUNT: state + 28,
    PREVIOUS_TS: state + 56,
    WIDE_COUNT: state + 64,
    FIRST_COUNT: state + 68,
    NOTES_FIRSTS: state + 72,
    NEGATIVE_COUNT: state + 76,
    LAST_TS: state + 32,
    ORIGIN_SECONDS: state + 40,
    ORIGIN_FRACTION: state + 48,
    POWERS: place(8 * 9),
    HEX: place(256),
    EVENT_SLOTS: place(4 * EVENT_SLOTS),
    TABLE_ROWS: place(4 * MAX_NAMES),
    TABLE_NEXT: place(4 * MAX_NAMES),
    TOUCHED: place(4 * MAX_NAMES),
    ROW_START: place(4 * MAX_ROWS),
    ROW_STOP: place(4 * MAX_ROWS),
    ROW_TS: place(8 * MAX_ROWS),
    ROW_CPU: place(2 * MAX_ROWS),
    ROW_PID: place(4 * MAX_ROWS),
    ROW_COMM: place(4 * MAX_ROWS),
    ROW_SEQ: place(4 * MAX_ROWS),
    ROW_TABLE: place(2 * MAX_ROWS),
    SORTED: place(4 * MAX_ROWS),
    START: place(4 * MAX_ROWS),
    STOP: place(4 * MAX_ROWS),
    PLACES: place(4 * MAX_ROWS),
    AT: place(4 * MAX_ROWS),
    LAST_OF_CPU: place(8 * (NO_CPU + 1)),
    IS_WAITING: place(NO_CPU + 1),
    NEGATIVES: place(4 * MAX_SINKS),
    FIRST_CPU: place(4 * MAX_FIRSTS),
    FIRST_TS: place(8 * MAX_FIRSTS),
    PREFIXES: place(PREFIX_BYTES * PREFIX_WAYS * PREFIX_SLOTS),
    TEXTS: place(TEXT_BYTES * TEXT_WAYS * TEXT_SLOTS),
    EVENT_RECORDS: place(EVENT_BYTES * MAX_NAMES),
    LITERALS: place(LITERAL_BYTES),
    OUT: place(8 * MAX_ROWS * MAX_SINKS),
    WIDE: place(16 * MAX_ROWS * MAX_SINKS),
    BLOCK: place(BLOCK_BYTES + SLACK_BYTES),
    END: end,
  };
}

export const PLACE = layOut();

/** A layout as the loops follow it: four numbers, then its slots, of so many bytes each. */
export const SLOT_BYTES = 32;

/** How a value is read: numbers and identities first. */
export const NUMBER = 0;
export const IDENTITY = 1;
export const DEVICE = 2;
export const TEXT = 3;
/** Up to the offset: super_cache_scan+0x0/0x1b0. */
export const FUNCTION = 4;
export const NOTHING = 5;

/** What the loops have names for. */
export const LOOP_CONSTANTS = {
  ...PLACE,
  MAX_ROWS,
  ROWS_AT_ONCE,
  MAX_FIRSTS,
  MAX_LINE: MAX_LINE_BYTES,
  LAST_PREFIX_SLOT: PREFIX_SLOTS - 1,
  PREFIX_BYTES,
  PREFIX_SLOT_BYTES: PREFIX_WAYS * PREFIX_BYTES,
  LAST_NAME_SLOT: EVENT_SLOTS - 1,
  LAST_TEXT_SLOT: TEXT_SLOTS - 1,
  TEXT_BYTES,
  TEXT_SLOT_BYTES: TEXT_WAYS * TEXT_BYTES,
  SLOT_BYTES,
  NUMBER,
  IDENTITY,
  DEVICE,
  FUNCTION,
  NOTHING,
  OTHER: -1,
  PLAIN: -2,
  LF: 0x0a,
  CR: 0x0d,
  TAB: 0x09,
  SPACE: 0x20,
  HASH: 0x23,
  PLUS: 0x2b,
  COMMA: 0x2c,
  MINUS: 0x2d,
  DOT: 0x2e,
  ZERO: 0x30,
  NINE: 0x39,
  COLON: 0x3a,
  LETTER_X: 0x78,
};
