/**
 * The local page of `tidemark watch`. Only this machine reaches it, it answers GET only, and it
 * knows a handful of addresses, none of which is a path of the file system. A page elsewhere that
 * points its name at this machine (DNS rebinding) fails at the Host header.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type CaptureList, pagePolicy, type Report, renderHtml } from '../../../reports/index.ts';
import { UsageError } from '../../trace/errors.ts';
import type { WatchAssets } from './assets.ts';

export const HOST = '127.0.0.1';

export type Source = {
  list(): CaptureList;
  /** By the id of a capture. */
  report(id: string): Report | undefined;
};

const LIST_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const HEADERS = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': LIST_POLICY,
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
};

/** Each open page holds one; a program that opens more has gone wrong. */
const MAX_STREAMS = 50;
/** A reader that has fallen so far behind is let go: it asks for the whole list again. */
const MAX_UNREAD_BYTES = 8 << 20;
/** Changes nearer to each other than this are told at once. */
const TELL_MS = 100;
/** Proxies and browsers give up connections that are silent. */
const HEARTBEAT_MS = 15_000;

export class PageServer {
  readonly #source: Source;
  readonly #assets: WatchAssets;
  readonly #server: Server;
  readonly #streams = new Set<ServerResponse>();
  #port = 0;
  #told = '';
  #telling: NodeJS.Timeout | undefined;
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(source: Source, assets: WatchAssets) {
    this.#source = source;
    this.#assets = assets;
    this.#server = createServer((request, response) => this.#handle(request, response));
  }

  /** Resolves with the address of the page. Throws UsageError when the port cannot be had. */
  async listen(port: number): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => reject(whyNot(port, error)));
      this.#server.listen(port, HOST, () => resolve());
    });
    const address = this.#server.address();
    this.#port = typeof address === 'object' && address !== null ? address.port : port;
    this.#heartbeat = setInterval(() => this.#send(':\n\n'), HEARTBEAT_MS);
    return `http://${HOST}:${this.#port}/`;
  }

  /** Says to all open pages what the list is now, soon. */
  tell(): void {
    this.#telling ??= setTimeout(() => {
      this.#telling = undefined;
      const message = this.#message();
      if (message === this.#told) return;
      this.#told = message;
      this.#send(message);
    }, TELL_MS);
  }

  async close(): Promise<void> {
    clearInterval(this.#heartbeat);
    clearTimeout(this.#telling);
    for (const stream of this.#streams) stream.end();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  #message(): string {
    return `data: ${JSON.stringify(this.#source.list())}\n\n`;
  }

  #send(text: string): void {
    for (const stream of this.#streams) {
      if (stream.writableLength > MAX_UNREAD_BYTES) stream.destroy();
      else stream.write(text);
    }
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    try {
      this.#answer(request, response);
    } catch (error) {
      // One page that cannot be made must not end the others.
      const why = error instanceof Error ? error.message : String(error);
      if (response.headersSent) response.destroy();
      else say(response, 500, `tidemark failed on this: ${why}`);
    }
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    if (!this.#isOurs(request.headers.host)) {
      say(response, 421, `this is the page of http://${HOST}:${this.#port}/ only`);
      return;
    }
    if (request.method !== 'GET') {
      response.setHeader('Allow', 'GET');
      say(response, 405, 'only GET is answered here');
      return;
    }
    const path = (request.url ?? '').split('?', 1)[0] ?? '';
    const asset = this.#assets.files.get(path);
    if (asset !== undefined) {
      send(response, asset.type, asset.text);
    } else if (path === '/captures.json') {
      send(response, 'application/json', JSON.stringify(this.#source.list()));
    } else if (path === '/events') {
      this.#stream(response);
    } else {
      this.#sendReport(/^\/report\/([0-9a-f]{16})$/.exec(path)?.[1] ?? '', response);
    }
  }

  #isOurs(host: string | undefined): boolean {
    const port = this.#port === 80 ? '' : `:${this.#port}`;
    return host === `${HOST}${port}` || host?.toLowerCase() === `localhost${port}`;
  }

  #stream(response: ServerResponse): void {
    if (this.#streams.size >= MAX_STREAMS) {
      say(response, 503, `${MAX_STREAMS} pages are open already`);
      return;
    }
    response.writeHead(200, { ...HEADERS, 'Content-Type': 'text/event-stream; charset=utf-8' });
    response.write(this.#message());
    this.#streams.add(response);
    response.once('close', () => this.#streams.delete(response));
  }

  /** Drawn anew from its data, so that nothing is served that merely lies in the folder. */
  #sendReport(id: string, response: ServerResponse): void {
    const report = this.#source.report(id);
    if (report === undefined) {
      say(response, 404, 'there is no such report; it may be made again, or its capture is gone');
      return;
    }
    const { page } = this.#assets;
    const policy = `${pagePolicy(page)}; frame-ancestors 'none'`;
    response.setHeader('Content-Security-Policy', policy);
    send(response, 'text/html', renderHtml(report, page));
  }
}

function send(response: ServerResponse, type: string, text: string, status = 200): void {
  for (const [name, value] of Object.entries(HEADERS)) {
    if (!response.hasHeader(name)) response.setHeader(name, value);
  }
  response.writeHead(status, { 'Content-Type': `${type}; charset=utf-8` });
  response.end(text);
}

function say(response: ServerResponse, status: number, sentence: string): void {
  send(response, 'text/plain', `${sentence}\n`, status);
}

function whyNot(port: number, error: NodeJS.ErrnoException): UsageError {
  const sentences: Readonly<Record<string, string>> = {
    EADDRINUSE: `port ${port} of ${HOST} is in use; choose another with --port (0: any free one)`,
    EACCES: `port ${port} of ${HOST} is not allowed for this user; choose one above 1023 with --port`,
  };
  return new UsageError(
    sentences[error.code ?? ''] ?? `cannot listen at ${HOST}:${port}: ${error.message}`,
  );
}
