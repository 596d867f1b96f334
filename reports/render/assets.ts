/** Where the parts of the page lie, from the package's root; whoever reads files reads them. */
export const PAGE_ASSETS = {
  template: 'reports/assets/page.html',
  css: 'reports/assets/page.css',
  /** Built by reports/build-page.mjs. */
  script: 'dist/reports/page.js',
} as const;

/** The same for the list of captures; its style comes behind the page's. */
export const WATCH_ASSETS = {
  template: 'reports/assets/watch.html',
  css: 'reports/assets/watch.css',
  /** Built by reports/build-page.mjs. */
  script: 'dist/reports/watch.js',
} as const;
