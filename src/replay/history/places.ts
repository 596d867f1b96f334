/**
 * Where single pages are: in which memory node, and to which cgroup they are charged. A file may
 * have pages in several of both. Known per folio, hence told apart within an inode
 * (inodes.ts, MAX_PLACES); everything of one inode alike is in the inode itself.
 */

export type Place = {
  /** Codes of projections.ts, 0 where not known. */
  readonly memcg: number;
  readonly node: number;
  /** The cgroup is the one that the writeback of the inode is charged to. */
  readonly isOwn: boolean;
};

export const UNKNOWN_PLACE: Place = { memcg: 0, node: 0, isOwn: false };
