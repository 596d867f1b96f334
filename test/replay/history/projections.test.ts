/**
 * The ledger by node, cgroup and class, against a machine with two nodes and several cgroups that
 * keeps all of its counters itself.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Projection } from '../../../src/replay/history/projections.ts';
import { replayHistory } from '../../../src/replay/history/replay-history.ts';
import { numberColumn } from '../../../src/trace/column.ts';
import { makeTable, type Table } from '../../../src/trace/table.ts';
import { type EventRow, makeTrace } from '../../helpers/trace-builder.ts';

const MS = 1_000_000;
const LOOP = 7 * 2 ** 20;
const FUSE = 39;
const zone = (node: number, start: number, spanned: number) =>
  `Node ${node}, zone   Normal\n        spanned  ${spanned}\n  vm stats threshold: 0\n` +
  `  start_pfn:           ${start}\n`;
const TWO_NODES = zone(0, 0, 1000) + zone(1, 1000, 1000);

/** Levels by whatever they are told apart by. */
type Levels = Map<string, { dirty: number; writeback: number }>;

class Machine {
  readonly rows: EventRow[] = [];
  readonly nodes: Levels = new Map();
  readonly memcgs: Levels = new Map();
  readonly samples: { ts_ns: number; nodes: Levels; memcgs: Levels }[] = [];
  #dirty = 0;
  #writeback = 0;
  #dirtied = 0;
  #written = 0;

  event(event: string, cells: Record<string, number | string | bigint> = {}, pid = 1): void {
    this.rows.push({ event, ts_ns: (this.rows.length + 1) * MS, pid, ...cells });
  }

  state(): void {
    this.event('global_dirty_state', {
      nr_dirty_pages: this.#dirty,
      nr_writeback_pages: this.#writeback,
      nr_dirtied_pages: this.#dirtied,
      nr_written_pages: this.#written,
    });
  }

  /** What programs beside the trace read, half a step behind the last event. */
  sample(): void {
    const copy = (levels: Levels): Levels =>
      new Map([...levels].map(([key, level]) => [key, { ...level }]));
    const ts_ns = (this.rows.length + 0.5) * MS;
    this.samples.push({ ts_ns, nodes: copy(this.nodes), memcgs: copy(this.memcgs) });
  }

  add(index: number, pages: number, pfn: number): void {
    const order = Math.log2(pages);
    const cells = { dev: LOOP, ino: 9n, index, order, pfn: BigInt(pfn) };
    this.event('mm_filemap_add_to_page_cache', cells);
  }

  /** The cgroup is named where it is not that of the inode's writeback. */
  dirty(index: number, pages: number, whose: Whose, pid = 1): void {
    this.event('writeback_dirty_folio', { bdi: '7:0', ino: 9n, index }, pid);
    if (whose.memcg !== '1') {
      const cells = { bdi: '7:0', bdi_id: 1n, memcg_id: 5, cgroup_ino: 1n };
      const foreign = { ...cells, ino: 9n, page_cgroup_ino: BigInt(whose.memcg) };
      this.event('track_foreign_dirty', foreign, pid);
    }
    this.#dirty += pages;
    this.#dirtied += pages;
    this.#move(whose, pages, 0);
  }

  /** Pages that the writer gives back: dirty again, though dirtied once. */
  giveBack(index: number, pages: number, whose: Whose): void {
    this.#claim(index, pages);
    this.#move(whose, -pages, 0);
    this.#dirty -= pages;
    this.#dirtied -= pages;
    this.dirty(index, pages, whose, 2);
  }

  #claim(index: number, pages: number): void {
    this.event('wbc_writepage', { bdi: '7:0', nr_to_write_pages: 1024 }, 2);
    const cells = { offset_bytes: index * 4096, length_bytes: pages * 4096, size_bytes: 0 };
    this.event('iomap_writeback_folio', { dev: LOOP, ino: 9n, ...cells }, 2);
  }

  write(index: number, pages: number, whose: Whose): void {
    this.#claim(index, pages);
    const place = { addr_bytes: index * 4096, offset_bytes: index * 4096, dev: LOOP, bdev: LOOP };
    const bytes = { pos_bytes: index * 4096, dirty_len_bytes: pages * 4096, ino: 9n };
    this.event('iomap_add_to_ioend', { ...place, ...bytes }, 2);
    this.#bio('block_bio_queue', index, pages);
    this.#dirty -= pages;
    this.#writeback += pages;
    this.#move(whose, -pages, pages);
  }

  complete(index: number, pages: number, whose: Whose): void {
    this.#bio('block_rq_complete', index, pages);
    this.#writeback -= pages;
    this.#written += pages;
    this.#move(whose, 0, -pages);
  }

  truncate(index: number, pages: number, whose: Whose, isDirty: boolean): void {
    const cells = { dev: LOOP, ino: 9n, index, order: Math.log2(pages), pfn: 0n };
    this.event('mm_filemap_delete_from_page_cache', cells);
    if (!isDirty) return;
    this.#dirty -= pages;
    this.#move(whose, -pages, 0);
  }

  #bio(event: string, index: number, pages: number): void {
    this.event(event, { dev: LOOP, sector: index * 8, nr_sectors: pages * 8, rwbs: 'W' }, 2);
  }

  #move({ node, memcg }: Whose, dirty: number, writeback: number): void {
    for (const [levels, key] of [
      [this.nodes, String(node)],
      [this.memcgs, memcg],
    ] as const) {
      const level = levels.get(key) ?? { dirty: 0, writeback: 0 };
      levels.set(key, level);
      level.dirty += dirty;
      level.writeback += writeback;
    }
  }

  replay(options: { zoneinfo?: string; silent?: string[]; sampleTables?: Table[] } = {}) {
    const host = { zoneinfo: options.zoneinfo ?? TWO_NODES };
    const trace = makeTrace(this.rows, { cpus: 1, host });
    const replay = replayHistory({
      ...trace,
      meta: { ...trace.meta, silent_events: options.silent ?? [] },
      sampleTables: new Map((options.sampleTables ?? []).map((table) => [table.name, table])),
    });
    if (replay === undefined) throw new Error('nothing to replay');
    return replay;
  }
}

type Whose = { readonly node: number; readonly memcg: string };

const levelsOf = ({ parts }: Projection): Levels =>
  new Map(
    parts
      .filter(({ dirty_pages, writeback_pages }) => dirty_pages !== 0 || writeback_pages !== 0)
      .map(({ name, dirty_pages, writeback_pages }) => [
        name,
        { dirty: dirty_pages, writeback: writeback_pages },
      ]),
  );
const present = (levels: Levels): Levels =>
  new Map([...levels].filter(([, { dirty, writeback }]) => dirty !== 0 || writeback !== 0));

const flusher = { bdi: '7:0', ino: 9n, cgroup_ino: 1n };

describe('pages by node and cgroup', () => {
  const SLOTS = 6;
  const slot = fc.nat(SLOTS - 1);
  const step = fc.record({
    kind: fc.constantFrom('write', 'write', 'flush', 'give-back', 'complete', 'truncate', 'sample'),
    slot,
    node: fc.nat(1),
    memcg: fc.constantFrom('1', '77', '78'),
  });

  test('are where the machine counts them, whatever it does', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const machine = simulate(steps, SLOTS);
        const { projections } = machine.replay({
          sampleTables: [nodeTable(machine, 0), nodeTable(machine, 1)],
        });
        expect(levelsOf(projections.nodes)).toEqual(present(machine.nodes));
        expect(levelsOf(projections.memcgs)).toEqual(present(machine.memcgs));
        for (const fit of projections.nodes.fits) {
          expect(fit).toMatchObject({ max_abs_pages: 0, unseen_pages: 0 });
        }
        const expected = machine.samples.length < 2 ? 0 : 4;
        expect(projections.nodes.fits).toHaveLength(expected);
      }),
      { numRuns: 200 },
    );
  });

  test('of memory.stat are held against the cgroup that fits best', () => {
    const machine = new Machine();
    machine.event('writeback_single_inode_start', flusher, 2);
    machine.state();
    for (let at = 0; at < 8; at++) {
      machine.add(at * 16, 16, 0);
      machine.dirty(at * 16, 16, { node: 0, memcg: at % 3 === 0 ? '77' : '1' });
      machine.sample();
    }
    const bytes = (kind: 'dirty' | 'writeback', more: number) =>
      numberColumn(
        Float64Array.from(
          machine.samples,
          ({ memcgs }) => 4096 * ((memcgs.get('77')?.[kind] ?? 0) + more),
        ),
        'bytes',
      );
    const table = makeTable('memory_stat', {
      ts_ns: numberColumn(
        Float64Array.from(machine.samples, ({ ts_ns }) => ts_ns),
        'ns',
      ),
      // Five pages are from before the trace.
      file_dirty: bytes('dirty', 5),
      file_writeback: bytes('writeback', 0),
    });
    const { memcgs } = machine.replay({ sampleTables: [table] }).projections;
    expect(memcgs.fits).toMatchObject([
      { against: 'memory_stat', name: '77', counter: 'dirty', n: 7, max_abs_pages: 0 },
      { name: '77', counter: 'writeback', max_abs_pages: 0 },
    ]);
    expect(memcgs.fits[0]?.unseen_pages).toBe(5);
  });
});

type Step = { kind: string; slot: number; node: number; memcg: string };

function simulate(steps: readonly Step[], slots: number): Machine {
  const machine = new Machine();
  machine.event('writeback_single_inode_start', flusher, 2);
  machine.state();
  // Something is always dirtied: without it there is nothing to replay.
  machine.add(8192, 16, 3);
  machine.dirty(8192, 16, { node: 0, memcg: '1' });
  const folios = Array.from({ length: slots }, () => ({
    cached: false,
    dirty: false,
    busy: false,
    whose: { node: 0, memcg: '1' } as Whose,
  }));
  for (const { kind, slot, node, memcg } of steps) {
    const folio = folios[slot] as (typeof folios)[number];
    const at = slot * 16;
    if (kind === 'write' && !folio.dirty) {
      if (!folio.cached) {
        machine.add(at, 16, node * 1000 + at);
        folio.whose = { node, memcg };
      }
      machine.dirty(at, 16, folio.whose);
      Object.assign(folio, { cached: true, dirty: true });
    } else if (kind === 'flush' && folio.dirty && !folio.busy) {
      machine.write(at, 16, folio.whose);
      Object.assign(folio, { dirty: false, busy: true });
    } else if (kind === 'give-back' && folio.dirty && !folio.busy) {
      machine.giveBack(at, 16, folio.whose);
    } else if (kind === 'complete' && folio.busy) {
      machine.complete(at, 16, folio.whose);
      folio.busy = false;
    } else if (kind === 'truncate' && folio.cached && !folio.busy) {
      machine.truncate(at, 16, folio.whose, folio.dirty);
      Object.assign(folio, { cached: false, dirty: false });
    } else if (kind === 'sample') machine.sample();
  }
  machine.state();
  // What is silent was recorded all the same.
  machine.rows.push({
    event: 'track_foreign_dirty',
    ts_ns: machine.rows.length * MS + MS,
    ...NONE,
  });
  return machine;
}

const NONE = { bdi: '7:9', bdi_id: 1n, ino: 1n, memcg_id: 0, cgroup_ino: 1n, page_cgroup_ino: 1n };

function nodeTable({ samples }: Machine, node: number): Table {
  const of = (kind: 'dirty' | 'writeback') =>
    numberColumn(
      Float64Array.from(samples, ({ nodes }) => nodes.get(String(node))?.[kind] ?? 0),
      'pages',
    );
  const times = Float64Array.from(samples, ({ ts_ns }) => ts_ns);
  const columns = { nr_dirty: of('dirty'), nr_writeback: of('writeback') };
  return makeTable(`vmstat_node${node}`, { ts_ns: numberColumn(times, 'ns'), ...columns });
}

describe('what is not known', () => {
  const dirtied = (): Machine => {
    const machine = new Machine();
    machine.state();
    machine.add(0, 16, 5);
    machine.dirty(0, 16, { node: 0, memcg: '1' });
    machine.state();
    return machine;
  };

  test('is said with what to record for it', () => {
    const { projections } = dirtied().replay({ zoneinfo: '' });
    expect(projections.nodes).toMatchObject({
      parts: [{ name: 'unknown', dirty_pages: 16 }],
      record: expect.stringContaining('/proc/zoneinfo'),
    });
    expect(projections.memcgs).toMatchObject({
      parts: [{ name: 'unknown', dirty_pages: 16 }],
      record: 'track_foreign_dirty and writeback_single_inode',
    });
    expect(projections.wb_cgroups).toMatchObject({
      parts: [{ name: 'unknown', bdi: '7:0' }],
      record: 'writeback_single_inode',
    });
  });

  test('where there is one node, everything is in it', () => {
    const { nodes } = dirtied().replay({ zoneinfo: zone(3, 0, 1000) }).projections;
    expect(nodes).toMatchObject({ parts: [{ name: '3', dirty_pages: 16 }], record: undefined });
  });

  test('frames outside of all nodes, or in two of them, are in none', () => {
    const overlap = zone(0, 0, 100) + zone(1, 4, 100);
    const { nodes } = dirtied().replay({ zoneinfo: overlap }).projections;
    expect(nodes.parts).toMatchObject([{ name: 'unknown', dirty_pages: 16 }]);
  });

  test('a silent event says that each folio is charged to the cgroup that writes it', () => {
    const machine = dirtied();
    machine.event('writeback_single_inode_start', flusher, 2);
    const { memcgs } = machine.replay({ silent: ['track_foreign_dirty'] }).projections;
    expect(memcgs).toMatchObject({ parts: [{ name: '1', dirty_pages: 16 }], record: undefined });
  });
});

test('an inode whose writeback is switched to another cgroup takes its pages along', () => {
  const machine = new Machine();
  machine.state();
  machine.event('writeback_single_inode_start', flusher, 2);
  machine.add(0, 16, 5);
  machine.dirty(0, 16, { node: 0, memcg: '1' });
  machine.add(16, 16, 5);
  machine.dirty(16, 16, { node: 0, memcg: '1' });
  machine.write(0, 16, { node: 0, memcg: '1' });
  const cells = { bdi: '7:0', ino: 9n, old_cgroup_ino: 1n, new_cgroup_ino: 44n };
  machine.event('inode_switch_wbs', cells);
  machine.complete(0, 16, { node: 0, memcg: '1' });
  const { wb_cgroups } = machine.replay().projections;
  expect(wb_cgroups.parts).toMatchObject([
    { name: '1', bdi: '7:0', dirty_pages: 0, dirtied_pages: 32, written_pages: 0 },
    { name: '44', bdi: '7:0', dirty_pages: 16, writeback_pages: 0, written_pages: 16 },
  ]);
});

test('levels of a bdi, and of its parts, are held against what the throttle printed', () => {
  const throttled = (bdi: string, cgroup_ino: bigint, wb_dirty_pages: number) =>
    machine.event('balance_dirty_pages', { bdi, cgroup_ino, wb_dirty_pages });
  const machine = new Machine();
  machine.state();
  machine.event('writeback_single_inode', { ...flusher, wrote_pages: 0, state: '' }, 2);
  const other = { bdi: '7:0', ino: 10n, cgroup_ino: 5n, wrote_pages: 0, state: '' };
  machine.event('writeback_single_inode', other, 2);
  // Three pages of the first cgroup are from before the trace.
  throttled('7:0', 1n, 3);
  throttled('7:0', 5n, 0);
  for (let at = 0; at < 4; at++) {
    machine.add(at * 16, 16, 5);
    machine.dirty(at * 16, 16, { node: 0, memcg: '1' });
    throttled('7:0', 1n, 16 * (at + 1) + 3);
    machine.event('writeback_dirty_folio', { bdi: '7:0', ino: 10n, index: at });
    throttled('7:0', 5n, at + 1 + (at === 3 ? 7 : 0));
  }
  const { fits } = machine.replay().projections.wb_cgroups;
  const common = { against: 'balance_dirty_pages', counter: 'dirty + writeback', n: 4 };
  expect(fits).toMatchObject([
    { ...common, name: '1 on 7:0', max_abs_pages: 0, unseen_pages: 3 },
    { ...common, name: '5 on 7:0', max_abs_pages: 7, unseen_pages: 0 },
  ]);
});

test('pages are of the class of their inode, over time as well', () => {
  const machine = new Machine();
  machine.state();
  const folio = (bdi: string, ino: bigint, index: number) =>
    machine.event('writeback_dirty_folio', { bdi, ino, index });
  const request = { connection: BigInt(FUSE), unique: 2n, opcode: 'FUSE_WRITE', len_bytes: 80 };
  machine.event('fuse_request_send', request);
  folio('7:0', 9n, 0);
  folio('7:0', BigInt(LOOP), 5);
  folio('btrfs-1', 1n, 7);
  folio('btrfs-1', 257n, 7);
  folio('0:39', 4n, 0);
  folio('8:1-fuseblk', 4n, 0);
  machine.state();
  const { classes, classes_over_time } = machine.replay().projections;
  const found = Object.fromEntries(classes.parts.map((part) => [part.name, part.dirtied_pages]));
  expect(found).toEqual({ 'file-data': 2, metadata: 2, 'fuse-data': 2 });
  const last = classes_over_time.classes.map(({ name, dirty_pages }) => [name, dirty_pages.at(-1)]);
  expect(Object.fromEntries(last)).toMatchObject({ metadata: 2, 'fuse-data': 2 });
});
