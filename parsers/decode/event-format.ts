/**
 * The kernel's text description of one event record (`events/<system>/<event>/format` in tracefs,
 * copied into trace.dat and perf.data) as a field layout.
 */

export type FieldShape =
  /** A number of `size` bytes. */
  | 'scalar'
  /** `char name[32]`, or `char buf[]` that runs to the end of the record (size 0). */
  | 'string'
  /** Another fixed array. */
  | 'array'
  /** A 32-bit word (length << 16 | offset from the record's start) pointing at string or array. */
  | 'data_loc'
  /** The same, with the offset counted from the end of the word. */
  | 'rel_loc';

export type EventField = {
  readonly name: string;
  readonly shape: FieldShape;
  /** For data_loc and rel_loc: what is pointed at is text. */
  readonly isText: boolean;
  readonly offset: number;
  readonly size: number;
  /** Bytes of one element of an array. */
  readonly elementSize: number;
  readonly signed: boolean;
};

export type EventFormat = {
  readonly id: number;
  readonly name: string;
  readonly system: string;
  /** The event's own fields, without those that every record has. */
  readonly fields: readonly EventField[];
  /** Where the record keeps the pid of the running task; undefined when it does not. */
  readonly pid: EventField | undefined;
  /** Bytes that a record must have for all its fixed fields. */
  readonly minSize: number;
  readonly printFormat: string;
};

//	field:unsigned long nr_dirty;	offset:8;	size:8;	signed:0;
const FIELD = /^\s*field:\s*(.+?);\s*offset:\s*(\d+);\s*size:\s*(\d+);(?:\s*signed:\s*(\d+);)?\s*$/;
const ARRAY = /^(.*?)\s*\[([^\]]*)\]$/;
const LOCATION = /^__(data|rel)_loc\s+(.*?)\s*\[\]\s*(\S+)$/;
const MAX_RECORD_BYTES = 1 << 16;
const MAX_FIELD_LINE = 1000;

/** Fields by their lines: many formats have the same ones. */
export type KnownFields = Map<string, EventField | undefined>;

/**
 * Undefined when the text lacks a name, an id or a field that makes sense. `known` are fields of
 * other formats of the input, and become more.
 */
export function parseEventFormat(
  text: string,
  system: string,
  known: KnownFields = new Map(),
): EventFormat | undefined {
  const name = /^name:\s*(\S+)/m.exec(text)?.[1];
  const id = /^ID:\s*(\d+)/m.exec(text)?.[1];
  if (name === undefined || id === undefined || Number(id) > 0xffff) return undefined;
  const all: EventField[] = [];
  for (const line of text.split('\n')) {
    if (!line.includes('field:')) continue;
    const field = fieldOf(line, known);
    if (field === undefined) return undefined;
    // Each is a field of its own, also where a line is there twice.
    all.push(all.includes(field) ? { ...field } : field);
  }
  const fields = all.filter((field) => !field.name.startsWith('common_'));
  return {
    id: Number(id),
    name,
    system,
    fields,
    pid: all.find((field) => field.name === 'common_pid' && field.size === 4),
    minSize: Math.max(0, ...all.map((field) => field.offset + field.size)),
    printFormat: /^print fmt:\s*(.*)$/ms.exec(text)?.[1] ?? '',
  };
}

function fieldOf(line: string, known: KnownFields): EventField | undefined {
  if (!known.has(line)) known.set(line, parseField(line));
  return known.get(line);
}

function parseField(line: string): EventField | undefined {
  const match = line.length > MAX_FIELD_LINE ? null : FIELD.exec(line);
  if (match === null) return undefined;
  const [, declaration = '', offsetText = '', sizeText = '', signedText = '0'] = match;
  const offset = Number(offsetText);
  const size = Number(sizeText);
  if (offset + size > MAX_RECORD_BYTES) return undefined;
  const base = { offset, size, elementSize: 0, signed: signedText === '1' };
  const location = declaration.startsWith('__') ? LOCATION.exec(declaration) : null;
  if (location !== null) {
    const [, kind, element = '', name = ''] = location;
    if (size !== 4) return undefined;
    const shape = kind === 'data' ? 'data_loc' : 'rel_loc';
    return { ...base, name, shape, isText: isChar(element) };
  }
  const array = declaration.includes('[') ? ARRAY.exec(declaration) : null;
  const name = /(\S+)$/.exec(array?.[1] ?? declaration)?.[1]?.replace(/^\*+/, '');
  if (name === undefined) return undefined;
  // Some kernels describe `char buf[]` as `char buf` of no size.
  const isFlexible = array === null && size === 0;
  if (array === null && !isFlexible) return { ...base, name, shape: 'scalar', isText: false };
  const length = Number(array?.[2] ?? 0);
  const elementSize = length > 0 && size % length === 0 ? size / length : 1;
  const element = (array?.[1] ?? declaration).slice(0, -name.length).trim();
  const isText = isChar(element);
  return { ...base, name, shape: isText ? 'string' : 'array', isText, elementSize };
}

function isChar(type: string): boolean {
  return /^(const\s+)?char(\s+const)?$/.test(type.trim());
}
