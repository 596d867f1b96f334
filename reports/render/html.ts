/**
 * Report → one self-contained HTML page. The verdict is static, so that it can be read without
 * scripts; charts and tables are drawn in the page from the embedded Report (page/main.ts).
 * Everything in a report is hostile text: it is escaped here, and the page may neither run other
 * scripts nor reach the network (Content-Security-Policy).
 */
import { createHash } from 'node:crypto';
import {
  anchor,
  CONFIDENCE_WORDS,
  LEVEL_WORDS,
  STATUS_WORDS,
  shorten,
  visible,
} from '../display.ts';
import type { Report } from '../report.ts';
import { formatNumber, formatQuantity } from '../units.ts';

export type PageAssets = {
  readonly template: string;
  readonly css: string;
  readonly script: string;
};

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

/** What may end the script element, break a line in it, or reorder it on a screen. */
const UNSAFE_IN_JSON = /[<\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

export function escapeJson(json: string): string {
  return json.replace(UNSAFE_IN_JSON, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

function element(name: string, attributes: string, text: string, length = 400): string {
  const short = shorten(text, length);
  const title = short === text ? '' : ` title="${escapeHtml(text)}"`;
  return `<${name}${attributes}${title}>${escapeHtml(short)}</${name}>`;
}

function hash(content: string): string {
  return `'sha256-${createHash('sha256').update(content, 'utf8').digest('base64')}'`;
}

/** Nothing but this page's own script and style; `data:` for what a chart may draw as an image. */
function policy(assets: PageAssets): string {
  return [
    "default-src 'none'",
    `script-src ${hash(assets.script)}`,
    `style-src ${hash(assets.css)}`,
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
}

function inputFacts(report: Report): string {
  const { input, generator } = report;
  const kernel = [input.kernel === undefined ? '' : `Linux ${input.kernel}`, input.machine ?? ''];
  const facts = [
    input.format,
    kernel.filter((part) => part !== '').join(' '),
    `${formatNumber(input.cpus)} ${input.cpus === 1 ? 'CPU' : 'CPUs'}`,
    formatQuantity(input.duration_ns, 'ns'),
    `${formatNumber(input.events)} events`,
    `clock ${input.clock}`,
  ].filter((fact) => fact !== '');
  const items = facts.map((fact) => element('li', '', fact, 60)).join('');
  return (
    `${element('span', ' class="brand"', generator.name, 40)}` +
    `${element('span', ' class="file"', input.name, 70)}<ul>${items}</ul>`
  );
}

function banner(report: Report): string {
  const { lost_events: lost, diagnostics } = report.quality;
  const damage = diagnostics.filter(({ severity }) => severity === 'data_loss');
  if (lost === 0 && damage.length === 0) return '';
  const counted = lost > 0 ? `${formatNumber(lost)} events were lost. ` : '';
  const messages = damage.map(({ message }) => message).join(' ');
  const text = `${counted}${messages}`;
  return (
    '<p class="banner" role="note"><strong>This capture is incomplete.</strong> ' +
    `${element('span', '', text, 600)} <a href="#capture-quality">What that means</a></p>\n`
  );
}

function verdict(report: Report): string {
  const { headline } = report;
  const tiles = headline.facts
    .map(
      ({ label, text }) =>
        `<div>${element('dt', '', label, 60)}${element('dd', '', text, 60)}</div>`,
    )
    .join('');
  const word = CONFIDENCE_WORDS[headline.confidence];
  const reasons = headline.confidence_reasons.map((why) => element('span', '', why)).join(' ');
  return (
    `${element('h1', ' id="verdict"', headline.sentence)}\n<dl class="facts">${tiles}</dl>\n` +
    `<p class="trust trust-${headline.confidence}"><strong>${word}.</strong> ${reasons}</p>`
  );
}

function chip(status: Report['sections'][number]['status']): string {
  const { word, sign, meaning } = STATUS_WORDS[status];
  return (
    `<span class="chip chip-${status}" title="${escapeHtml(meaning)}">` +
    `<span aria-hidden="true">${sign}</span> ${word}</span>`
  );
}

function answers(report: Report): string {
  const items = report.sections.map(
    ({ id, title, status, summary }) =>
      `<li>${chip(status)}<a href="#${anchor(id)}">${escapeHtml(shorten(title, 80))}</a>` +
      `${element('span', ' class="answer"', summary, 240)}</li>`,
  );
  return `<h2>What was looked at</h2>\n<ul>${items.join('\n')}</ul>`;
}

function footer(report: Report): string {
  const statuses = Object.values(STATUS_WORDS).map(
    ({ word, meaning }) => `<div><dt>${word}</dt><dd>${escapeHtml(meaning)}</dd></div>`,
  );
  const levels = Object.entries(LEVEL_WORDS).map(
    ([level, { name, meaning }]) =>
      `<div><dt>Level ${level}: ${name}</dt><dd>${escapeHtml(meaning)}</dd></div>`,
  );
  const { generator, schema, version } = report;
  return (
    `<h2>How to read this page</h2><dl>${statuses.join('')}${levels.join('')}</dl>` +
    `<p>${escapeHtml(`${generator.name} ${generator.version}, ${schema} version ${version}`)}. ` +
    'All data is inside this file; it makes no network request.</p>'
  );
}

/** Text that would end the element that it is put into, whatever the CSP says. */
function assertInline(name: string, content: string, forbidden: RegExp): void {
  if (forbidden.test(content)) throw new Error(`internal error: ${name} cannot be inlined`);
}

export function renderHtml(report: Report, assets: PageAssets): string {
  assertInline('page script', assets.script, /<\/script|<!--/i);
  assertInline('page style', assets.css, /<\/style/i);
  const title = shorten(`${report.headline.sentence} – ${report.generator.name}`, 160);
  const json = escapeJson(JSON.stringify(report));
  const slots = new Map([
    ['policy', `<meta http-equiv="Content-Security-Policy" content="${policy(assets)}">`],
    ['title', `<title>${escapeHtml(title)}</title>`],
    ['style', `<style>${assets.css}</style>`],
    ['input', inputFacts(report)],
    ['banner', banner(report)],
    ['verdict', verdict(report)],
    ['answers', answers(report)],
    ['footer', footer(report)],
    ['report', `<script type="application/json" id="report">${json}</script>`],
    ['script', `<script>${assets.script}</script>`],
  ]);
  // One pass over the template: what is put in is never searched for slots again.
  return assets.template
    .split(/<!-- slot: ([a-z]+) -->/)
    .map((piece, i) => (i % 2 === 0 ? piece : (slots.get(piece) ?? '')))
    .join('');
}
