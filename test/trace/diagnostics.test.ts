import { describe, expect, test } from 'vitest';
import { assert, assertExists } from '../../src/trace/assert.ts';
import { DiagnosticCollector } from '../../src/trace/diagnostics.ts';
import { FormatError, UsageError } from '../../src/trace/errors.ts';

function collected(fill: (into: DiagnosticCollector) => void) {
  const collector = new DiagnosticCollector();
  fill(collector);
  return collector.list();
}

describe('diagnostics', () => {
  test('nothing wrong, nothing listed', () => {
    expect(collected(() => {})).toEqual([]);
  });

  test('one entry a code, counts added up, worst first', () => {
    const list = collected((into) => {
      into.add('page_size_assumed', 1);
      into.add('events_lost', 5, { cpu: 0 });
      into.add('events_lost', 7, { cpu: 1, ts_ns: 3 });
      into.add('counter_below_zero', 1);
    });
    expect(list.map(({ code, severity, count }) => [code, severity, count])).toEqual([
      ['counter_below_zero', 'error', 1],
      ['events_lost', 'data_loss', 12],
      ['page_size_assumed', 'notice', 1],
    ]);
    expect(list[1]?.places).toEqual([{ cpu: 0 }, { cpu: 1, ts_ns: 3 }]);
  });

  test.each<[(number | undefined)[], number | undefined, RegExp]>([
    [[3], 3, /^3 events lost\. The ring buffer was full/],
    [[3, undefined], 3, /^At least 3 events lost\. /],
    [[undefined, undefined], undefined, /^An unknown number of events lost\. /],
  ])('counts %j', (counts, total, message) => {
    const [entry] = collected((into) => {
      for (const count of counts) into.add('events_lost', count);
    });
    expect(entry?.count).toBe(total);
    expect(entry?.message).toMatch(message);
  });

  test('the first lines that could not be read are named', () => {
    const lines = (...numbers: number[]) =>
      collected((into) => {
        for (const line of numbers) into.add('line_unreadable', 1, { line });
      })[0]?.message;
    expect(lines(7)).toMatch(/^1 unreadable line \(line 7\)\. /);
    expect(lines(7, 9)).toMatch(/^2 unreadable lines \(lines 7, 9\)\. /);
    expect(lines(1, 2, 3, 4, 5, 6)).toMatch(/\(lines 1, 2, 3, 4, 5 and others\)/);
  });

  test('details that differ are all told, up to three', () => {
    const [entry] = collected((into) => {
      for (const detail of ['', 'one', '(two)', 'one', 'three', 'four']) {
        into.add('input_truncated', undefined, {}, detail);
      }
    });
    expect(entry?.message).toMatch(/\(one; two; three\)\.$/);
  });

  test('a flood keeps 20 places and names five subjects', () => {
    const [entry] = collected((into) => {
      for (let at = 0; at < 100_000; at++)
        into.add('event_format_missing', 1, { subject: `id ${at % 50}` }, 'first words');
    });
    expect(entry?.places).toHaveLength(20);
    expect(entry?.count).toBe(100_000);
    expect(entry?.message).toMatch(
      /^100,000 records without a format \(id 0, id 1, id 2, id 3, id 4; first words\)\. /,
    );
  });
});

test('errors say where; assertions say that they are ours', () => {
  expect(new FormatError('bad', 7)).toMatchObject({
    name: 'FormatError',
    message: 'bad (at byte 7)',
    offset: 7,
  });
  expect(new FormatError('bad')).toMatchObject({ message: 'bad', offset: undefined });
  expect(new UsageError('no').name).toBe('UsageError');
  expect(() => assert(false, 'x')).toThrow('internal error: x');
  expect(() => assertExists(undefined, 'x')).toThrow('internal error: x is missing');
  expect(assertExists(0, 'x')).toBe(0);
});
