/**
 * The tables of names inside a recorded print format: which bits or values the kernel prints as
 * which words. Only tables are taken from it; nothing in a trace is ever executed.
 */

export type NameTable = {
  readonly kind: 'flags' | 'symbols';
  readonly delimiter: string;
  /** Read from the format when the first name is asked for: tables of flags are long. */
  readonly entries: readonly (readonly [value: bigint, name: string])[];
  /** What stands for zero when the format says `(REC->x) ? __print_flags(…) : "none"`. */
  readonly zero: string;
};

const CALL = /__print_(flags|symbolic)(?:_u64|64)?\s*\(/g;
const MAX_ENTRIES = 4096;
/** Calls looked at in one format: real ones have up to four. */
const MAX_CALLS = 64;

/**
 * Tables by field name. `constants` gives numbers to names that the format leaves unresolved;
 * entries that stay unresolved are dropped.
 */
export function parseNameTables(
  printFormat: string,
  constants: Readonly<Record<string, number>>,
): ReadonlyMap<string, NameTable> {
  const tables = new Map<string, NameTable>();
  let calls = 0;
  for (const match of printFormat.matchAll(CALL)) {
    if (++calls > MAX_CALLS) break;
    const start = match.index + match[0].length;
    const end = closing(printFormat, start);
    if (end === undefined) continue;
    const call = printFormat.slice(start, end);
    const parts = splitArguments(call, 2);
    const field = /REC->(\w+)/.exec(parts[0] ?? '')?.[1];
    if (field === undefined || tables.has(field)) continue;
    const flags = match[1] === 'flags';
    let entries: NameTable['entries'] | undefined;
    tables.set(field, {
      kind: flags ? 'flags' : 'symbols',
      delimiter: flags ? (unquote(parts[1] ?? '') ?? '|') : '',
      get entries() {
        entries ??=
          plainEntries(call, flags ? 2 : 1, constants) ??
          entriesOf(splitArguments(call).slice(flags ? 2 : 1), constants);
        return entries;
      },
      zero: zeroText(printFormat.slice(0, match.index), printFormat.slice(end + 1)),
    });
  }
  return tables;
}

/** The text that the kernel prints for a value (trace_print_flags_seq, trace_print_symbols_seq). */
export function printNames(table: NameTable, value: bigint): string {
  if (table.kind === 'symbols') {
    const found = table.entries.find(([number]) => number === value);
    return found === undefined ? `0x${value.toString(16)}` : found[1];
  }
  if (value === 0n) return table.zero;
  const words: string[] = [];
  let rest = value;
  for (const [mask, name] of table.entries) {
    if (mask === 0n || (rest & mask) !== mask) continue;
    words.push(name);
    rest &= ~mask;
  }
  if (rest !== 0n) words.push(`0x${rest.toString(16)}`);
  return words.join(table.delimiter);
}

function zeroText(before: string, after: string): string {
  if (!/\?\s*$/.test(before)) return '';
  const match = /^\s*:\s*"([^"]*)"/.exec(after);
  return match?.[1] ?? '';
}

// { 1, "name" },
const PLAIN_ENTRY = /\s*\{([^{}",]*),\s*"([^"]*)"\s*\}\s*(,|$)/y;

/**
 * What entriesOf() finds where all entries are numbers and names, as nearly all are; undefined
 * where it must look. Its splitting took each thread 7 ms of CPU, most of it to compile it.
 */
function plainEntries(
  call: string,
  firstArgument: number,
  constants: Readonly<Record<string, number>>,
): [bigint, string][] | undefined {
  const entries: [bigint, string][] = [];
  const before = splitArguments(call, firstArgument);
  let at = before.reduce((sum, { length }) => sum + length + 1, 0);
  while (at < call.length) {
    PLAIN_ENTRY.lastIndex = at;
    const [entry, number = '', name = ''] = PLAIN_ENTRY.exec(call) ?? [];
    const value = evaluate(number, constants);
    if (entry === undefined || value === undefined || entries.length === MAX_ENTRIES) return;
    entries.push([value, name]);
    at += entry.length;
  }
  return entries;
}

function entriesOf(
  parts: readonly string[],
  constants: Readonly<Record<string, number>>,
): [bigint, string][] {
  const entries: [bigint, string][] = [];
  for (const part of parts.slice(0, MAX_ENTRIES)) {
    const inner = /^\s*\{(.*)\}\s*$/s.exec(part)?.[1];
    if (inner === undefined) continue;
    const pair = splitArguments(inner);
    const name = unquote(pair[1] ?? '');
    const value = evaluate(pair[0] ?? '', constants);
    if (name !== undefined && value !== undefined) entries.push([value, name]);
  }
  return entries;
}

function unquote(text: string): string | undefined {
  return /^\s*"(.*)"\s*$/s.exec(text)?.[1];
}

/** Position of the parenthesis that closes the one before `start`. */
function closing(text: string, start: number): number | undefined {
  let depth = 1;
  const marks = /"[^"]*(?:"|$)|[()]/g;
  marks.lastIndex = start;
  for (let mark = marks.exec(text); mark !== null; mark = marks.exec(text)) {
    if (mark[0] === '(') depth++;
    if (mark[0] === ')' && --depth === 0) return mark.index;
  }
  return undefined;
}

/** Splits at commas that are in no bracket and no string; only `most` parts, if so many are enough. */
function splitArguments(text: string, most = Number.POSITIVE_INFINITY): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (const mark of text.matchAll(/"[^"]*(?:"|$)|[(){}[\],]/g)) {
    const [char] = mark;
    if (char === '(' || char === '{' || char === '[') depth++;
    if (char === ')' || char === '}' || char === ']') depth--;
    if (char === ',' && depth === 0) {
      parts.push(text.slice(from, mark.index));
      if (parts.length === most) return parts;
      from = mark.index + 1;
    }
  }
  parts.push(text.slice(from));
  return parts;
}

type Cursor = {
  readonly tokens: readonly string[];
  readonly constants: Readonly<Record<string, number>>;
  at: number;
  depth: number;
};

const MAX_TOKENS = 4096;
const MAX_DEPTH = 100;

/**
 * A constant expression of integers, named constants, casts and ~ << >> & | + -, as the C
 * preprocessor leaves it, e.g. `(1 << 3)` or `( gfp_t)((1UL) << (10))`. Undefined when it is
 * anything else.
 */
export function evaluate(
  expression: string,
  constants: Readonly<Record<string, number>>,
): bigint | undefined {
  // Most are plain numbers.
  const plain = /^\s*(0[xX][0-9a-fA-F]+|\d{1,18})[uUlL]*\s*$/.exec(expression);
  if (plain !== null) return numberOf(plain[1] as string);
  const tokens = expression.match(/0[xX][0-9a-fA-F]+[uUlL]*|\d+[uUlL]*|\w+|<<|>>|[^\s\w]/g);
  if (tokens === null || tokens.length > MAX_TOKENS) return undefined;
  const cursor: Cursor = { tokens: tokens.map(dropSuffix), constants, at: 0, depth: 0 };
  const value = binary(cursor, 0);
  return cursor.at === tokens.length ? value : undefined;
}

function dropSuffix(token: string): string {
  return token.replace(/^(0[xX][0-9a-fA-F]+|\d+)[uUlL]+$/, '$1');
}

const LEVELS: readonly (readonly string[])[] = [['|'], ['&'], ['<<', '>>'], ['+', '-']];

function binary(cursor: Cursor, level: number): bigint | undefined {
  const operators = LEVELS[level];
  if (operators === undefined) return unary(cursor);
  let left = binary(cursor, level + 1);
  while (left !== undefined && operators.includes(cursor.tokens[cursor.at] ?? '')) {
    const operator = cursor.tokens[cursor.at++];
    const right = binary(cursor, level + 1);
    if (right === undefined) return undefined;
    left = apply(operator, left, right);
  }
  return left;
}

function apply(operator: string | undefined, left: bigint, right: bigint): bigint | undefined {
  switch (operator) {
    case '|':
      return left | right;
    case '&':
      return left & right;
    case '<<':
      return right >= 0n && right < 64n ? left << right : undefined;
    case '>>':
      return right >= 0n && right < 64n ? left >> right : undefined;
    case '+':
      return left + right;
    case '-':
      return left - right;
    default:
      return undefined;
  }
}

function unary(cursor: Cursor): bigint | undefined {
  const token = cursor.tokens[cursor.at++];
  if (token === undefined || ++cursor.depth > MAX_DEPTH) return undefined;
  const value = primary(cursor, token);
  cursor.depth--;
  return value;
}

function primary(cursor: Cursor, token: string): bigint | undefined {
  if (token === '~' || token === '-') {
    const value = unary(cursor);
    if (value === undefined) return undefined;
    return token === '~' ? BigInt.asUintN(64, ~value) : -value;
  }
  if (token === '(') return parenthesised(cursor);
  if (/^\d/.test(token)) return numberOf(token);
  return Object.hasOwn(cursor.constants, token) ? BigInt(cursor.constants[token] ?? 0) : undefined;
}

/** As C writes them: with 0 before it, octal. */
function numberOf(token: string): bigint {
  return BigInt(/^0[0-7]+$/.test(token) ? `0o${token.slice(1)}` : token);
}

/** `( gfp_t)` and `(unsigned int)` before a value are casts; everything else is a group. */
function parenthesised(cursor: Cursor): bigint | undefined {
  let end = cursor.at;
  while (/^[A-Za-z_]\w*$/.test(cursor.tokens[end] ?? '')) end++;
  const words = cursor.tokens.slice(cursor.at, end);
  const isCast =
    words.length > 0 &&
    cursor.tokens[end] === ')' &&
    words.every((word) => !Object.hasOwn(cursor.constants, word));
  if (isCast) {
    cursor.at = end + 1;
    return unary(cursor);
  }
  const value = binary(cursor, 0);
  return cursor.tokens[cursor.at++] === ')' ? value : undefined;
}
