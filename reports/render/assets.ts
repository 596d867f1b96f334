/** Where the parts of the page lie, from the package's root; whoever reads files reads them. */
export const PAGE_ASSETS = {
  template: 'reports/assets/page.html',
  css: 'reports/assets/page.css',
  /** Built by reports/build-page.mjs. */
  script: 'dist/reports/page.js',
} as const;
