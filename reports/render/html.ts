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
  firstSentences,
  LEVEL_WORDS,
  SEVERITY_WORDS,
  STATUS_WORDS,
  shorten,
} from '../display.ts';
import type { Report, ReportCause } from '../schema/report.ts';
import { formatNumber, formatQuantity, formatSeconds } from '../units.ts';
import {
  comparisonTrust,
  comparisonVerdict,
  pairBanner,
  pairFacts,
  twoAnswers,
} from './comparison-html.ts';
import { element, escapeHtml } from './markup.ts';

export type PageAssets = {
  readonly template: string;
  readonly css: string;
  readonly script: string;
};

/** What may end the script element, break a line in it, or reorder it on a screen. */
const UNSAFE_IN_JSON = /[<\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

function escapeJson(json: string): string {
  return json.replace(UNSAFE_IN_JSON, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

function hash(content: string): string {
  return `'sha256-${createHash('sha256').update(content, 'utf8').digest('base64')}'`;
}

/** Nothing but this page's own script and style; `data:` for what a chart may draw as an image. */
export function pagePolicy(assets: PageAssets): string {
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
  if (report.comparison !== undefined) return pairFacts(report);
  const { input, generator } = report;
  const kernel = [input.kernel === undefined ? '' : `Linux ${input.kernel}`, input.machine ?? ''];
  const facts = [
    input.format,
    kernel.filter((part) => part !== '').join(' '),
    `${formatNumber(input.cpus)} ${input.cpus === 1 ? 'CPU' : 'CPUs'}`,
    formatQuantity(input.duration_ns, 'ns'),
    `${formatNumber(input.events)} ${input.events === 1 ? 'event' : 'events'}`,
    `clock ${input.clock}`,
  ].filter((fact) => fact !== '');
  const items = facts.map((fact) => element('li', '', fact, 60)).join('');
  return (
    `${element('span', ' class="brand"', generator.name, 40)}` +
    `${element('span', ' class="file"', input.name, 70)}<ul>${items}</ul>`
  );
}

function banner(report: Report): string {
  if (report.comparison !== undefined) return pairBanner(report);
  const { lost_events: lost, diagnostics } = report.quality;
  const damage = diagnostics.filter(({ severity }) => severity === 'data_loss');
  const parts: string[] = [];
  if (lost > 0 || damage.length > 0) {
    const messages = damage.map(({ message }) => message).join(' ');
    const counted = messages === '' ? `${formatNumber(lost)} events were lost.` : '';
    parts.push(
      '<p class="banner" role="note"><strong>This capture is incomplete.</strong> ' +
        `${element('span', '', `${counted}${messages}`, 600)} ` +
        '<a href="#capture-quality">What that means</a></p>\n',
    );
  }
  const [from, to] = report.window_ns;
  if (from > 0 || to < report.input.duration_ns) {
    const text =
      `Charts and lists show ${formatSeconds(from, 2)} to ${formatSeconds(to, 2)} s of the ` +
      `${formatSeconds(report.input.duration_ns, 2)} s of the capture; ` +
      'the verdict is about all of it.';
    parts.push(`<p class="banner" role="note">${escapeHtml(text)}</p>\n`);
  }
  return parts.join('');
}

/** The cause by its name, how bad it is, and how sure. */
function eyebrow({ diagnosis, headline }: Report): string {
  const { root_cause, most_likely, title, severity, confidence } = diagnosis.verdict;
  const likely = most_likely === undefined ? '' : 'Most likely: ';
  const isCalm = root_cause === 'none';
  const word = isCalm ? 'No stall' : SEVERITY_WORDS[severity];
  const trust = `${CONFIDENCE_WORDS[headline.confidence]} (${confidence.toFixed(2)})`;
  return (
    `<p class="eyebrow"><span class="chip severity-${isCalm ? 'none' : severity}">${word}</span>` +
    `${element('strong', '', `${likely}${title}`, 120)}<span>${trust}</span></p>`
  );
}

const VICTIMS = 4;

/** Who lost how much, with a bar to compare. */
function lost(report: Report, cause: ReportCause): string {
  const { victims } = cause;
  if (victims.length === 0) return '';
  const most = Math.max(...victims.map(({ time_lost_s }) => time_lost_s), 1e-9);
  const rows = victims.slice(0, VICTIMS).map(({ comm, pid, bdi, time_lost_s, stalls }) => {
    const part = Math.max(1, Math.round((100 * time_lost_s) / most));
    const where = bdi === undefined ? '' : ` on ${bdi}`;
    const waits = `${formatNumber(stalls)} ${stalls === 1 ? 'wait' : 'waits'}`;
    return (
      `<tr><th scope="row">${element('span', '', `${comm} ${pid}${where}`, 34)}</th>` +
      '<td><svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">' +
      `<rect width="${part}" height="10" /></svg></td>` +
      `<td class="number">${escapeHtml(formatQuantity(time_lost_s, 's'))}</td>` +
      `<td class="number">${escapeHtml(waits)}</td></tr>`
    );
  });
  const more = victims.length - VICTIMS;
  const rest = more > 0 ? `<p class="aside">and ${more} more <a href="#causes">below</a></p>` : '';
  // What was lost with the events can only have been more.
  const atLeast = report.diagnosis.quality.lost_share > 0 ? 'at least ' : '';
  const whole = `${atLeast}${formatQuantity(cause.time_lost_s, 's')}`;
  const window = formatQuantity(report.input.duration_ns, 'ns');
  return (
    `<div class="lost"><h2>${escapeHtml(`Time lost: ${whole} in a capture of ${window}`)}</h2>` +
    `<table><tbody>${rows.join('')}</tbody></table>${rest}` +
    `<dl class="small-facts">${pairs(report.headline.facts.slice(1, -1))}</dl></div>`
  );
}

function pairs(facts: Report['headline']['facts'], around = ['', '']): string {
  return facts
    .map(({ label, text }) => {
      const pair = `${element('dt', '', label, 60)}${element('dd', '', text, 60)}`;
      return `${around[0]}${pair}${around[1]}`;
    })
    .join('');
}

/** What would have been, and smaller what that rests on: it ends with `(level c: …)`. */
function prediction(predicted: string): string {
  const [, what = predicted, rests = ''] = /^(.*?) \((level [abc].*)\)$/s.exec(predicted) ?? [];
  const small = rests === '' ? '' : ` ${element('small', '', `(${rests})`, 300)}`;
  return `${element('span', '', `→ ${what}`, 300)}${small}`;
}

const ADVICE = 2;

function change({ advice }: ReportCause, { verdict, next_capture }: Report['diagnosis']): string {
  // A guess is no ground to change a machine on.
  const again =
    verdict.root_cause === 'inconclusive'
      ? `<li>Record again before you change anything: this is a guess.<pre>${element(
          'code',
          '',
          next_capture.command,
          300,
        )}</pre></li>`
      : '';
  if (advice.length === 0 && again === '') return '';
  const items = advice
    .slice(0, again === '' ? ADVICE : 1)
    .map(({ text, command, predicted, unpredicted }) => {
      const typed = command === undefined ? '' : `<pre>${element('code', '', command, 300)}</pre>`;
      const effect = predicted === undefined ? '' : `<p>${prediction(predicted)}</p>`;
      const why =
        unpredicted === undefined
          ? ''
          : `<p class="aside">${element('span', '', `Not predicted: ${unpredicted}`, 420)}</p>`;
      return `<li>${element('span', '', text, 300)}${typed}${effect}${why}</li>`;
    });
  const head = '<h2>What to change, and what that would have done</h2>';
  return `<div class="change">${head}<ol>${again}${items.join('')}</ol></div>`;
}

function verdict(report: Report): string {
  if (report.comparison !== undefined) return comparisonVerdict(report);
  const { headline, diagnosis, title, note } = report;
  const id = diagnosis.verdict.most_likely ?? diagnosis.verdict.root_cause;
  const cause = diagnosis.findings.find((finding) => finding.id === id);
  const tiles = pairs(headline.facts, ['<div>', '</div>']);
  const columns = cause === undefined ? '' : `${lost(report, cause)}${change(cause, diagnosis)}`;
  return [
    title === undefined ? '' : element('p', ' class="author"', title, 300),
    eyebrow(report),
    element('h1', ' id="verdict" tabindex="-1"', headline.sentence),
    note === undefined ? '' : element('p', ' class="note"', note, 2000),
    columns === '' ? `<dl class="facts">${tiles}</dl>` : `<div class="columns">${columns}</div>`,
  ].join('\n');
}

/** How sure it is, in words, below the chart that proves it. */
function trust(report: Report): string {
  if (report.comparison !== undefined) return comparisonTrust(report);
  const { headline, diagnosis, redacted } = report;
  const word = CONFIDENCE_WORDS[headline.confidence];
  const reasons = headline.confidence_reasons.map((why) => element('li', '', why));
  const also = diagnosis.verdict.also.map((id) => {
    const title = diagnosis.findings.find((finding) => finding.id === id)?.title ?? id;
    return `<a href="#${anchor(id)}">${escapeHtml(shorten(title, 80))}</a>`;
  });
  const near = also.length === 0 ? '' : `<p>It costs nearly as much: ${also.join(', ')}.</p>`;
  const hidden = redacted ? '<p>Names in this report were replaced.</p>' : '';
  return (
    `<div class="trust trust-${headline.confidence}"><h2>${word}</h2>` +
    `<ul>${reasons.join('')}</ul>${near}${hidden}</div>`
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
    ({ id, title, status, summary, summaries }) =>
      `<li>${chip(status)}<a href="#${anchor(id)}">${escapeHtml(shorten(title, 80))}</a>` +
      `${summaries === undefined ? element('span', ' class="answer"', summary, 240, firstSentences) : twoAnswers(summaries)}</li>`,
  );
  return `<h2>Charts and lists</h2>\n<ul>${items.join('\n')}</ul>`;
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

/** The page: one file that opens from disk. Throws when an asset cannot be inlined (a bug). */
export function renderHtml(report: Report, assets: PageAssets): string {
  assertInline('page script', assets.script, /<\/script|<!--/i);
  assertInline('page style', assets.css, /<\/style/i);
  const title = shorten(
    `${report.title ?? (report.comparison ?? report.headline).sentence} – ${report.generator.name}`,
    160,
  );
  const json = escapeJson(JSON.stringify(report));
  const slots = new Map([
    ['policy', `<meta http-equiv="Content-Security-Policy" content="${pagePolicy(assets)}">`],
    ['title', `<title>${escapeHtml(title)}</title>`],
    ['style', `<style>${assets.css}</style>`],
    ['input', inputFacts(report)],
    ['banner', banner(report)],
    ['verdict', verdict(report)],
    ['trust', trust(report)],
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
