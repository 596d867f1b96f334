import { describe, expect, test } from 'vitest';
import { nameNumbers } from '../../parsers/decode/numbers-for-names.ts';
import { DICTIONARY } from '../../src/events/index.ts';
import { numberColumn, textColumn } from '../../src/trace/column.ts';
import { makeTable, type Table } from '../../src/trace/table.ts';

/** A table of printed texts, one a row. */
function printed(name: string, columns: Record<string, readonly string[]>): Table {
  const made = Object.entries(columns).map(([id, texts]) => {
    const dictionary = [...new Set(texts)];
    const codes = Uint32Array.from(texts, (text) => dictionary.indexOf(text));
    return [id, textColumn(codes, dictionary)] as const;
  });
  const rows = Object.values(columns)[0]?.length ?? 0;
  const ts_ns = numberColumn(new Float64Array(rows), 'ns');
  return makeTable(name, { ts_ns, ...Object.fromEntries(made) });
}

function named(...tables: Table[]) {
  const found = nameNumbers(new Map(tables.map((table) => [table.name, table])), DICTIONARY);
  return Object.fromEntries(
    [...found.values()].flatMap(({ name, columns }) =>
      Object.entries(columns).map(([id, column]) => [
        `${name}.${id}`,
        column.kind === 'text'
          ? Array.from(column.codes, (code) => column.dictionary[code])
          : column.kind === 'number'
            ? Array.from(column.values)
            : [],
      ]),
    ),
  );
}

describe('flags that a tool printed as numbers', () => {
  test('6.18: names and bits, and zero for the first flag', () => {
    const state = ['0x20052', 'I_DIRTY_SYNC', '0x50', '0x10', ''];
    const found = named(printed('writeback_single_inode', { state, bdi: state }));
    expect(found['writeback_single_inode.state']).toEqual([
      'I_DIRTY_SYNC|I_DIRTY_PAGES|I_SYNC|I_SYNC_QUEUED',
      '',
      'I_DIRTY_SYNC|I_DIRTY_PAGES',
      'I_DIRTY_SYNC',
      '',
    ]);
    expect(found['writeback_single_inode.state_bits']).toEqual([0x20052, 0, 0x50, 0x10, 0]);
    // Only what the kernel prints as flags.
    expect(found['writeback_single_inode.bdi']).toEqual(state);
  });

  test('one column tells what the others mean', () => {
    const found = named(
      printed('writeback_mark_inode_dirty', { flags: ['0x70'] }),
      printed('sb_clear_inode_writeback', { state: ['I_DIRTY_SYNC'] }),
    );
    expect(found['sb_clear_inode_writeback.state']).toEqual(['']);
    expect(found['sb_clear_inode_writeback.state_bits']).toEqual([0]);
    expect(found['writeback_mark_inode_dirty.flags']).toEqual([
      'I_DIRTY_SYNC|I_DIRTY_DATASYNC|I_DIRTY_PAGES',
    ]);
  });

  test('6.12: a name for a bit that means the same in every kernel that leaves it out', () => {
    const state = ['I_DIRTY_PAGES|0x2', 'I_DIRTY_PAGES|0x10002', 'I_DIRTY_SYNC', '0x10000'];
    const found = named(printed('writeback_single_inode', { state }));
    expect(found['writeback_single_inode.state']).toEqual([
      'I_DIRTY_PAGES|I_SYNC',
      'I_DIRTY_PAGES|I_SYNC|0x10000',
      'I_DIRTY_SYNC',
      '0x10000',
    ]);
    expect(found).not.toHaveProperty('writeback_single_inode.state_bits');
  });

  test('what the kernel itself printed stays, and no bits are guessed', () => {
    const state = ['I_DIRTY_SYNC|I_DIRTY_PAGES', 'I_DIRTY_SYNC', '', 'I_DIRTY_PAGES|0x400'];
    const found = named(printed('writeback_single_inode', { state }));
    expect(found['writeback_single_inode.state']).toEqual(state);
    expect(found).not.toHaveProperty('writeback_single_inode.state_bits');
  });

  test('bits of throttled tasks, of which the format names the first only', () => {
    const reason = ['VMSCAN_THROTTLE_WRITEBACK', '0x4', 'VMSCAN_THROTTLE_NONE'];
    const found = named(printed('mm_vmscan_throttled', { reason }));
    expect(found['mm_vmscan_throttled.reason']).toEqual([
      'VMSCAN_THROTTLE_WRITEBACK',
      'VMSCAN_THROTTLE_NOPROGRESS',
      'VMSCAN_THROTTLE_NONE',
    ]);
    expect(found['mm_vmscan_throttled.reason_bits']).toEqual([1, 4, 0]);
  });

  test('a word that is no flag keeps its column as it was printed', () => {
    const state = ['0x50', 'I_SOMETHING_NEW|0x40'];
    const found = named(printed('writeback_single_inode', { state }));
    expect(found['writeback_single_inode.state']).toEqual([
      'I_DIRTY_SYNC|I_DIRTY_PAGES',
      'I_SOMETHING_NEW|0x40',
    ]);
    expect(found).not.toHaveProperty('writeback_single_inode.state_bits');
  });
});
