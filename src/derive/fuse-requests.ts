/** Requests to FUSE servers: what tells them apart, and what they ask for. */
import { doubleAt } from '../trace/column.ts';
import { bigs, type Table, texts } from '../trace/table.ts';

/** The number of the connection: minor of its device, hence below 2^32. */
export function connectionOf(table: Table, row: number): number {
  return bigs(table, 'connection').words[2 * row] as number;
}

/** The kernel counts requests from 0 in steps: no double is too small for that. */
export function uniqueOf(table: Table, row: number): number {
  return doubleAt(bigs(table, 'unique').words, row);
}

/** include/uapi/linux/fuse.h */
const NUMBERS = {
  FORGET: 2,
  WRITE: 16,
  FSYNC: 20,
  FSYNCDIR: 30,
  SETLKW: 33,
  INTERRUPT: 36,
  POLL: 40,
  NOTIFY_REPLY: 41,
  BATCH_FORGET: 42,
} as const;
export type Opcode = keyof typeof NUMBERS;

/** Which texts of `opcode` name one of these: `FUSE_WRITE`, or `16 (FUSE_WRITE)`. */
export function opcodeCodes(sent: Table, names: readonly Opcode[]): readonly boolean[] {
  const patterns = names.map((name) => new RegExp(`^(?:${NUMBERS[name]}\\b|FUSE_${name}$)`));
  return texts(sent, 'opcode').dictionary.map((text) =>
    patterns.some((pattern) => pattern.test(text)),
  );
}
