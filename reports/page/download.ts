/** Buttons that hand out what is inside of the page: data of charts, and the whole report. */
import { detailCsv } from '../csv.ts';
import type { ReportDetail } from '../schema/details.ts';
import { el } from './dom.ts';

export function downloadButton(
  label: string,
  name: string,
  type: string,
  content: () => string,
): HTMLElement {
  const button = el('button', { type: 'button', class: 'quiet' }, label);
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
  return downloadButton('Download CSV', name, 'text/csv', () => detailCsv(detail));
}
