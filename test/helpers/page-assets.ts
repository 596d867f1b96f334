/** The assets of the report page; the scripts of all pages are built first if they are not there. */
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  PAGE_ASSETS,
  type PageAssets,
  type Report,
  renderHtml,
  WATCH_ASSETS,
} from '../../reports/index.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export async function pageAssets(): Promise<PageAssets> {
  const script = join(ROOT, PAGE_ASSETS.script);
  if (!(existsSync(script) && existsSync(join(ROOT, WATCH_ASSETS.script)))) {
    const builder: { buildPage(): Promise<unknown> } = await import(
      join(ROOT, 'reports/build-page.mjs')
    );
    await builder.buildPage();
  }
  return {
    template: readFileSync(join(ROOT, PAGE_ASSETS.template), 'utf8'),
    css: readFileSync(join(ROOT, PAGE_ASSETS.css), 'utf8'),
    script: readFileSync(script, 'utf8'),
  };
}

/** Writes the report's page into a new temporary folder and returns where. */
export async function writePage(report: Report): Promise<string> {
  const path = join(mkdtempSync(join(tmpdir(), 'tidemark-page-')), 'report.html');
  writeFileSync(path, renderHtml(report, await pageAssets()));
  return path;
}
