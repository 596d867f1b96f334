/** `tidemark stalls`: the document's schema, the text's size, filters, and the known incidents. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { openTrace } from '../../parsers/index.ts';
import { stallsDocument } from '../../src/cli/stalls/document.ts';
import { StallsDocument } from '../../src/cli/stalls/schema.ts';
import { CAPTURES } from '../helpers/bytes.ts';
import { runCli } from '../helpers/run-cli.ts';

const SLOW = 'fixtures/trace-dat/6.18-ext4/slow-writer.dat.gz';
const LOSSY = 'fixtures/trace-dat/6.18-ext4/lossy.dat.gz';
const CALM = 'fixtures/trace-dat/6.18-ext4/calm.dat.gz';

async function documentOf(...args: string[]): Promise<StallsDocument> {
  const { code, out, err } = await runCli('stalls', ...args, '--json');
  expect([code, err]).toEqual([0, '']);
  return StallsDocument.parse(JSON.parse(out));
}

describe('the document', () => {
  let document: StallsDocument;
  beforeAll(async () => {
    document = await documentOf(SLOW);
  });

  test('says who was paused, where and for how long', () => {
    const [place] = document.places;
    expect(place).toMatchObject({ place: 'dirty-throttling', by: 'tasks', tasks: 1 });
    const [task] = document.tasks;
    expect(task).toMatchObject({
      by: 'tasks',
      place: 'dirty-throttling',
      mostly: 'dirty-throttling',
    });
    expect(task?.share).toBeGreaterThan(0.5);
    expect(task?.share).toBeLessThanOrEqual(1);
    const [episode] = document.episodes;
    expect(episode).toMatchObject({ place: 'dirty-throttling', pid: task?.pid });
    expect(episode?.waited_ms).toBeLessThanOrEqual(episode?.duration_ms ?? 0);
  });

  test('adds up: buckets and devices to places, tasks to no more than the window', () => {
    const [, end_ns] = document.window_ns;
    for (const { count, buckets, percentiles_ms: p } of document.places) {
      expect(buckets.reduce((sum, bucket) => sum + bucket.count, 0)).toBe(count);
      const inOrder = [p.min, p.p1, p.p5, p.p10, p.p25, p.p50, p.p75, p.p90, p.p95, p.p99, p.max];
      expect(inOrder).toEqual([...inOrder].sort((left, right) => left - right));
    }
    for (const place of document.places) {
      const parts = document.devices.filter(
        (one) => one.place === place.place && one.by === place.by,
      );
      expect(parts.reduce((sum, { count }) => sum + count, 0)).toBe(place.count);
    }
    for (const { lost_ms } of document.tasks) expect(lost_ms * 1e6).toBeLessThanOrEqual(end_ns);
  });

  test('needs no more columns than the command reads', async () => {
    const trace = await openTrace(SLOW);
    expect(stallsDocument(trace, { limit: 1000 })).toEqual(document);
  });

  test('--limit cuts the lists and says by how much', async () => {
    const cut = await documentOf(SLOW, '--limit', '1');
    expect([cut.tasks.length, cut.episodes.length]).toEqual([1, 1]);
    expect(cut.omitted.episodes).toBe(document.episodes.length - 1);
    expect(cut.places).toEqual(document.places);
  });

  test('--place, --task and --bdi leave only what they name', async () => {
    const [task] = document.tasks;
    const own = await documentOf(SLOW, '--task', task?.comm ?? '', '--place', 'dirty-throttling');
    expect(own.places.map(({ place }) => place)).toEqual(['dirty-throttling']);
    expect(own.places[0]).toEqual(document.places[0]);
    expect(await documentOf(SLOW, '--task', String(task?.pid))).toMatchObject({ tasks: [task] });
    const nowhere = await documentOf(SLOW, '--bdi', '99:99');
    expect([nowhere.places, nowhere.tasks, nowhere.block_requests]).toEqual([[], [], []]);
  });
});

describe('the text', () => {
  test.each([SLOW, LOSSY, CALM])('%s fits one screen', async (file) => {
    const { code, out } = await runCli('stalls', file, '--quiet');
    expect(code).toBe(0);
    const lines = out.trimEnd().split('\n');
    expect(lines.length).toBeLessThanOrEqual(40);
    expect(lines.filter((line) => [...line].length > 100)).toEqual([]);
  });

  test('says first who lost most, and what weakens that', async () => {
    const { out } = await runCli('stalls', LOSSY);
    expect(out).toMatch(/^[\d.]+ s of capture, [\d.]+% of its events lost/);
    expect(out).toContain('were lost, and waits with them');
  });

  test('what was asked for and is not there is named', async () => {
    const { out } = await runCli('stalls', SLOW, '--task', 'nobody', '--bdi', '9:9');
    expect(out).toMatch(/: no wait of nobody on 9:9 was recorded\.$/m);
  });

  test.each([
    [['--place', 'nowhere'], '--place is none of dirty-throttling, sync'],
    [['--limit', '-3'], '--limit is not a number of rows'],
    [['--task', ''], '--task needs a pid or a name'],
  ])('%j exits 2', async (args, message) => {
    const { code, out, err } = await runCli('stalls', SLOW, ...args);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(message);
  });
});

/** What truth.json calls the kind of a stall, as the places in which tasks may be. */
const PLACES_OF_KIND: Readonly<Record<string, readonly string[]>> = {
  'dirty-throttle': ['dirty-throttling'],
  fsync: ['sync'],
  sync: ['sync'],
  reclaim: ['reclaim'],
  'fuse-request': ['fuse-request'],
};

const INCIDENTS = `${CAPTURES}/incidents`;
const incidents = existsSync(INCIDENTS) ? readdirSync(INCIDENTS).sort() : [];

describe.skipIf(incidents.length === 0)('incidents whose cause is known', () => {
  test.each(incidents)('%s', async (name) => {
    const folder = `${INCIDENTS}/${name}`;
    const truth = JSON.parse(readFileSync(`${folder}/truth.json`, 'utf8'));
    const document = await documentOf(folder, '--quiet');
    const worst = document.tasks.find(({ by }) => by === 'tasks');
    if (truth.kind === undefined) {
      expect(worst?.share ?? 0).toBeLessThan(0.01);
      return;
    }
    expect(PLACES_OF_KIND[truth.kind]).toContain(worst?.place);
    const bdis = new Set(document.devices.map(({ on }) => on));
    if (truth.bdi !== undefined && truth.kind !== 'reclaim') expect(bdis).toContain(truth.bdi);
    if (truth.stalled !== undefined) expect(truth.stalled).toContain(worst?.comm);
  });
});
