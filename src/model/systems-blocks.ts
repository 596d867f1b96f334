/** Systems that differ in what they keep for blocks of cached files, and in what they write. */
import {
  bufferHeads,
  iomapFolioState,
  iomapPage54,
  iomapPage418,
  iomapPage510,
  noState,
} from './policies/blocks/policies.ts';
import type { PolicyFactory } from './policies/policy.ts';
import type { SwitchName, SwitchValues } from './switches.ts';
import type { Need, System } from './systems.ts';

const NEEDED = ['counters', 'dirtied', 'sizes'] as const satisfies readonly Need[];
const LISTENS = [
  'block.size',
  'block.statistics',
  'block.io',
  'block.most-order',
  'block.callouts',
  'block.callout-us',
  'block.state-memory',
] as const satisfies readonly SwitchName[];

const MODELLED = 'memory of block state, dirty statistics, bytes written, calls of the file system';
const NOT =
  'state of folios cached before the trace; splits of folios; the journal; page faults dirty ' +
  'whole folios; what tasks would do in return';
const MAIL = 'mail of 15 May 2018 (Hellwig, Chinner) on iomap and buffer heads of gfs2';

function blocks(
  id: string,
  title: string,
  blockState: PolicyFactory,
  { from, sources }: Pick<System, 'from' | 'sources'>,
  switches: SwitchValues = {},
): System {
  return {
    id,
    title,
    choice: { blockState },
    switches,
    modelled: MODELLED,
    notModelled: NOT,
    from,
    sources: [...sources, MAIL],
    needs: NEEDED,
    listens: LISTENS,
  };
}

const EXT4 = {
  from: 'linux/buffer_head.h',
  sources: ['include/linux/buffer_head.h', 'fs/ext4/inode.c'],
};
const XFS = ['fs/iomap/buffered-io.c', 'fs/xfs/xfs_aops.c'];
const xfs = (from: string, ...more: readonly string[]) => ({ from, sources: [...XFS, ...more] });
const BITS = 'commit 4ce02c679722 (6.6): dirty bits of blocks';

export const BLOCK_SYSTEMS: readonly System[] = [
  blocks('ext4', 'ext4: a buffer head for each block', bufferHeads, EXT4),
  blocks(
    'xfs',
    'xfs since 6.6: bits for dirty blocks',
    iomapFolioState,
    xfs('commit 4ce02c679722', BITS),
  ),
  blocks(
    'xfs-5.10',
    'xfs 5.10 to 6.5: whole folios are written',
    iomapPage510,
    xfs('fs/iomap of 5.10'),
  ),
  blocks(
    'xfs-5.4',
    'xfs 4.20 to 5.9: whole pages are written',
    iomapPage54,
    xfs('fs/iomap of 5.4'),
  ),
  blocks('xfs-4.18', 'xfs 4.18: whole pages are written', iomapPage418, xfs('fs/iomap.c of 4.18')),
  blocks('block-none', 'no state for blocks: whole folios are written', noState, {
    from: 'Hellwig, 15 May 2018',
    sources: [],
  }),
  {
    ...blocks(
      'block-statistics',
      'iomap with dirty statistics by block (a proposal)',
      iomapFolioState,
      {
        from: 'Koong, RFC of Aug 2025',
        sources: ['RFC of August 2025, Joanne Koong: not in any kernel', BITS],
      },
      { 'block.statistics': 'block' },
    ),
    needs: [...NEEDED, 'written-ranges'],
  },
];
