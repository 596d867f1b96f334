/** Aligned columns for a terminal: numbers to the right, words to the left. */

export function textTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows];
  const widths = header.map((_, at) => Math.max(...all.map((row) => (row[at] ?? '').length)));
  const isNumeric = header.map((_, at) =>
    rows.every((row) => /^[-+≤±]?[\d,.]*( ?[%a-zA-Zµ/]+)?$/.test(row[at] ?? '')),
  );
  return all
    .map((row) =>
      row
        .map((cell, at) =>
          isNumeric[at] ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `  ${line}\n`)
    .join('');
}

/** Names in a trace are hostile: nothing in them may steer the terminal. */
export function printable(text: string): string {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
