/** What the list of captures and the reports are drawn with, read once. */
import { type PageAssets, WATCH_ASSETS } from '../../../reports/index.ts';
import { readPackageFile } from '../files.ts';
import { pageAssets } from '../report/page-assets.ts';

export type WatchAssets = {
  /** By the path of their address. */
  readonly files: ReadonlyMap<string, { readonly type: string; readonly text: string }>;
  readonly page: PageAssets;
};

export function watchAssets(): WatchAssets {
  const page = pageAssets();
  const css = `${page.css}\n${readPackageFile(WATCH_ASSETS.css)}`;
  const files = new Map([
    ['/', { type: 'text/html', text: readPackageFile(WATCH_ASSETS.template) }],
    ['/watch.css', { type: 'text/css', text: css }],
    ['/watch.js', { type: 'text/javascript', text: readPackageFile(WATCH_ASSETS.script) }],
  ]);
  return { files, page };
}
