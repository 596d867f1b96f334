/** filemap:* (include/trace/events/filemap.h): what enters and leaves the page cache. */
import { count, defineEvent, dev, type EventDefinition, id, int } from './define.ts';

// dev %d:%d ino %lx pfn=0x%lx ofs=%lu order=%u
// `order` (log2 of the folio's pages) since 5.17; before, page=%p and single pages only.
// `ofs` is the byte offset, the record holds the page index.
const folio = {
  dev: dev('s_dev', { text: ['dev '] }),
  ino: id('i_ino', { text: ['ino '], radix: 16 }),
  // Decimal until 5.13; since then the prefix says that it is not.
  pfn: id('pfn'),
  index: count('pages', 'index', { text: ['ofs='], textInBytes: true }),
  order: int('order', { optional: true, signed: false }),
};

export const FILEMAP_EVENTS: readonly EventDefinition[] = [
  defineEvent('filemap', 'mm_filemap_add_to_page_cache', folio),
  defineEvent('filemap', 'mm_filemap_delete_from_page_cache', folio),
];
