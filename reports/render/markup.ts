/** Text from a trace inside of static HTML: escaped, made visible and shortened. */
import { shorten, visible } from '../display.ts';

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export function escapeHtml(text: string): string {
  return visible(text).replace(/[&<>"']/g, (char) => ENTITIES[char] ?? '');
}

/** An element with text; what is too long has all of it in its title. */
export function element(
  name: string,
  attributes: string,
  text: string,
  length = 400,
  cut: (text: string, length: number) => string = shorten,
): string {
  const short = cut(text, length);
  const title = short === text ? '' : ` title="${escapeHtml(text)}"`;
  return `<${name}${attributes}${title}>${escapeHtml(short)}</${name}>`;
}
