/** What pages are drawn with, read from the package. */
import { PAGE_ASSETS, type PageAssets } from '../../../reports/index.ts';
import { readPackageFile } from '../files.ts';

export function pageAssets(): PageAssets {
  return {
    template: readPackageFile(PAGE_ASSETS.template),
    css: readPackageFile(PAGE_ASSETS.css),
    script: readPackageFile(PAGE_ASSETS.script),
  };
}
