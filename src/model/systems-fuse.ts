/** Systems that differ in how FUSE writes: copies of pages, or the pages themselves. */
import { iomapFolioState, noState } from './policies/blocks/policies.ts';
import { besideBlocks, design2007, inPlace, perEntry, tempPages } from './policies/fuse/fuse.ts';
import type { PolicyFactory } from './policies/policy.ts';
import type { SwitchName, SwitchValues } from './switches.ts';
import type { Need, System } from './systems.ts';

const NEEDED = ['counters', 'dirtied', 'fuse-requests'] as const satisfies readonly Need[];

const LISTENS = [
  'fuse.max-ratio',
  'fuse.strictlimit',
  'fuse.sync',
  'fuse.stuck-at',
  'fuse.stuck-for',
  'vm.throttle-writeout',
  'vm.zone-pages',
] as const satisfies readonly SwitchName[];
const COPIES = [...LISTENS, 'fuse.count-temp'] as const;

const DESIGN = 'mail "fuse writeback", Miklos Szeredi and Peter Zijlstra, 15 Nov 2007';
const REMOVAL = 'commit 0c58a97f919c (6.16), Joanne Koong, Oct 2024 to 2025';
const UNKNOWN =
  'how the share of the limit grows with completions; how longer pauses slow writers; what ' +
  'the server itself then writes otherwise';
const SHARE = 'the 1 % cap with strictlimit, which syncs wait, a server that stops';

function fuse(
  id: string,
  title: string,
  copy: PolicyFactory,
  modelled: string,
  { from, sources }: Pick<System, 'from' | 'sources'>,
  listens: readonly SwitchName[],
): System {
  return {
    id,
    title,
    choice: { copy },
    switches: {},
    modelled: `${modelled}; ${SHARE}`,
    notModelled: UNKNOWN,
    from,
    sources,
    needs: NEEDED,
    listens,
  };
}

const OLDEST = fuse(
  'fuse-2007',
  'FUSE as first designed: copies, 32 in flight',
  design2007,
  'copy at start, NR_WRITEBACK_TEMP, the limit of 32 (fc->numwrite)',
  { from: 'Szeredi, 15 Nov 2007', sources: [DESIGN] },
  COPIES,
);
const TEMP = fuse(
  'fuse-temp-pages',
  'FUSE 2.6.26 to 6.15: copies of pages are written',
  tempPages,
  'copy at start, NR_WRITEBACK_TEMP; NR_WRITTEN at the copy, WB_WRITTEN at the answer',
  {
    from: 'commit 3be5a52b30aa',
    sources: [DESIGN, 'commit 3be5a52b30aa (2.6.26)', 'fs/fuse/file.c of 4.4, 5.10, 6.12'],
  },
  COPIES,
);
const ENTRIES = fuse(
  'fuse-per-entry',
  'FUSE 6.16 and 6.17: WB_WRITEBACK by request entry',
  perEntry,
  'everything at the answer; WB_WRITEBACK and completions count entries of requests',
  { from: 'commit 0c58a97f919c', sources: [REMOVAL, 'fs/fuse/file.c of 6.17'] },
  [...LISTENS, 'fuse.entry-pages'],
);
const IN_PLACE = fuse(
  'fuse-in-place',
  'FUSE since 7.0: ordinary accounting',
  inPlace,
  'ordinary accounting (6.18 too, where sync(2) still waits); sync(2) does not wait',
  {
    from: 'Koong, change of 6.18',
    sources: [
      'change of 6.18 to default accounting, Joanne Koong',
      'fs/fuse/file.c of 7.0 and 7.3',
    ],
  },
  LISTENS,
);

/** A FUSE era with all that it had beside the copies. */
const composed = (
  system: System,
  id: string,
  title: string,
  choice: { readonly copy: PolicyFactory; readonly blockState: PolicyFactory },
  switches: SwitchValues = {},
): System => ({
  ...system,
  id,
  title,
  choice: { ...choice, copy: besideBlocks(choice.copy) },
  switches: { ...system.switches, ...switches },
  modelled: `${system.modelled}; memory and writes of its block state`,
  needs: [...system.needs, 'sizes'],
  listens: [...system.listens, ...BLOCKS],
});

const BLOCKS = [
  'block.size',
  'block.statistics',
  'block.io',
  'block.most-order',
  'block.callouts',
  'block.callout-us',
  'block.state-memory',
] as const satisfies readonly SwitchName[];

export const FUSE_SYSTEMS: readonly System[] = [
  OLDEST,
  TEMP,
  ENTRIES,
  IN_PLACE,
  composed(TEMP, 'fuse-6.15', 'FUSE up to 6.15, whole', { copy: tempPages, blockState: noState }),
  composed(ENTRIES, 'fuse-6.17', 'FUSE 6.16 and 6.17, whole', {
    copy: perEntry,
    blockState: iomapFolioState,
  }),
  composed(
    IN_PLACE,
    'fuse-6.18',
    'FUSE 6.18, whole: sync(2) waits',
    { copy: inPlace, blockState: iomapFolioState },
    { 'fuse.sync': 'wait' },
  ),
  composed(IN_PLACE, 'fuse', 'FUSE since 7.0, whole', {
    copy: inPlace,
    blockState: iomapFolioState,
  }),
];
