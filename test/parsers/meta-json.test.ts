import { describe, expect, test } from 'vitest';
import { memorySource } from '../../parsers/bytes/source.ts';
import { readMetaJson } from '../../parsers/sidecars/meta-json.ts';
import { UsageError } from '../../src/trace/errors.ts';

const read = (text: string) =>
  readMetaJson(memorySource('meta.json', new Uint8Array(Buffer.from(text))));
function refusal(text: string): string {
  try {
    read(text);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  return 'none';
}

test('facts are taken, other keys are ignored, numbers of sysctls become text', () => {
  const facts = read(
    JSON.stringify({
      kernel: '6.18.44',
      cpus: 2,
      hz: 250,
      page_size: 65536,
      trace_clock: 'mono',
      more: [1],
      sysctl: { 'vm.dirty_bytes': 67108864 },
      bdi: { '7:0': { max_ratio: '100' } },
      workload: { command: 'fio', start: 6550.4398951, end: 6560 },
    }),
  );
  expect(facts).toMatchObject({
    kernel: '6.18.44',
    cpus: 2,
    hz: 250,
    page_size: 65536,
    trace_clock: 'mono',
    sysctl: { 'vm.dirty_bytes': '67108864' },
    bdi: { '7:0': { max_ratio: '100' } },
    workload_start_ns: 6550439895000n,
    workload_end_ns: 6560000000000n,
  });
  expect(facts).not.toHaveProperty('more');
});

test('nothing is required', () => {
  expect(Object.values(read('{}')).every((value) => value === undefined)).toBe(true);
});

describe('what is refused, with its key', () => {
  test.each([
    ['', /is not JSON/],
    ['{', /is not JSON/],
    ['[]', /the document: /],
    ['null', /the document: /],
    ['{"cpus":0}', /cpus: /],
    ['{"cpus":1e9}', /cpus: /],
    ['{"cpus":"2"}', /cpus: /],
    ['{"page_size":5000}', /page_size: not a power of two/],
    ['{"page_size":512}', /page_size: /],
    ['{"hz":0}', /hz: /],
    ['{"hz":1.5}', /hz: /],
    ['{"kernel":6.18}', /kernel: /],
    ['{"workload":{"start":1e308}}', /workload\.start: /],
    ['{"workload":{"start":-1}}', /workload\.start: /],
    ['{"workload":{"end":"soon"}}', /workload\.end: /],
    ['{"sysctl":[1]}', /sysctl: /],
  ])('%s', (text, message) => {
    expect(refusal(text)).toMatch(message);
    expect(refusal(text)).toMatch(/^meta\.json/);
  });
});
