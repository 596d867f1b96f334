/** Texts that went through mails, terminals and logs give the tables of the text itself. */
import { describe, expect, test } from 'vitest';
import { unpacked } from './ftrace-text-support.ts';
import { importText } from './text-support.ts';

const latin1 = (path: string) => Buffer.from(unpacked(path)).toString('latin1').split('\n');
const FTRACE = latin1('fixtures/ftrace-text/6.18-ext4/slow-writer.txt.gz').slice(0, 600);
const PERF = latin1('fixtures/perf-script/6.18-ext4/slow-writer.txt.gz').slice(0, 400);

/** As mail programs do it: at the last blank that fits, which is dropped. */
function wrapped(lines: readonly string[], columns: number, mark = ''): string[] {
  return lines.flatMap((line) => {
    const parts: string[] = [];
    let rest = line;
    while (rest.length > columns) {
      let at = rest.lastIndexOf(' ', columns);
      if (at <= 0 || rest.slice(0, at).trim() === '') at = rest.indexOf(' ', columns);
      if (at < 0) break;
      parts.push(rest.slice(0, at).trimEnd());
      rest = rest.slice(at + 1);
    }
    return [...parts, rest].map((part) => mark + part);
  });
}

/** As terminals do it. */
const cut = (lines: readonly string[], columns: number) =>
  lines.flatMap((line) => line.match(new RegExp(`.{1,${columns}}`, 'g')) ?? ['']);

/** As mail programs write what has a `=`: no more than 76 columns, and no code is cut. */
const quoted = (lines: readonly string[]) =>
  lines.flatMap((line) => {
    const parts: string[] = [];
    let rest = line.replaceAll('=', '=3D').replace(/ $/, '=20');
    while (rest.length > 76) {
      const at = rest.lastIndexOf('=', 75) > 72 ? rest.lastIndexOf('=', 75) : 75;
      parts.push(`${rest.slice(0, at)}=`);
      rest = rest.slice(at);
    }
    return [...parts, rest];
  });

/** As docker keeps what a container prints; `columns` are all that it keeps of a line in one go. */
const logged = (lines: readonly string[], columns = 16384) =>
  lines.flatMap((line) => {
    const parts = `${line}\n`.match(new RegExp(`[^]{1,${columns}}`, 'g')) ?? [];
    return parts.map((log) => JSON.stringify({ log, stream: 'stdout', time: '2026-11-22T00:11Z' }));
  });

const count = (lines: readonly string[], prefix: (line: number) => string) =>
  lines.map((line, at) => `${prefix(at)}${line}`);

type Change = readonly [name: string, change: (lines: readonly string[]) => readonly string[]];

describe.each([
  ['ftrace', FTRACE],
  ['perf script', PERF],
])('%s', (_, lines) => {
  const events = lines.filter((line) => line !== '' && !line.startsWith('#'));

  test.each<Change>([
    ['in UTF-8 with a mark', (all) => [`\xef\xbb\xbf${all[0]}`, ...all.slice(1)]],
    [
      'coloured by grep',
      (all) => all.map((line) => line.replace(/bdi/, '\x1b[01;31m\x1b[Kbdi\x1b[m')),
    ],
    ['with CR alone at the ends of lines', (all) => [`${all.join('\r')}\r`]],
    ['cut by a terminal of 80 columns', (all) => cut(all, 80)],
    ['cut by a terminal of 132 columns', (all) => cut(all, 132)],
    ...[66, 72, 76, 78, 80].map(
      (columns) =>
        [
          `in a mail of ${columns} columns`,
          (all: readonly string[]) => wrapped(all, columns),
        ] as const,
    ),
    ['in a mail that quotes it', (all) => wrapped(all, 72, '> ')],
    [
      'in a mail between other lines',
      (all) => ['Hello,', 'so I saw', '', ...wrapped(all, 76), 'Bye'],
    ],
    ['from a container', (all) => count(all, () => '[pod/tracer-x7k2/tracer] ')],
    ['from the journal', (all) => count(all, () => 'Nov 22 00:11:54 web-1 cat[412]: ')],
    ['from the log of a container', (all) => logged(all)],
    ['from such a log, where lines are cut', (all) => logged(all, 90)],
    ['from the journal in JSON', (all) => all.map((MESSAGE) => JSON.stringify({ MESSAGE }))],
    ['in a mail as quoted-printable', quoted],
    ['in such a mail with CR LF', (all) => quoted(all).map((line) => `${line}\r`)],
    ['from grep -n', (all) => count(all, (at) => `${at}:`)],
    ['with times of its lines', (all) => count(all, (at) => `[${(9 + at / 1e3).toFixed(6)}] `)],
  ])('%s', async (name, change) => {
    const plain = await importText(`${events.join('\n')}\n`);
    const text = change(events).join('\n');
    const changed = await importText(text.endsWith('\r') ? text : `${text}\n`);
    expect(changed?.id).toBe(plain?.id);
    expect(changed?.tables).toEqual(plain?.tables);
    // Prose is what it is.
    expect(changed?.told).toEqual(name.includes('other') ? [['line_unreadable', 3]] : plain?.told);
  });
});

describe('lines that are no part of an event', () => {
  const event = (pages: number) =>
    `              dd-5563  [025] ....   171.845210: writeback_pages_written: ${pages}`;

  test.each<[string, string[]]>([
    ['prose', [event(7), 'This is where it stops.', event(8)]],
    ['a short line of numbers', [event(7), '12', event(8)]],
    ['behind an event that is longer', [event(7), '17 x', event(8), `${event(9)}  ${event(1)}`]],
  ])('%s', async (_, lines) => {
    const read = await importText(lines.join('\n'));
    expect([read?.events, read?.told]).toEqual([
      lines.length - 1,
      expect.arrayContaining([['line_unreadable', 1]]),
    ]);
  });

  test('keep their numbers in a mail as quoted-printable', async () => {
    const whole = event(7).replace('writeback_pages_written: 7', 'x: a=1 b=2 c=3 d=4 e=5 f=6 g=7');
    const lines = [...quoted([whole]), 'what is this', event(8)];
    const read = await importText(lines.join('\n'));
    expect([lines.length, read?.events, read?.told]).toEqual([4, 2, [['line_unreadable', 1]]]);
    expect(read?.diagnostics[0]?.places).toEqual([{ line: 3 }]);
  });

  test('keep their numbers', async () => {
    const whole = event(7).replace('writeback_pages_written: 7', 'x: a=1 b=2 c=3 d=4 e=5 f=6 g=7');
    const lines = [...wrapped([whole], 70), 'what is this', ...wrapped([event(8)], 70)];
    const read = await importText(lines.join('\n'));
    expect([read?.events, read?.told]).toEqual([2, [['line_unreadable', 1]]]);
    expect(read?.diagnostics[0]?.places).toEqual([{ line: 3 }]);
  });
});
