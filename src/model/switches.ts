/**
 * Settings of policies, as `compare --set NAME=VALUE` takes them. A row here is all that a new
 * switch needs: the command line checks values by it, and `systems` lists it.
 */

type SwitchKind =
  | { readonly type: 'bytes'; readonly least: number; readonly most: number; readonly power?: true }
  | { readonly type: 'number'; readonly least: number; readonly most: number }
  | { readonly type: 'boolean' }
  | { readonly type: 'choice'; readonly values: readonly string[] };

export type SwitchRow = SwitchKind & {
  readonly meaning: string;
  /** What holds when neither system nor command line sets it, in words. */
  readonly otherwise: string;
};

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

const SWITCHES = {
  'metadata.node-size': {
    type: 'bytes',
    least: KIB,
    most: 64 * KIB,
    power: true,
    meaning: 'size of a tree node',
    otherwise: 'from meta.json, else inferred from the trace',
  },
  'metadata.page-size': {
    type: 'bytes',
    least: 4 * KIB,
    most: 64 * KIB,
    power: true,
    meaning: 'pages that hold tree nodes, or that bytes are converted to',
    otherwise: 'as recorded',
  },
  'metadata.copies': {
    type: 'number',
    least: 1,
    most: 16,
    meaning: 'how often each node is written (2 for DUP and RAID1)',
    otherwise: 'as the bios of the trace show, else 1',
  },
  'metadata.dirtyable': {
    type: 'boolean',
    meaning: 'memory of metadata buffers counts as dirtyable',
    otherwise: 'true',
  },
  'metadata.charge': {
    type: 'choice',
    values: ['node', 'pages'],
    meaning: 'what a task is charged for a dirtied node: 1, or its pages',
    otherwise: 'node',
  },
  'metadata.completions': {
    type: 'choice',
    values: ['bytes', 'one'],
    meaning: 'what a written node adds to its bdi’s share of the limit',
    otherwise: 'bytes (v2 and v3; October 2016: one)',
  },
  'metadata.long-bits': {
    type: 'number',
    least: 32,
    most: 64,
    meaning: 'bits of the counters; with 32, bytes overflow at 2 GiB and pages at 2^31',
    otherwise: '64',
  },
  'metadata.write-hook': {
    type: 'choice',
    values: ['always', 'not-sync', 'background', 'off'],
    meaning: 'which flusher works call write_metadata',
    otherwise: 'always',
  },
  'btrfs.gate': {
    type: 'bytes',
    least: 0,
    most: 64 * GIB,
    meaning: 'dirty tree nodes below which the flusher writes none of them; 0 for no gate',
    otherwise: '32M',
  },
  'btrfs.kupdate-skip': {
    type: 'boolean',
    meaning: 'periodic works write no tree nodes',
    otherwise: 'true with a gate, false without',
  },
  'btrfs.background-skip': {
    type: 'boolean',
    meaning: 'background works write no tree nodes',
    otherwise: 'false',
  },
  'btrfs.balance-gate': {
    type: 'bytes',
    least: 0,
    most: 64 * GIB,
    meaning: 'dirty tree nodes above which their dirtiers are throttled',
    otherwise: '32M',
  },
  'fuse.max-ratio': {
    type: 'number',
    least: 0,
    most: 100,
    meaning: 'percent of the limit that a FUSE connection may fill',
    otherwise: '1',
  },
  'fuse.strictlimit': {
    type: 'boolean',
    meaning: 'a FUSE connection is held to its share even when the machine has room',
    otherwise: 'true',
  },
  'fuse.count-temp': {
    type: 'boolean',
    meaning: 'copies count as writeback of the machine',
    otherwise: 'false',
  },
  'fuse.entry-pages': {
    type: 'number',
    least: 1,
    most: 512,
    meaning: 'pages of one entry of a request (a folio); only 6.16 and 6.17 count entries',
    otherwise: '1: no kernel has large folios here',
  },
  'fuse.sync': {
    type: 'choice',
    values: ['wait', 'skip'],
    meaning: 'sync(2) waits for FUSE data under writeback',
    otherwise: 'skip in the newest system, else wait where the page is what is waited for',
  },
  'fuse.stuck-at': {
    type: 'number',
    least: 0,
    most: 1e6,
    meaning: 'second of the trace from which the server answers nothing',
    otherwise: 'as recorded',
  },
  'fuse.stuck-for': {
    type: 'number',
    least: 0,
    most: 1e6,
    meaning: 'how many seconds that lasts',
    otherwise: 'for ever',
  },
  'vm.throttle-writeout': {
    type: 'choice',
    values: ['off', 'limit', 'zone'],
    meaning: 'allocating tasks sleep above 1.1 times the limit, or above 3/4 of a zone',
    otherwise: 'off (as since 4.9)',
  },
  'vm.zone-pages': {
    type: 'number',
    least: 1,
    most: 2 ** 40,
    meaning: 'pages on the lists of the zone, for vm.throttle-writeout=zone',
    otherwise: 'unknown: nobody sleeps',
  },
  'block.size': {
    type: 'bytes',
    least: 512,
    most: 2 ** 21,
    power: true,
    meaning: 'block size of the file system',
    otherwise: 'the page size',
  },
  'block.statistics': {
    type: 'choice',
    values: ['folio', 'block'],
    meaning: 'how much of a folio counts as dirty',
    otherwise: 'folio, as in every kernel',
  },
  'block.io': {
    type: 'choice',
    values: ['folio', 'block'],
    meaning: 'how much of a dirty folio is written',
    otherwise: 'block for buffer heads and since 6.6, else folio',
  },
  'block.most-order': {
    type: 'number',
    least: 0,
    most: 18,
    meaning: 'order that folios are split to before they are dirtied',
    otherwise: 'as recorded',
  },
  'block.callouts': {
    type: 'choice',
    values: ['extent', 'folio', 'block'],
    meaning: 'what the file system is called for in a buffered write',
    otherwise: 'block for buffer heads, else extent',
  },
  'block.callout-us': {
    type: 'number',
    least: 0,
    most: 1e6,
    meaning: 'what one such call costs, microseconds',
    otherwise: '0: calls are only counted',
  },
  'block.state-memory': {
    type: 'boolean',
    meaning: 'memory of block state is taken from dirtyable memory',
    otherwise: 'false',
  },
  'reclaim.era': {
    type: 'choice',
    values: ['scanned-share', 'priority', 'priority-deferred'],
    meaning: 'shrinker arithmetic: until 4.15, 4.16 to 5.12, since 5.13',
    otherwise: 'as the records are: scanned-share or priority-deferred',
  },
  'reclaim.seeks': {
    type: 'number',
    least: 0,
    most: 64,
    meaning: 'what it costs to make an object of private state again',
    otherwise: '2',
  },
  'reclaim.batch': {
    type: 'number',
    least: 1,
    most: 2 ** 20,
    meaning: 'objects that a shrinker takes at a time',
    otherwise: '1024, as superblocks do',
  },
  'reclaim.cache-pressure': {
    type: 'number',
    least: 0,
    most: 10_000,
    meaning: 'vfs_cache_pressure',
    otherwise: '100',
  },
  'reclaim.object-size': {
    type: 'bytes',
    least: 512,
    most: 2 ** 21,
    power: true,
    meaning: 'data that shares one object of private state (a node, a page)',
    otherwise: 'the page size',
  },
  'reclaim.state-size': {
    type: 'bytes',
    least: 1,
    most: 2 ** 20,
    meaning: 'memory of one object of private state',
    otherwise: '104, a buffer head',
  },
  'reclaim.at-removal': {
    type: 'boolean',
    meaning: 'state is released when the page is removed, not before',
    otherwise: 'false',
  },
} as const satisfies Record<string, SwitchRow>;

export type SwitchName = keyof typeof SWITCHES;
export const SWITCH_NAMES = Object.keys(SWITCHES) as readonly SwitchName[];
export const switchRow = (name: SwitchName): SwitchRow => SWITCHES[name];

type ValueOf<R> = R extends { readonly type: 'boolean' }
  ? boolean
  : R extends { readonly values: readonly (infer V)[] }
    ? V
    : number;

export type SwitchValues = { readonly [N in SwitchName]?: ValueOf<(typeof SWITCHES)[N]> };
