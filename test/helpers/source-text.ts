/**
 * Looking at source text without a parser: code without comments and strings, functions, imports.
 */

/** The same text with comments, strings and regular expressions blanked, line by line. */
export function codeOnly(text: string): string {
  // Comments, strings, templates, and regular expressions where no value stands before them.
  const token =
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|(?<=[(,=:[!&|?{};+\n]\s*|return\s)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/g;
  return text.replace(token, (found) => found.replace(/[^\n]/g, ' '));
}

export function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}

export type Import = { readonly from: string; readonly typeOnly: boolean };

export function importsOf(text: string): Import[] {
  const found: Import[] = [];
  // import { a, type B } from './x.ts';   export type { C } from './y.ts';
  const statement = /^(?:import|export)\s+(type\s+)?([^'";]*?)\s*from\s+'([^']+)'/gm;
  for (const [, type, names = '', from = ''] of text.matchAll(statement)) {
    const listed = /^\{([\s\S]*)\}$/.exec(names.trim())?.[1];
    const parts = listed
      ?.split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '');
    const typeOnly =
      type !== undefined || (parts?.every((part) => part.startsWith('type ')) ?? false);
    found.push({ from, typeOnly });
  }
  for (const [, from = ''] of text.matchAll(/^import\s+'([^']+)'/gm))
    found.push({ from, typeOnly: false });
  // const { x } = await import('./y.ts');
  for (const [, from = ''] of text.matchAll(/\bimport\('([^']+)'\)/g))
    found.push({ from, typeOnly: false });
  return found;
}

export type FunctionSpan = { readonly name: string; readonly line: number; readonly lines: number };

/** Function declarations, methods and arrow functions with a body in braces. */
export function functionsOf(code: string): FunctionSpan[] {
  const starts =
    /\bfunction\b\s*([\w$]*)|^ {2}(?:static |async |get |set )*([#\w]+)\([^;]*?\)[^;={]*\{$|(?:const|let)\s+(\w+)[^;\n]*=>\s*\{$/gm;
  const spans: FunctionSpan[] = [];
  for (const match of code.matchAll(starts)) {
    const name = match[1] ?? match[2] ?? match[3] ?? '';
    if (['if', 'for', 'while', 'switch', 'catch'].includes(name)) continue;
    const isFunction = match[0].startsWith('function');
    const body = isFunction
      ? bodyOf(code, match.index + match[0].length)
      : match.index + match[0].length - 1;
    if (body === undefined) continue;
    const end = closing(code, body, '{', '}');
    spans.push({
      name,
      line: lineAt(code, match.index),
      lines: code.slice(match.index, end).split('\n').length,
    });
  }
  return spans;
}

/** Position of the brace that opens the body of the function whose parameters come next. */
function bodyOf(code: string, from: number): number | undefined {
  const open = code.indexOf('(', from);
  if (open < 0) return undefined;
  let at = closing(code, open, '(', ')') + 1;
  let before = '';
  while (at < code.length) {
    const char = code[at] ?? '';
    if (char === '{') {
      // After `:` or inside of brackets it is a type, otherwise the body.
      if (!/[:|&<,[(]$/.test(before)) return at;
      at = closing(code, at, '{', '}');
    }
    if (char === ';') return undefined;
    if (/\S/.test(char)) before = char;
    at++;
  }
  return undefined;
}

function closing(code: string, open: number, left: string, right: string): number {
  let depth = 0;
  for (let at = open; at < code.length; at++) {
    if (code[at] === left) depth++;
    if (code[at] === right && --depth === 0) return at;
  }
  return code.length;
}
