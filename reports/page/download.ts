/** Buttons that hand out what is inside of the page: data of charts, and the whole report. */
import { detailCsv } from '../csv.ts';
import { visible } from '../display.ts';
import type { ReportDetail } from '../schema/details.ts';
import { el } from './dom.ts';

export function downloadButton(
  label: string,
  name: string,
  type: string,
  content: () => string,
  of = '',
): HTMLElement {
  const button = el('button', { type: 'button', class: 'quiet' }, label);
  // Several have the same label: readers of the screen hear of what.
  if (of !== '') button.setAttribute('aria-label', `${label}: ${visible(of)}`);
  button.addEventListener('click', () => {
    const address = URL.createObjectURL(new Blob([content()], { type }));
    const link = el('a', { href: address, download: name });
    link.click();
    // The browser has to have begun reading before the address goes away.
    window.setTimeout(() => URL.revokeObjectURL(address), 10_000);
  });
  return button;
}

export function csvButton(detail: ReportDetail): HTMLElement {
  const name = `${detail.id.replace(/[^\w-]/g, '_').slice(0, 60)}.csv`;
  const of = 'title' in detail ? detail.title : '';
  return downloadButton('Download CSV', name, 'text/csv', () => detailCsv(detail), of);
}
