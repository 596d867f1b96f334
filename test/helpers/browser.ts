/** A real browser for tests. Finding none is a failure: a skipped test proves nothing. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const CANDIDATES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'];

/** Where Linux systems keep the library that the carried browser misses most often. */
const NSS_PLACES = [
  '/usr/lib/x86_64-linux-gnu/libnss3.so',
  '/usr/lib64/libnss3.so',
  '/usr/lib/libnss3.so',
];

/**
 * The browser that a package carries, for machines with nothing but Node. It brings the system
 * libraries along, but unpacks them only where it believes to run in Lambda.
 */
async function carriedChromium(): Promise<{ path: string; args: string[] }> {
  if (!NSS_PLACES.some(existsSync)) process.env.AWS_EXECUTION_ENV ??= 'AWS_Lambda_nodejs22.x';
  const { default: carried } = await import('@sparticuz/chromium');
  return { path: await carried.executablePath(), args: carried.args };
}

/** What is longer than this does not come at all; the test is tried again then (see the config). */
const PATIENCE_MS = 20_000;

export async function launchBrowser(): Promise<Browser> {
  const installed = process.env.CHROME_PATH || CANDIDATES.find(existsSync);
  if (installed !== undefined) {
    return await chromium.launch({ executablePath: installed, args: ARGS });
  }
  const carried = await carriedChromium();
  return await chromium.launch({
    executablePath: carried.path,
    args: [...carried.args, ...ARGS],
  });
}

export type OpenedPage = {
  readonly page: Page;
  /** Console errors and warnings, exceptions, policy violations. */
  readonly troubles: string[];
  /** Addresses requested beside the page itself, and beside its server if it has one. */
  readonly requests: string[];
  close(): Promise<void>;
};

/** Opens a file as a reader does, by its path, and notes everything that it must not do. */
export async function openFile(
  browser: Browser,
  path: string,
  options: BrowserContextOptions = {},
): Promise<OpenedPage> {
  return await openAddress(browser, `file://${path}`, options);
}

/** The same with a page that a server of this machine has. */
export async function openAddress(
  browser: Browser,
  address: string,
  options: BrowserContextOptions = {},
): Promise<OpenedPage> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const { origin } = new URL(address);
  const isOwn = (url: string) =>
    url.split('#')[0] === address || (origin !== 'null' && url.startsWith(`${origin}/`));
  const troubles: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) troubles.push(message.text());
  });
  page.on('pageerror', (error) => troubles.push(String(error)));
  page.on('dialog', (dialog) => {
    troubles.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    if (!isOwn(request.url())) requests.push(request.url());
  });
  await page.exposeFunction('noteViolation', (what: string) => troubles.push(what));
  await page.addInitScript(
    `document.addEventListener('securitypolicyviolation', (event) =>
       window.noteViolation('policy: ' + event.violatedDirective + ' ' + event.sourceFile))`,
  );
  await page.goto(address);
  return { page, troubles, requests, close: () => context.close() };
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Violations that axe-core finds, one line each. */
export async function accessibilityViolations(page: Page): Promise<string[]> {
  // Evaluated, not inserted: the page's own policy forbids foreign script elements.
  await page.evaluate(AXE);
  const result: unknown = await page.evaluate('axe.run()');
  const { violations } = result as {
    violations: { id: string; nodes: { html: string }[] }[];
  };
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}
