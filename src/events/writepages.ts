/**
 * File systems writing their dirty pages: include/trace/events/{ext4,btrfs,block}.h,
 * fs/iomap/trace.h. No event tells that a folio turned clean; these are the nearest. The line above
 * each definition is what the kernel prints.
 */
import {
  count,
  defineEvent,
  dev,
  type EventDefinition,
  id,
  int,
  names,
  pages,
  text,
} from './define.ts';

const device = () => dev('dev', { text: ['dev '] });
const inode = () => ({ dev: device(), ino: id('ino', { text: ['ino '] }) });
const toWrite = () => pages('nr_to_write', { text: ['nr_to_write '], signed: true });
const skipped = () => pages('pages_skipped', { text: ['pages_skipped '], signed: true });
const syncMode = () => int('sync_mode', { text: ['sync_mode '], optional: true });
const range = (field: string, radix: 10 | 16 = 10) =>
  count('bytes', field, {
    text: radix === 16 ? [`${field} 0x`, `${field} `] : [`${field} `],
    radix,
    signed: true,
  });

const ext4 = [
  // dev %d,%d ino %lu nr_to_write %ld pages_skipped %ld range_start %lld range_end %lld
  // sync_mode %d for_kupdate %d range_cyclic %d writeback_index %lu
  defineEvent('ext4', 'ext4_writepages', {
    ...inode(),
    nr_to_write_pages: toWrite(),
    pages_skipped_pages: skipped(),
    range_start_bytes: range('range_start'),
    range_end_bytes: range('range_end'),
    sync_mode: syncMode(),
    for_kupdate: int('for_kupdate', { text: ['for_kupdate '] }),
    range_cyclic: int('range_cyclic', { text: ['range_cyclic '] }),
    writeback_index: count('pages', 'writeback_index', { text: ['writeback_index '] }),
  }),
  // dev %d,%d ino %lu ret %d pages_written %d pages_skipped %ld sync_mode %d writeback_index %lu
  defineEvent('ext4', 'ext4_writepages_result', {
    ...inode(),
    ret: int('ret', { text: ['ret '] }),
    pages_written_pages: pages('pages_written', { text: ['pages_written '], signed: true }),
    pages_skipped_pages: skipped(),
    sync_mode: syncMode(),
    writeback_index: count('pages', 'writeback_index', { text: ['writeback_index '] }),
  }),
  // dev %d,%d ino %lu start_pos 0x%llx next_pos 0x%llx nr_to_write %ld sync_mode %d  (since 6.17)
  defineEvent('ext4', 'ext4_da_write_folios_start', {
    ...inode(),
    start_pos_bytes: range('start_pos', 16),
    next_pos_bytes: range('next_pos', 16),
    nr_to_write_pages: toWrite(),
    sync_mode: syncMode(),
  }),
  // dev %d,%d ino %lu start_pos 0x%llx next_pos 0x%llx nr_to_write %ld ret %d        (since 6.17)
  defineEvent('ext4', 'ext4_da_write_folios_end', {
    ...inode(),
    start_pos_bytes: range('start_pos', 16),
    next_pos_bytes: range('next_pos', 16),
    nr_to_write_pages: toWrite(),
    ret: int('ret', { text: ['ret '] }),
  }),
  // dev %d,%d ino %lu first_page %lu nr_to_write %ld sync_mode %d                    (until 6.12)
  defineEvent('ext4', 'ext4_da_write_pages', {
    ...inode(),
    first_page: count('count', 'first_page', { text: ['first_page '] }),
    nr_to_write_pages: toWrite(),
    sync_mode: syncMode(),
  }),
  // dev %d,%d ino %lu lblk %llu len %u flags %s        lblk and len in blocks of the file system
  defineEvent('ext4', 'ext4_da_write_pages_extent', {
    ...inode(),
    lblk: count('count', 'lblk', { text: ['lblk '] }),
    len: count('count', 'len', { text: ['len '] }),
    flags: names('flags', { text: ['flags '], optional: true }),
  }),
];

const folioRange = {
  dev: device(),
  ino: id('ino', { text: ['ino 0x', 'ino '], radix: 16 }),
  size_bytes: count('bytes', 'size', { text: ['size 0x'], radix: 16, signed: true }),
  offset_bytes: count('bytes', 'offset', { text: ['offset 0x'], radix: 16, signed: true }),
  length_bytes: count('bytes', 'length', { text: ['length 0x'], radix: 16 }),
};
// `type MAPPED (0x2) flags  (0x0)`: names and, behind them, their number.
const mapping = () => ({
  type: names('type', { text: ['type '], optional: true }),
  flags: names('flags', { text: ['flags '], optional: true }),
});
const iomap = [
  // dev %d:%d ino 0x%llx size 0x%llx offset 0x%llx length 0x%llx    (iomap_writepage until 6.12)
  defineEvent('iomap', 'iomap_writeback_folio', folioRange, ['iomap_writepage']),
  defineEvent('iomap', 'iomap_invalidate_folio', folioRange, ['iomap_invalidatepage']),
  defineEvent('iomap', 'iomap_release_folio', folioRange, ['iomap_releasepage']),
  // dev %d:%d ino 0x%llx bdev %d:%d pos 0x%llx dirty len 0x%llx addr 0x%llx offset 0x%llx
  // length 0x%llx type %s (0x%x) flags %s (0x%x)                                    (since 6.17)
  defineEvent('iomap', 'iomap_add_to_ioend', {
    dev: device(),
    ino: id('ino', { text: ['ino 0x'], radix: 16 }),
    bdev: dev('bdev', { text: ['bdev '] }),
    pos_bytes: count('bytes', 'pos', { text: ['pos 0x'], radix: 16 }),
    dirty_len_bytes: count('bytes', 'dirty_len', { text: ['dirty len 0x'], radix: 16 }),
    // Where the mapping begins on the device, and where in the file: pos lies inside of it.
    addr_bytes: count('bytes', 'addr', { text: ['addr 0x'], radix: 16 }),
    offset_bytes: count('bytes', 'offset', { text: ['offset 0x'], radix: 16, signed: true }),
    length_bytes: count('bytes', 'length', { text: ['length 0x'], radix: 16, optional: true }),
    ...mapping(),
  }),
  // dev %d:%d ino 0x%llx pos 0x%llx length 0x%llx status %d flags %s (0x%x) ops %ps caller %pS
  defineEvent('iomap', 'iomap_iter', {
    dev: device(),
    ino: id('ino', { text: ['ino 0x'], radix: 16 }),
    pos_bytes: count('bytes', 'pos', { text: ['pos 0x'], radix: 16, optional: true }),
    length_bytes: count('bytes', 'length', { text: ['length 0x'], radix: 16, optional: true }),
    status: int('status', { text: ['status '], optional: true }),
    flags: names('flags', { text: ['flags '], optional: true }),
  }),
  // dev %d:%d ino 0x%llx bdev %d:%d addr 0x%llx offset 0x%llx length 0x%llx type %s (0x%x)
  // flags %s (0x%x)
  defineEvent('iomap', 'iomap_iter_dstmap', {
    dev: device(),
    ino: id('ino', { text: ['ino 0x'], radix: 16 }),
    bdev: dev('bdev', { text: ['bdev '], optional: true }),
    addr_bytes: count('bytes', 'addr', { text: ['addr 0x'], radix: 16, optional: true }),
    offset_bytes: count('bytes', 'offset', {
      text: ['offset 0x'],
      radix: 16,
      signed: true,
      optional: true,
    }),
    length_bytes: count('bytes', 'length', { text: ['length 0x'], radix: 16, optional: true }),
    ...mapping(),
  }),
];

const rootInode = {
  root: id('root_objectid', { text: ['root='], optional: true }),
  ino: id('ino'),
};
const btrfs = [
  // %pU: root=%llu(%s) ino=%llu page_index=%lu nr_to_write=%ld pages_skipped=%ld range_start=%llu
  // range_end=%llu for_kupdate=%d range_cyclic=%d writeback_index=%lu
  defineEvent(
    'btrfs',
    'extent_writepage',
    {
      ...rootInode,
      index: count('pages', 'index', { text: ['page_index='] }),
      nr_to_write_pages: pages('nr_to_write', { signed: true }),
    },
    ['__extent_writepage'],
  ),
  // %pU: root=%llu(%s) ino=%llu start=%llu len=%llu uptodate=%d                      (since 6.5)
  defineEvent('btrfs', 'btrfs_finish_ordered_extent', {
    ...rootInode,
    start_bytes: count('bytes', 'start'),
    len_bytes: count('bytes', 'len'),
    uptodate: int('uptodate'),
  }),
  // %pU: root=%llu(%s) ino=%llu start=%llu end=%llu uptodate=%d
  defineEvent('btrfs', 'btrfs_writepage_end_io_hook', {
    ...rootInode,
    start_bytes: count('bytes', 'start'),
    end_bytes: count('bytes', 'end'),
    uptodate: int('uptodate'),
  }),
];

// %d,%d %s %llu + %u [%d]         (only of devices without requests, such as device mapper's)
// Values follow each other without names, so they are told by their place.
const bioComplete = defineEvent('block', 'block_bio_complete', {
  dev: dev('dev', { text: [''] }),
  rwbs: text('rwbs', { text: [], place: /(?<=^\d+,\d+ )[A-Z]+(?= )/, optional: true }),
  sector: count('sectors', 'sector', { text: [], place: /\d+(?= \+ \d)/ }),
  nr_sectors: count('sectors', 'nr_sector', { text: [' + '] }),
  error: int(['error', 'errors'], { text: ['['], optional: true }),
});

export const WRITEPAGES_EVENTS: readonly EventDefinition[] = [
  ...ext4,
  ...iomap,
  ...btrfs,
  bioComplete,
];
