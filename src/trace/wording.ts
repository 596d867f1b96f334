/**
 * Numbers and words as people read them, in sentences, tables and pages alike. Own code: what is
 * printed must not depend on the machine's locale.
 */

/** `1,234,567`; decimals stay as they are. */
export function thousands(value: number | string): string {
  const [whole = '', fraction] = String(value).split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

/** At most so many significant digits, without trailing zeros; large numbers stay whole. */
export function significant(value: number, digits: number): string {
  if (Math.abs(value) >= 10 ** digits) return thousands(Math.round(value));
  return String(Number(value.toPrecision(digits)));
}

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** `256 MiB`, `1.5 GiB`: three significant digits. */
export function bytesText(bytes: number): string {
  let scaled = bytes;
  let unit = 0;
  while (Math.abs(scaled) >= 1024 && unit < BYTE_UNITS.length - 1) {
    scaled /= 1024;
    unit++;
  }
  return `${significant(scaled, 3)} ${BYTE_UNITS[unit]}`;
}

/** `99.98%`, rounded down: only all of a whole is 100%. Empty where the whole is nothing. */
export function shareText(part: number, whole: number, decimals = 2): string {
  if (whole === 0) return '';
  const unit = 10 ** decimals;
  return `${(Math.floor((100 * unit * part) / whole) / unit).toFixed(decimals)}%`;
}

/** `−38%`, `2.1 times`, `the same`: what became of a value; empty where nothing can be compared. */
export function changeText(before: number | undefined, after: number | undefined): string {
  if (before === undefined || after === undefined || before === 0) return '';
  if (after === before) return 'the same';
  const ratio = after / before;
  const short = (value: number) => thousands(Number(value.toPrecision(2)));
  if (ratio >= 2) return `${short(ratio)} times`;
  return `${ratio < 1 ? '−' : '+'}${short(100 * Math.abs(ratio - 1))}%`;
}

/** The beginning of a sentence. */
export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
