/** Systems that differ in how tree nodes are counted and when they are written. */
import {
  asRecordedTree,
  gatedTree,
  thresholds2008,
  writeMetadataHook,
} from './policies/btree-writing.ts';
import { btreeInodePages } from './policies/metadata-btree-inode.ts';
import { metadataBytes } from './policies/metadata-bytes.ts';
import { metadataPages } from './policies/metadata-pages.ts';
import type { SwitchValues } from './switches.ts';
import type { Need, System } from './systems.ts';

const TREES = ['counters', 'dirtied', 'tree-nodes'] as const satisfies readonly Need[];
const WRITES = [...TREES, 'tree-writes'] as const satisfies readonly Need[];

const NODE = ['metadata.node-size', 'metadata.page-size', 'metadata.copies'] as const;
const FORMS = [...NODE, 'metadata.charge', 'metadata.write-hook', 'btrfs.balance-gate'] as const;
const GATES = [
  ...NODE,
  'btrfs.gate',
  'btrfs.kupdate-skip',
  'btrfs.background-skip',
  'btrfs.balance-gate',
  'metadata.long-bits',
] as const;

const PAGES = 'tree nodes as pages of a hidden inode';
const SIMULATED =
  'copies that a node written earlier costs when it changes again; tasks and flusher in return';
const QU = '"btrfs: do not strictly require dirty metadata threshold for metadata writepages"';
const OOPS = '"Oops while rebalancing, now unmountable." (Hellwig, Mason), 15 Nov 2010';

function gated(
  id: string,
  title: string,
  modelled: string,
  switches: SwitchValues,
  { from, sources }: Pick<System, 'from' | 'sources'>,
): System {
  return {
    id,
    title,
    choice: { metadata: btreeInodePages, treeWriting: gatedTree },
    switches,
    modelled: `${PAGES}; ${modelled}`,
    notModelled: SIMULATED,
    from,
    sources,
    needs: WRITES,
    listens: GATES,
  };
}

export const BTRFS_SYSTEMS: readonly System[] = [
  {
    id: 'btrfs',
    title: 'btrfs of the recorded kernel',
    choice: { metadata: btreeInodePages, treeWriting: asRecordedTree },
    switches: {},
    modelled: `${PAGES}, written when they were, or by the switches; the throttle's 32 MiB`,
    notModelled: 'memory cgroups; nodes that transactions inhibit (7.2); zoned devices',
    from: 'fs/btrfs/disk-io.c',
    sources: ['fs/btrfs/disk-io.c: btree_dirty_folio, btrfs_btree_balance_dirty'],
    needs: TREES,
    listens: GATES,
  },
  gated(
    'btrfs-gate',
    'btrfs 2.6.29 to 6.18: nothing below 32 MiB',
    'writepages skips below 32 MiB and in periodic works',
    { 'btrfs.gate': 32 * 1024 * 1024, 'btrfs.kupdate-skip': true },
    {
      from: 'commit 24ab9cd85c11',
      sources: ['commit 24ab9cd85c11', 'fs/btrfs/disk-io.c: btree_writepages'],
    },
  ),
  gated(
    'btrfs-no-gate',
    'btrfs since 6.19: any call writes',
    'no gate and no periodic skip',
    { 'btrfs.gate': 0, 'btrfs.kupdate-skip': false },
    {
      from: 'Qu Wenruo, 17 Jan 2026',
      sources: [`${QU}, Qu Wenruo, v2 17 Jan 2026 (4e159150a9a5)`],
    },
  ),
  gated(
    'btrfs-background-skip',
    'btrfs: no nodes in periodic and background works',
    'Hellwig’s rule: only sync and wakeups of reclaim write',
    { 'btrfs.gate': 0, 'btrfs.kupdate-skip': true, 'btrfs.background-skip': true },
    { from: 'Hellwig, 15 Nov 2010', sources: [OOPS] },
  ),
  {
    ...gated(
      'btrfs-2008',
      'btrfs 2007 and 2008: 96 MiB and 8 MiB',
      '',
      {},
      {
        from: 'before 24ab9cd85c11',
        sources: ['fs/btrfs/disk-io.c before commit 24ab9cd85c11', OOPS],
      },
    ),
    choice: { metadata: btreeInodePages, treeWriting: thresholds2008 },
    modelled: `${PAGES}; gate of 96 MiB for the flusher, of 8 MiB for everybody else`,
    listens: [...NODE, 'btrfs.kupdate-skip', 'btrfs.background-skip', 'btrfs.balance-gate'],
  },
  {
    id: 'btrfs-metadata-bytes',
    title: 'btrfs metadata in bytes, without a hidden inode',
    choice: { metadata: metadataBytes, treeWriting: writeMetadataHook },
    switches: {},
    modelled: 'byte counters of node and bdi, dirtyable memory, 1 charged a node, write_metadata',
    notModelled: `the shrinker of buffers; several memory nodes; ${SIMULATED}`,
    from: 'Bacik, v3, 11 Dec 2017',
    sources: [
      '"[PATCH v3 00/11] Metadata specific accouting and dirty writeout", Josef Bacik, 11 Dec 2017',
      '"[PATCH 06/10] writeback: add counters for metadata usage", 14 Nov 2017',
    ],
    needs: [...WRITES, 'sizes'],
    listens: [...FORMS, 'metadata.dirtyable', 'metadata.completions', 'metadata.long-bits'],
  },
  {
    id: 'btrfs-metadata-pages',
    title: 'btrfs metadata in pages, the earlier postings',
    choice: { metadata: metadataPages, treeWriting: writeMetadataHook },
    switches: {},
    modelled: 'page counters of dirty metadata; bandwidth and share of the limit do not see it',
    notModelled: `meminfo rows of those postings; ${SIMULATED}`,
    from: 'Bacik, V2, 22 Aug 2016',
    sources: ['Josef Bacik, "[PATCH 0/3][V2]" of 22 Aug 2016, and the series of 8 and 9 Nov 2017'],
    needs: WRITES,
    listens: FORMS,
  },
];
