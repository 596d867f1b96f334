/** Long text in lines of a terminal's width. */

/** The first line begins with `lead`, the others are indented as far and, in lists, two more. */
export function wrapped(text: string, columns: number, lead: string): string {
  const indent = ' '.repeat(lead.trim() === '' ? lead.length + 2 : lead.length);
  const lines: string[] = [];
  let line = lead;
  let isEmpty = true;
  for (const word of text.split(' ')) {
    if (!isEmpty && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = indent;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line].map((one) => `${one.trimEnd()}\n`).join('');
}
