/** Systems that differ in how private state of pages is given back under pressure. */

import type { PolicyFactory } from './policies/policy.ts';
import { inodeLifetime, releasepage, shrinkerOnly } from './policies/private/reclaim.ts';
import type { SwitchName, SwitchValues } from './switches.ts';
import type { Need, System } from './systems.ts';

const NEEDED = ['counters', 'dirtied', 'folios-reclaimed'] as const satisfies readonly Need[];
const LISTENS = ['reclaim.object-size', 'reclaim.state-size'] as const;
const SHRINKERS = [
  'reclaim.era',
  'reclaim.seeks',
  'reclaim.batch',
  'reclaim.cache-pressure',
] as const;

const NOT =
  'references that held pages or state when reclaim looked; state of pages cached before the ' +
  'trace; pressure that comes from holding more than recorded';
const MAILS = 'mails of 25 to 28 Feb 2009 (Nick Piggin, Chris Mason)';

function reclaim(
  id: string,
  title: string,
  policy: PolicyFactory,
  modelled: string,
  more: {
    readonly from: string;
    readonly sources: readonly string[];
    readonly listens?: readonly SwitchName[];
    readonly needs?: readonly Need[];
    readonly switches?: SwitchValues;
  },
): System {
  return {
    id,
    title,
    choice: { reclaim: policy },
    switches: more.switches ?? {},
    modelled,
    notModelled: NOT,
    from: more.from,
    sources: [MAILS, ...more.sources],
    needs: [...NEEDED, ...(more.needs ?? [])],
    listens: [...LISTENS, ...(more.listens ?? [])],
  };
}

const SHRINK = 'mm/shrinker.c do_shrink_slab, in three eras';

export const RECLAIM_SYSTEMS: readonly System[] = [
  reclaim(
    'reclaim-releasepage',
    'private state goes when reclaim asks (releasepage)',
    releasepage,
    'state held, released, refused, built again; pages left without it in the window before the ' +
      'check of references',
    {
      from: 'Mason, 27 Feb 2009',
      sources: ['fs/btrfs/extent_io.c try_release_extent_buffer'],
      listens: ['reclaim.at-removal'],
    },
  ),
  reclaim(
    'reclaim-at-removal',
    'private state goes with the page: no window',
    releasepage,
    'as reclaim-releasepage, without pages that lose their state and stay',
    { from: 'Piggin, 28 Feb 2009', sources: [], switches: { 'reclaim.at-removal': true } },
  ),
  reclaim(
    'reclaim-shrinker',
    'private state and its pages go by a shrinker',
    shrinkerOnly,
    'scans by the arithmetic of the era at every recorded pass over the shrinkers, oldest first',
    { from: 'mm/shrinker.c', sources: [SHRINK], listens: SHRINKERS, needs: ['shrinker-passes'] },
  ),
  reclaim(
    'reclaim-inode',
    'private state lives as long as its inode',
    inodeLifetime,
    'state of pages that reclaim took stays until the last page of the file is truncated',
    {
      from: 'Piggin, fsblock, 2009',
      sources: ['fsblock (never merged): block mapping tree without a shrinker'],
    },
  ),
];
