/**
 * Commands do not decode the columns of events that no room reads: leaving them out changes nothing
 * of what they say, and no room names such an event.
 */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { openTrace } from '../../parsers/index.ts';
import { makeReport } from '../../src/cli/report/one.ts';
import { keepUnlessUnread, UNREAD_EVENTS } from '../../src/findings/unread-events.ts';
import { replayHistory } from '../../src/replay/history/replay-history.ts';
import { checkIdentities } from '../../src/replay/identities.ts';
import type { Trace } from '../../src/trace/trace.ts';
import { CAPTURES, FIXTURES, filesBelow, ROOT } from '../helpers/bytes.ts';

const conclusions = (trace: Trace) => [
  makeReport('trace', trace),
  checkIdentities(trace),
  replayHistory(trace)?.fits,
];

const INCIDENT = `${CAPTURES}/incidents/noisy-bdi/trace.dat.gz`;

describe('reports and replays', () => {
  const fixtures = filesBelow(`${FIXTURES}trace-dat`)
    .filter((name) => /\.dat(\.gz)?$/.test(name))
    .map((name) => `${FIXTURES}trace-dat/${name}`);

  test.each([...fixtures, ...(existsSync(INCIDENT) ? [INCIDENT] : [])])(
    'of %s are the same without the columns of unread events',
    async (path) => {
      const whole = await openTrace(path);
      const reduced = await openTrace(path, { keep: keepUnlessUnread });
      const left = [...whole.tables.keys()].filter((name) => UNREAD_EVENTS.has(name));
      for (const name of left) {
        expect(Object.keys(reduced.tables.get(name)?.columns ?? {})).toHaveLength(5);
      }
      expect(conclusions(reduced)).toEqual(conclusions(whole));
      expect(reduced.diagnostics).toEqual(whole.diagnostics);
    },
    60_000,
  );
});

test('no room names an event that is not read', () => {
  const named = ['src/derive', 'src/replay', 'src/findings', 'src/cli', 'reports'].flatMap((room) =>
    filesBelow(`${ROOT}${room}`)
      .filter((file) => file.endsWith('.ts') && file !== 'unread-events.ts')
      .flatMap((file) => {
        const text = readFileSync(`${ROOT}${room}/${file}`, 'utf8');
        const names = [...UNREAD_EVENTS].filter((name) =>
          new RegExp(`['"\`]${name}['"\`]`).test(text),
        );
        return names.map((name) => `${room}/${file}: ${name}`);
      }),
  );
  expect(named).toEqual([]);
});
