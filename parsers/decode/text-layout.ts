/**
 * One printed payload × the dictionary → how such payloads are laid out: which literals stand in
 * which order, and which column each value belongs to. This runs once per shape of payload, on a
 * string; the loop in text-fields.ts then follows the layout through the bytes.
 *
 *   bdi 7:0: ino=12 state= flags=I_DIRTY_SYNC
 *   `bdi ` text, `: ino=` number, ` state=` names, ` flags=` names
 */
import { id } from '../../src/events/define.ts';
import {
  type ColumnDefinition,
  type EventDefinition,
  PRINTED_ONLY,
} from '../../src/events/index.ts';
import { BASE_COLUMNS } from './event-columns.ts';
import type { SinkKind } from './text-columns.ts';

export type LayoutSlot = {
  /** Column name; several slots never share one. */
  readonly name: string;
  readonly kind: SinkKind;
  readonly column: ColumnDefinition | undefined;
  /** The name of the record's field stood there, not that of the printed value (trace-cmd -R). */
  readonly isField: boolean;
  readonly literal: string;
  /** The literal follows the value before it; otherwise text that varies stands between them. */
  readonly exact: boolean;
  /** What ends a text value: the next literal, or a space; undefined for the end of the line. */
  readonly until: string | undefined;
};

export type LearnedLayout = {
  readonly slots: readonly LayoutSlot[];
  /** Punctuation after the last value, e.g. the colon of `bdi 7:0:`. */
  readonly tail: string;
  /** Words stand after the last value: the layout holds for this one payload only. */
  readonly isOpen: boolean;
  /** The payload is one text, as it is: also its spaces at the end. */
  readonly isWhole: boolean;
  /** Columns that the dictionary promises and this payload lacks. */
  readonly missing: readonly string[];
};

/** A literal that was found, and the value behind it. */
type Claim = {
  readonly name: string;
  readonly kind: SinkKind;
  readonly column: ColumnDefinition | undefined;
  readonly isField: boolean;
  readonly at: number;
  readonly literal: string;
  /** The value itself, where it was told by its place. */
  readonly value?: string;
};

const MAX_RAW_KEYS = 32;
const MAX_PAYLOAD = 8192;

/** `payload` in latin1, one character a byte; undefined when it has nothing to follow. */
export function learnLayout(
  payload: string,
  definition: EventDefinition | undefined,
  address?: RegExp,
): LearnedLayout | undefined {
  const all = payload.slice(0, MAX_PAYLOAD).replace(/[ \t]+$/, '');
  const behind = address === undefined ? [] : addressClaims(all, address, definition);
  const text = all.slice(0, behind[0]?.at);
  const known = definition === undefined ? [] : knownClaims(text, definition);
  const whole = known.find((claim) => isWhole(claim) && claim.kind === 'text');
  const names = Object.keys(definition?.columns ?? {});
  const claims = whole === undefined ? [...known, ...rawClaims(text, known, names)] : [whole];
  const placed = [...withoutOverlaps(claims), ...behind];
  if (placed.length === 0) return undefined;
  const { slots, rest } = slotsOf(all, placed);
  // What stands behind words of the payload may be one of them.
  const isDoubtful = whole !== undefined || !slots.every(isBeside);
  if (behind.length > 0 && isDoubtful) return learnLayout(payload, definition);
  const isOpen = /[\w]/.test(rest);
  const missing = missingOf(definition, placed);
  return { slots, tail: isOpen ? '' : rest, isOpen, isWhole: whole !== undefined, missing };
}

/** No words stand between the value before and an address. */
function isBeside({ name, exact }: LayoutSlot): boolean {
  return exact || name !== ADDRESS_COLUMNS[0];
}

const ADDRESS_COLUMNS = ['ip', 'sym', 'dso'] as const;
const ADDRESS: ColumnDefinition = id('ip', { radix: 16, optional: true });

/** An address, its symbol and where that is from, as the groups of `address` find them. */
function addressClaims(
  text: string,
  address: RegExp,
  definition: EventDefinition | undefined,
): Claim[] {
  const match = address.exec(text);
  if (match === null || ADDRESS_COLUMNS.some((name) => definition?.columns[name])) return [];
  const claims: Claim[] = [];
  let at = match.index;
  for (const [nth, name] of ADDRESS_COLUMNS.entries()) {
    const value = match[nth + 1];
    if (value === undefined) break;
    const start = text.indexOf(value, at);
    const isAddress = nth === 0;
    const kind = isAddress ? 'id' : 'text';
    const column = isAddress ? ADDRESS : undefined;
    claims.push({ name, kind, column, isField: false, at, literal: text.slice(at, start), value });
    at = start + value.length;
  }
  return claims;
}

/** Without a literal before it, and not by its place: the value begins where the text does. */
function isWhole({ literal, value }: Claim): boolean {
  return literal === '' && value === undefined;
}

function knownClaims(text: string, definition: EventDefinition): Claim[] {
  const claims: Claim[] = [];
  for (const [name, column] of Object.entries(definition.columns)) {
    const placed = column.place?.exec(text);
    if (placed) {
      const { index: at, 0: value } = placed;
      claims.push({ name, kind: column.type, column, isField: false, at, literal: '', value });
      continue;
    }
    const printed = column.text.map((literal) => ({ literal, isField: false }));
    const fields = column.field.map((field) => ({ literal: `${field}=`, isField: true }));
    for (const { literal, isField } of [...printed, ...fields]) {
      const at = findLiteral(text, literal);
      if (at < 0 || !startsValue(text, at + literal.length, column)) continue;
      const claim = { name, kind: column.type, column, isField, at, literal };
      claims.push(...(column.type === 'names' ? numberedNames(text, claim) : [claim]));
      break;
    }
  }
  return claims;
}

// UNWRITTEN (0x3)     or, when no flag is set,  (0x0)
const NUMBER_BEHIND = /^([^()]{0,256}?) \(0x[0-9a-fA-F]{1,8}\)/;
// 0x50 (80), of the trace option fields
const BOTH_NUMBERS = /^(0x[0-9a-fA-F]{1,8}) \(\d{1,10}\)/;
// 3 (FUSE_GETATTR)
const NUMBER_BEFORE = /^(\d{1,9}) \(([^()]{0,256})\)/;

/** Names beside which their number is printed: both are values. */
function numberedNames(text: string, names: Claim): Claim[] {
  const start = names.at + names.literal.length;
  const rest = text.slice(start);
  const bits = { ...names, name: `${names.name}_bits`, kind: 'int' as const };
  const behind = NUMBER_BEHIND.exec(rest)?.[1];
  if (behind !== undefined) {
    const at = start + behind.length;
    return [names, { ...bits, column: BITS, at, literal: ' (0x' }];
  }
  const both = BOTH_NUMBERS.exec(rest)?.[1];
  if (both !== undefined) {
    const at = start + both.length;
    const column = { ...BITS, radix: 10 as const };
    return [
      { ...names, value: both },
      { ...bits, column, at, literal: ' (' },
    ];
  }
  const before = NUMBER_BEFORE.exec(rest);
  if (before === null) return [names];
  const [, number = '', value = ''] = before;
  return [
    { ...bits, column: { ...BITS, radix: 10 } },
    { ...names, at: start + number.length, literal: ' (', value },
  ];
}

const BITS: ColumnDefinition = {
  type: 'int',
  unit: 'bits',
  signed: false,
  field: [],
  text: [],
  radix: 16,
  textInBytes: false,
  optional: true,
  constants: {},
};

/** Where the literal stands as a word of its own: `dirty=` is not in `wb_dirty=`. */
function findLiteral(text: string, literal: string): number {
  if (literal === '') return 0;
  const isWord = /^\w/.test(literal);
  let at = text.indexOf(literal);
  while (isWord && at > 0 && /\w/.test(text[at - 1] ?? '')) at = text.indexOf(literal, at + 1);
  return at;
}

// -12, 0x1fa7, fe00000; 7:0, 7,0 and 0x700000
const DIGITS: Readonly<Record<number, RegExp>> = {
  8: /-?(?:0x[0-9a-fA-F]+|[0-7]+)(?!\w)/y,
  10: /-?(?:0x[0-9a-fA-F]+|\d+)(?!\w)/y,
  16: /-?(?:0x)?[0-9a-fA-F]+(?!\w)/y,
};
const DEVICE = /(?:0x[0-9a-fA-F]+|\d+(?:[:,]\d+)?)(?!\w)/y;

function numberPattern(column: ColumnDefinition): RegExp | undefined {
  switch (column.type) {
    case 'count':
    case 'int':
    case 'id':
      return DIGITS[column.radix];
    case 'dev':
      return DEVICE;
    default:
      return undefined;
  }
}

/** End of the number at `at`; undefined when there is none. */
function numberEnd(text: string, at: number, pattern: RegExp): number | undefined {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : undefined;
}

function startsValue(text: string, at: number, column: ColumnDefinition): boolean {
  const pattern = numberPattern(column);
  return pattern === undefined || numberEnd(text, at, pattern) !== undefined;
}

/** `key=` that no column claims: kept as a column of that name, like unknown fields of a record. */
function rawClaims(text: string, known: readonly Claim[], columnNames: readonly string[]): Claim[] {
  const claims: Claim[] = [];
  const taken = new Set([...BASE_COLUMNS, 'text', ...columnNames]);
  // key=  at the beginning, or after a space or a bracket
  for (const match of text.matchAll(/(?<=^|[\s,([{])[A-Za-z_]\w{0,63}=(?!=)/g)) {
    const literal = match[0];
    if (known.some(({ at, literal: own }) => at <= match.index && match.index < at + own.length)) {
      continue;
    }
    if (claims.length === MAX_RAW_KEYS) break;
    let name = literal.slice(0, -1);
    const isSkipped = PRINTED_ONLY.includes(name);
    while (taken.has(name)) name = `field_${name}`;
    taken.add(name);
    const kind = isSkipped ? 'skip' : 'raw';
    claims.push({ name, kind, column: undefined, isField: true, at: match.index, literal });
  }
  return claims;
}

/** In order of place; of two literals that overlap (` 0x` and `gfp_flags `) the longer stays. */
function withoutOverlaps(claims: readonly Claim[]): Claim[] {
  const byLength = [...claims].sort((left, right) => right.literal.length - left.literal.length);
  const kept: Claim[] = [];
  for (const claim of byLength) {
    const end = claim.at + claim.literal.length;
    const overlaps = kept.some(({ at, literal }) => claim.at < at + literal.length && at < end);
    if (!overlaps) kept.push(claim);
  }
  return kept.sort((left, right) => left.at - right.at);
}

function slotsOf(text: string, claims: readonly Claim[]): { slots: LayoutSlot[]; rest: string } {
  const slots: LayoutSlot[] = [];
  let valueEnd = 0;
  claims.forEach((claim, index) => {
    const { name, kind, column, isField, at } = claim;
    const gap = text.slice(valueEnd, at);
    const exact = !/\w/.test(gap);
    const boundary = at > 0 && /^\w/.test(claim.literal) ? text.slice(at - 1, at) : '';
    const literal = `${exact ? gap : boundary}${claim.literal}`;
    slots.push({ name, kind, column, isField, literal, exact, until: undefined });
    valueEnd = endOfValue(text, claim, claims[index + 1]?.at ?? text.length);
  });
  const withEnds = slots.map((slot, index) => {
    const next = slots[index + 1];
    if (next === undefined) return slot;
    return { ...slot, until: next.exact && next.literal !== '' ? next.literal : ' ' };
  });
  return { slots: withEnds, rest: text.slice(valueEnd) };
}

/** `limit` is where the next literal begins, or the end. */
function endOfValue(text: string, claim: Claim, limit: number): number {
  const start = claim.at + claim.literal.length;
  const pattern = claim.column === undefined ? undefined : numberPattern(claim.column);
  if (pattern !== undefined) return numberEnd(text, start, pattern) ?? start;
  if (claim.value !== undefined) return start + claim.value.length;
  const value = text.slice(start, limit);
  // super_cache_scan+0x0/0x1b0 000000007e2ff2b3:
  if (claim.kind === 'function') return start + (/^[^+ ]*/.exec(value)?.[0].length ?? 0);
  // `key=value` ends at a space or comma; `bdi 7:0: ` and `bdi 7:0[9]` are followed by more.
  const separators = claim.literal.endsWith('=') ? /[ \t,]+$/ : /[ \t,:[\]]+$/;
  return start + value.replace(claim.literal === '' ? /$/ : separators, '').length;
}

function missingOf(definition: EventDefinition | undefined, placed: readonly Claim[]): string[] {
  const found = new Set(placed.map((claim) => claim.name));
  return Object.entries(definition?.columns ?? {})
    .filter(([name, column]) => !column.optional && !found.has(name))
    .map(([name]) => name);
}

/** ` bdi_setpoint=` is a field's own name, ` unstable=` that of a column with but one field. */
export function wireName({ literal, column }: LayoutSlot): string[] {
  const printed = /(\w+)=$/.exec(literal)?.[1];
  if (printed !== undefined && (column?.field.includes(printed) ?? true)) return [printed];
  return column?.field.length === 1 ? [...column.field] : [];
}
