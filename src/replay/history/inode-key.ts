/** Inode numbers in all their bits; the usual ones stay numbers. */
import { bigs, type Table } from '../../trace/table.ts';

export type InodeKey = number | string;

/** The key of a row's inode, without a BigInt per row. */
export function inodeKeys(table: Table, column = 'ino'): (row: number) => InodeKey {
  const { words } = bigs(table, column);
  return (row) => {
    const high = words[2 * row + 1] as number;
    const low = words[2 * row] as number;
    if (high === 0) return low;
    const value = high * 2 ** 32 + low;
    return Number.isSafeInteger(value) ? value : `${high}:${low}`;
  };
}

/** As the kernel prints it. */
export function inodeText(key: InodeKey): string {
  if (typeof key === 'number') return String(key);
  const [high, low] = key.split(':').map(BigInt) as [bigint, bigint];
  return String(high * 2n ** 32n + low);
}

const MINOR_BITS = 20;

/** major << 20 | minor, as the kernel encodes a device. */
export function deviceOfText(name: string): number | undefined {
  let dev = known.get(name);
  if (dev === undefined) {
    dev = readDevice(name) ?? NO_DEVICE;
    if (known.size < MAX_KNOWN) known.set(name, dev);
  }
  return dev === NO_DEVICE ? undefined : dev;
}

/** The few names of a machine, which come with each event. */
const known = new Map<string, number>();
const MAX_KNOWN = 1000;
const NO_DEVICE = -1;

function readDevice(name: string): number | undefined {
  const match = /^(\d{1,4}):(\d{1,7})$/.exec(name);
  return match === null ? undefined : Number(match[1]) * 2 ** MINOR_BITS + Number(match[2]);
}

export function deviceText(dev: number): string {
  return `${Math.floor(dev / 2 ** MINOR_BITS)}:${dev % 2 ** MINOR_BITS}`;
}

export const majorOf = (dev: number): number => Math.floor(dev / 2 ** MINOR_BITS);
