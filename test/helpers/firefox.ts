/**
 * A real Firefox, driven by Marionette: Firefox's own remote protocol, spoken in JSON over a local
 * TCP connection, so that the browser of any distribution does and no package is needed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const CANDIDATES = ['/usr/bin/firefox-esr', '/usr/bin/firefox'];
const START_MS = 40_000;

/** Where Firefox is; undefined if this machine has none. */
export function findFirefox(): string | undefined {
  return process.env.FIREFOX_PATH || CANDIDATES.find((path) => existsSync(path));
}

/** A new profile that asks nobody anything, and says its port in a file. */
const PREFERENCES: Readonly<Record<string, string | number | boolean>> = {
  'marionette.port': 0,
  'app.normandy.enabled': false,
  'app.update.disabledForTesting': true,
  'browser.aboutwelcome.enabled': false,
  'browser.safebrowsing.downloads.remote.enabled': false,
  'browser.safebrowsing.malware.enabled': false,
  'browser.safebrowsing.phishing.enabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'browser.startup.page': 0,
  'datareporting.policy.dataSubmissionEnabled': false,
  'extensions.update.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'security.sandbox.warn_unprivileged_namespaces': false,
  'services.settings.server': 'data:,',
  'toolkit.telemetry.enabled': false,
};

type Answer = [
  type: 1,
  id: number,
  error: { error: string; message: string } | null,
  result: unknown,
];

export class Firefox {
  readonly #process: ChildProcess;
  readonly #profile: string;
  readonly #socket: Socket;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #received = Buffer.alloc(0);
  #last = 0;

  private constructor(child: ChildProcess, profile: string, socket: Socket) {
    this.#process = child;
    this.#profile = profile;
    this.#socket = socket;
    socket.on('data', (chunk) => this.#receive(chunk));
  }

  static async launch(path: string): Promise<Firefox> {
    const profile = mkdtempSync(join(tmpdir(), 'tidemark-firefox-'));
    const lines = Object.entries(PREFERENCES).map(
      ([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});`,
    );
    writeFileSync(join(profile, 'user.js'), lines.join('\n'));
    // System access: the console's messages and the colour scheme are Firefox's own, not a page's.
    const remote = ['--marionette', '--remote-allow-system-access', '--no-remote'];
    const args = ['--headless', ...remote, '--profile', profile, 'about:blank'];
    const child = spawn(path, args, { stdio: 'ignore' });
    try {
      const socket = await connectTo(join(profile, 'MarionetteActivePort'), child);
      const firefox = new Firefox(child, profile, socket);
      await firefox.send('WebDriver:NewSession', { capabilities: {} });
      return firefox;
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  }

  async send(command: string, parameters: object = {}): Promise<unknown> {
    const id = ++this.#last;
    const text = JSON.stringify([0, id, command, parameters]);
    const answer = new Promise<Answer>((resolve) => this.#waiting.set(id, resolve));
    this.#socket.write(`${Buffer.byteLength(text)}:${text}`);
    const [, , error, result] = await answer;
    if (error !== null) throw new Error(`${command}: ${error.error}: ${error.message}`);
    return result !== null && typeof result === 'object' && 'value' in result
      ? result.value
      : result;
  }

  async resize(width: number, height: number): Promise<void> {
    await this.send('WebDriver:SetWindowRect', { width, height });
  }

  async open(address: string): Promise<void> {
    await this.send('WebDriver:Navigate', { url: address });
  }

  /** Runs a function body in the page; a promise that it returns is awaited. */
  async run(script: string, args: readonly unknown[] = []): Promise<unknown> {
    // A page's policy forbids eval: a sandbox stands outside of it.
    return await this.send('WebDriver:ExecuteScript', { script, args, sandbox: 'test' });
  }

  /** Polls an expression until it is true. */
  async until(expression: string, patience_ms = 20_000): Promise<void> {
    const end = Date.now() + patience_ms;
    while ((await this.run(`return Boolean(${expression});`)) !== true) {
      if (Date.now() > end) throw new Error(`not true in Firefox: ${expression}`);
      await sleep(50);
    }
  }

  /** The visible part, as PNG. */
  async screenshot(): Promise<Buffer> {
    const text = await this.send('WebDriver:TakeScreenshot', { full: false });
    return Buffer.from(String(text), 'base64');
  }

  async setDark(isDark: boolean): Promise<void> {
    const name = 'layout.css.prefers-color-scheme.content-override';
    await this.#inBrowser(`Services.prefs.setIntPref('${name}', ${isDark ? 0 : 1});`);
  }

  /** Presses keys as a reader does; `\ue012` and so on are those without a letter. */
  async press(...keys: readonly string[]): Promise<void> {
    const actions = keys.flatMap((value) => [
      { type: 'keyDown', value },
      { type: 'keyUp', value },
    ]);
    await this.send('WebDriver:PerformActions', {
      actions: [{ type: 'key', id: 'keys', actions }],
    });
  }

  /** Draws with the pointer from one place of the window to another. */
  async drag(from: readonly [number, number], to: readonly [number, number]): Promise<void> {
    const move = ([x, y]: readonly [number, number], duration: number) => ({
      type: 'pointerMove',
      x: Math.round(x),
      y: Math.round(y),
      duration,
    });
    const down = { type: 'pointerDown', button: 0 };
    const actions = [move(from, 0), down, move(to, 200), { type: 'pointerUp', button: 0 }];
    const parameters = { pointerType: 'mouse' };
    await this.send('WebDriver:PerformActions', {
      actions: [{ type: 'pointer', id: 'mouse', parameters, actions }],
    });
  }

  /** What Firefox says of the pages here, and what the open one says: errors, violations. */
  async troubles(): Promise<string[]> {
    const ours = '/^(?:file:|http:\\/\\/127\\.0\\.0\\.1:)/';
    const own = `return Services.console.getMessageArray()
      .filter((message) => message instanceof Ci.nsIScriptError)
      .filter(({ sourceName, category }) =>
        ${ours}.test(sourceName) || category.startsWith('CSP'))
      .map(({ category, errorMessage }) => category + ': ' + errorMessage);`;
    const page = `
      const storage = Cc['@mozilla.org/consoleAPI-storage;1'].getService(Ci.nsIConsoleAPIStorage);
      return storage.getEvents()
        .filter(({ filename }) => ${ours}.test(filename))
        .map(({ level, arguments: words }) => level + ': ' + Array.from(words).join(' '));`;
    const said = (await this.#inBrowser(own)) as string[];
    return [...said, ...((await this.#withRights(page)) as string[])];
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#socket.destroy();
    this.#process.kill('SIGKILL');
    await ended;
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }

  /** Runs in Firefox itself instead of the page. */
  async #inBrowser(script: string): Promise<unknown> {
    await this.send('Marionette:SetContext', { value: 'chrome' });
    try {
      return await this.#withRights(script);
    } finally {
      await this.send('Marionette:SetContext', { value: 'content' });
    }
  }

  async #withRights(script: string): Promise<unknown> {
    return await this.send('WebDriver:ExecuteScript', { script, args: [], sandbox: 'system' });
  }

  /** Each message stands behind its length: `13:[1,2,null,{}]`. */
  #receive(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    for (;;) {
      const colon = this.#received.indexOf(':');
      const end = colon + 1 + Number(this.#received.toString('latin1', 0, Math.max(0, colon)));
      if (colon < 0 || this.#received.length < end) return;
      const message: unknown = JSON.parse(this.#received.toString('utf8', colon + 1, end));
      this.#received = this.#received.subarray(end);
      // The first message is no answer: it says which protocol this is.
      if (!Array.isArray(message)) continue;
      const answer = message as Answer;
      this.#waiting.get(answer[1])?.(answer);
      this.#waiting.delete(answer[1]);
    }
  }
}

async function connectTo(portFile: string, child: ChildProcess): Promise<Socket> {
  const end = Date.now() + START_MS;
  for (;;) {
    const port = existsSync(portFile) ? Number(readFileSync(portFile, 'utf8')) : 0;
    if (port > 0) {
      const socket = connect(port, '127.0.0.1');
      await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
      return socket;
    }
    if (child.exitCode !== null) throw new Error(`Firefox ended with ${child.exitCode}`);
    if (Date.now() > end) throw new Error('Firefox did not start in time');
    await sleep(50);
  }
}
