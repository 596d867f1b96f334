/**
 * Units that columns carry, and branded numbers for the functions that convert between them.
 * A brand exists only for the compiler: pages cannot be passed where bytes are meant.
 */

export type Unit =
  | 'ns'
  | 'us'
  | 'ms'
  | 's'
  | 'jiffies'
  | 'pages'
  | 'bytes'
  | 'kib'
  | 'sectors'
  | 'kibps'
  | 'pages_per_s'
  | 'count'
  | 'id'
  | 'bits'
  | 'none';

type Brand<T, Name extends string> = T & { readonly __unit: Name };

export type Pages = Brand<number, 'pages'>;
export type Bytes = Brand<number, 'bytes'>;
/** KiB/s as the kernel prints rates: pages per second shifted left by (PAGE_SHIFT - 10). */
export type KiBps = Brand<number, 'kibps'>;
export type PagesPerSecond = Brand<number, 'pages_per_s'>;
export type Ms = Brand<number, 'ms'>;
export type Jiffies = Brand<number, 'jiffies'>;

export const asPages = (value: number): Pages => value as Pages;
export const asBytes = (value: number): Bytes => value as Bytes;
export const asKiBps = (value: number): KiBps => value as KiBps;
export const asPagesPerSecond = (value: number): PagesPerSecond => value as PagesPerSecond;
export const asMs = (value: number): Ms => value as Ms;
export const asJiffies = (value: number): Jiffies => value as Jiffies;

/** `pageSize`: of the machine that was traced, in bytes. */
export function bytesOfPages(pages: Pages, pageSize: number): Bytes {
  return asBytes(pages * pageSize);
}
