/** Building blocks of the page. Text only ever becomes text: no markup is parsed from a string. */
import { shorten, visible } from '../display.ts';

type Child = Node | string;

export function el<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** Text of a trace: made visible, cut to `length`, whole on hover. */
export function named<K extends keyof HTMLElementTagNameMap>(
  name: K,
  text: string,
  length: number,
  attributes: Readonly<Record<string, string>> = {},
): HTMLElementTagNameMap[K] {
  const whole = visible(text);
  const short = shorten(whole, length);
  const title = short === whole ? {} : { title: whole };
  return el(name, { ...attributes, ...title }, short);
}

/** An element that can scroll sideways must be reachable with the keyboard. */
export function scrollable(label: string, content: HTMLElement): HTMLElement {
  return el('div', { class: 'scroll', role: 'group', tabindex: '0', 'aria-label': label }, content);
}
