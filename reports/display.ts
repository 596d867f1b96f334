/**
 * How text from a trace is shown. Names in it are hostile: control bytes and direction marks are
 * made visible, long ones are shortened. Markup is not a matter of this file: the page sets text
 * only, and the static part of the page escapes (render/html.ts).
 */

/** C0 and C1 controls, direction marks and overrides, line separators, lone surrogates, BOM. */
const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|\p{Surrogate}/gu;

/** `a\u202eb` → `a⟨U+202E⟩b`: a name cannot reorder, hide or end the text around it. */
export function visible(text: string): string {
  return text.replace(UNSAFE, (char) => {
    const code = char.charCodeAt(0);
    // Control Pictures have a glyph for each of the first 32 controls.
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return `⟨U+${code.toString(16).toUpperCase().padStart(4, '0')}⟩`;
  });
}

/** At most `length` characters; the middle is left out, since both ends tell names apart. */
export function shorten(text: string, length: number): string {
  const chars = text.length <= length ? undefined : [...text];
  if (chars === undefined || chars.length <= length) return text;
  const head = Math.ceil((length - 1) * 0.6);
  const tail = length - 1 - head;
  return `${chars.slice(0, head).join('')}…${tail > 0 ? chars.slice(-tail).join('') : ''}`;
}

/** As many sentences as fit into `length` characters; where none does, its ends. */
export function firstSentences(text: string, length: number): string {
  if (text.length <= length) return text;
  const end = text.lastIndexOf('. ', length - 3);
  return end < length / 3 ? shorten(text, length) : `${text.slice(0, end + 1)} …`;
}

/** An id that is safe as a fragment of an address and as an element's id. */
export function anchor(id: string): string {
  const slug = id.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return `finding-${shorten(slug, 60).replace('…', '-')}`;
}

export const STATUS_WORDS = {
  found: { word: 'Found', sign: '●', meaning: 'It happened in this capture.' },
  shown: { word: 'Shown', sign: '▸', meaning: 'Data to look at; nothing is judged by it.' },
  clear: { word: 'Clear', sign: '✓', meaning: 'Looked for, and it did not happen.' },
  'not-applicable': {
    word: 'Not applicable',
    sign: '–',
    meaning: 'This capture cannot have it.',
  },
  unknown: { word: 'Unknown', sign: '?', meaning: 'The evidence is missing or was lost.' },
  off: { word: 'Off', sign: '–', meaning: 'Switched off in the configuration.' },
  error: { word: 'Failed', sign: '!', meaning: 'Tidemark itself failed here; please report it.' },
} as const;

export const SEVERITY_WORDS = {
  critical: 'Critical',
  warning: 'Warning',
  notice: 'Notice',
  info: 'Information',
} as const;

export const CONFIDENCE_WORDS = {
  high: 'High confidence',
  reduced: 'Reduced confidence',
  low: 'Low confidence',
} as const;

export const LEVEL_WORDS = {
  a: {
    name: 'identity',
    meaning: "The kernel's own counters are given; the law that ties them together is checked.",
  },
  b: {
    name: 'event replay',
    meaning: 'Pages and sizes come from recorded events; the counters are predicted from them.',
  },
  c: {
    name: 'simulation',
    meaning:
      'Something that was not recorded: other settings, or another kernel in the place of the ' +
      'recorded one. What it would have counted and done is predicted.',
  },
} as const;
