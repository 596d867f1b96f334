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
