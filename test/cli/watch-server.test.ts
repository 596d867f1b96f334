/** The server of the local page: who may ask, for what, and what nobody gets. */
import { connect } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type CaptureList, renderHtml } from '../../reports/index.ts';
import { watchAssets } from '../../src/cli/watch/assets.ts';
import { PageServer } from '../../src/cli/watch/server.ts';
import { UsageError } from '../../src/trace/errors.ts';
import { pageAssets } from '../helpers/page-assets.ts';
import { sampleReport } from '../helpers/sample-report.ts';

const ID = '0123456789abcdef';
let list: CaptureList = { folder: '/captures', entries: [], more: 0 };
let server: PageServer;
let port = 0;

beforeEach(async () => {
  await pageAssets();
  list = { folder: '/captures', entries: [], more: 0 };
  const report = (id: string) => {
    if (id === 'ffffffffffffffff') throw new Error('a report that cannot be drawn');
    return id === ID ? sampleReport() : undefined;
  };
  server = new PageServer({ list: () => list, report }, watchAssets());
  port = Number(new URL(await server.listen(0)).port);
});
afterEach(() => server.close());

/** What a client sends as it stands, since fetch mends paths and host names. */
async function send(
  path: string,
  { method = 'GET', host = `127.0.0.1:${port}` } = {},
): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  const hosts = host === '' ? '' : `Host: ${host}\r\n`;
  socket.write(`${method} ${path} HTTP/1.1\r\n${hosts}Connection: close\r\n\r\n`);
  let answer = '';
  for await (const chunk of socket) answer += String(chunk);
  return answer;
}

const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);

test.each([
  ['127.0.0.1', 200],
  ['localhost', 200],
  ['LOCALHOST', 200],
  ['evil.example', 421],
  ['127.0.0.1.evil.example', 421],
  ['0.0.0.0', 421],
  ['[::1]', 421],
])('Host: %s:PORT is answered with %d', async (name, status) => {
  expect(statusOf(await send('/', { host: `${name}:${port}` }))).toBe(status);
});

test('a host without this port is another one; none at all is no request', async () => {
  expect(statusOf(await send('/', { host: '127.0.0.1' }))).toBe(421);
  expect(statusOf(await send('/', { host: `127.0.0.1:${port + 1}` }))).toBe(421);
  expect(statusOf(await send('/', { host: '' }))).toBe(400);
});

test.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'HEAD', 'PATCH'])(
  '%s is refused',
  async (method) => {
    const answer = await send('/', { method });
    expect(statusOf(answer)).toBe(405);
    expect(answer).toMatch(/^Allow: GET\r$/m);
  },
);

test.each([
  '/../../etc/passwd',
  '/%2e%2e/%2e%2e/etc/passwd',
  '/report/../../etc/passwd',
  '/report/..%2f..%2fetc%2fpasswd',
  '/report/',
  `/report/${ID}/`,
  `/report/${ID.toUpperCase()}`,
  '/report/ffffffffffffff00',
  '//etc/passwd',
  '/watch.html',
  '/calm.dat.gz.html',
  'http://evil.example/captures.json',
  '/captures.json/',
  '/\u0000',
])('%j leads nowhere', async (path) => {
  const answer = await send(path);
  expect([400, 404]).toContain(statusOf(answer));
  expect(answer).not.toMatch(/root:|<html/);
});

test('every answer forbids what the page does not need', async () => {
  for (const path of ['/', '/watch.js', '/captures.json', '/none', `/report/${ID}`]) {
    const answer = await send(path);
    expect(answer).toMatch(
      /^Content-Security-Policy: default-src 'none'; .*frame-anc.* 'none'\r$/m,
    );
    expect(answer).not.toMatch(/^Content-Security-Policy: .*(?:unsafe|\*|http)/m);
    expect(answer).toMatch(/^X-Content-Type-Options: nosniff\r$/m);
    expect(answer).toMatch(/^Cross-Origin-Resource-Policy: same-origin\r$/m);
    expect(answer).not.toMatch(/^Access-Control/im);
  }
});

test('a report is drawn from its data, and one that cannot be does no harm', async () => {
  const response = await fetch(`http://127.0.0.1:${port}/report/${ID}`);
  expect(await response.text()).toBe(renderHtml(sampleReport(), await pageAssets()));
  const broken = await fetch(`http://127.0.0.1:${port}/report/ffffffffffffffff`);
  expect(broken.status).toBe(500);
  expect(await broken.text()).toBe('tidemark failed on this: a report that cannot be drawn\n');
  expect(statusOf(await send('/'))).toBe(200);
});

test('the list is told at once and when it changes, and streams end with the server', async () => {
  const response = await fetch(`http://127.0.0.1:${port}/events`);
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  const next = async () => (await reader?.read())?.value ?? '';
  const told = (text: string) => JSON.parse(text.replace(/^data: /, '')) as CaptureList;
  expect(told(await next())).toEqual(list);
  list = { ...list, problem: 'gone\u2028\ndata: {}' };
  server.tell();
  expect(told(await next())).toEqual(list);
  await server.close();
  expect(await next()).toBe('');
});

test('a port that is taken is said in one sentence', async () => {
  const other = new PageServer({ list: () => list, report: () => undefined }, watchAssets());
  const taken = `port ${port} of 127.0.0.1 is in use`;
  const expected = `${taken}; choose another with --port (0: any free one)`;
  await expect(other.listen(port)).rejects.toThrow(new UsageError(expected));
});
