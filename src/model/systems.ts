/**
 * Which systems there are: each is a choice of policies and settings of their switches. Axes that
 * a system does not choose are as the recorded machine did it.
 */
import type { PolicyChoice } from './policies/policy.ts';
import type { SwitchName, SwitchValues } from './switches.ts';
import { BLOCK_SYSTEMS } from './systems-blocks.ts';
import { BTRFS_SYSTEMS } from './systems-btrfs.ts';
import { FUSE_SYSTEMS } from './systems-fuse.ts';
import { RECLAIM_SYSTEMS } from './systems-reclaim.ts';

/** What a trace must hold for a system; `events` and `why` are told when it does not. */
export const NEEDS = {
  counters: {
    events: ['global_dirty_state'],
    why: 'where the counters stood and what the thresholds were',
  },
  dirtied: { events: ['writeback_dirty_folio'], why: 'what was dirtied' },
  sizes: {
    events: ['mm_filemap_add_to_page_cache', 'mm_filemap_delete_from_page_cache'],
    why: 'how large the folios are',
  },
  'tree-nodes': {
    events: ['writeback_dirty_folio'],
    why: 'dirty tree nodes (inode 1 on a bdi of btrfs)',
  },
  'tree-writes': {
    events: ['writeback_single_inode', 'writeback_start'],
    why: 'when the flusher asked for tree nodes and what it got',
  },
  'fuse-requests': {
    events: ['fuse_request_send', 'fuse_request_end'],
    why: 'what is sent to FUSE servers and when they answer',
  },
  'folios-reclaimed': {
    events: ['mm_filemap_add_to_page_cache', 'mm_filemap_delete_from_page_cache'],
    why: 'which folios are cached and which reclaim takes',
  },
  'written-ranges': {
    events: ['iomap_iter', 'iomap_iter_dstmap'],
    why: 'which bytes of a folio were written (buffered writes through iomap)',
  },
  'shrinker-passes': {
    events: ['mm_shrink_slab_start'],
    why: 'when shrinkers are asked, and at which priority',
  },
} as const satisfies Record<string, { readonly events: readonly string[]; readonly why: string }>;
export type Need = keyof typeof NEEDS;

export type System = {
  readonly id: string;
  readonly title: string;
  readonly choice: PolicyChoice;
  /** What this system sets; the command line may set it otherwise. */
  readonly switches: SwitchValues;
  readonly modelled: string;
  readonly notModelled: string;
  /** The source in a few words: who and when, a commit, or a file. */
  readonly from: string;
  /** Mail subject and date, or file and function. */
  readonly sources: readonly string[];
  readonly needs: readonly Need[];
  /** The switches that this system listens to. */
  readonly listens: readonly SwitchName[];
};

/** All systems, in the order in which they are listed. */
export const SYSTEMS: readonly System[] = [
  ...BTRFS_SYSTEMS,
  ...FUSE_SYSTEMS,
  ...BLOCK_SYSTEMS,
  ...RECLAIM_SYSTEMS,
];

/** Undefined when there is none of this name. */
export const systemOf = (id: string): System | undefined => SYSTEMS.find((one) => one.id === id);
