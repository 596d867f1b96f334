/**
 * Numbers of a trace that can be true. Others are damage or an attack: the row is counted as a
 * diagnostic and left out, so that sums of what remains stay exact.
 */

/** 2^48 pages are more than any file system holds. */
const MAX_INDEX = 2 ** 48;
/** 16 TiB with 4 KiB pages: more than one event can be about. */
const MAX_PAGES = 2 ** 32;
/** A counter of pages since boot. */
const MAX_COUNTER = 2 ** 48;

export const isIndex = (value: number): boolean =>
  value >= 0 && value < MAX_INDEX && Number.isInteger(value);

export const isPages = (value: number): boolean =>
  value >= 0 && value < MAX_PAGES && Number.isInteger(value);

/** Counters that ran below zero are shown as what they are. */
export const isCounter = (value: number): boolean =>
  Math.abs(value) < MAX_COUNTER && Number.isInteger(value);

/** Bytes from the beginning of a file or device. */
export const isOffset = (value: number): boolean =>
  value >= 0 && value < MAX_INDEX * 4096 && Number.isInteger(value);

/** Bytes that one event is about. */
export const isLength = (value: number): boolean =>
  value >= 0 && value < MAX_PAGES * 4096 && Number.isInteger(value);
