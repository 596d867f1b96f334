/** Pages of a file that wait in the queue of a device, as claims put them there. */
import type { Inode } from '../../src/replay/history/inodes.ts';

/** `extent`: newly mapped. */
export const waitingRun = (inode: Inode, start: number, end: number, extent = 0) => ({
  inode,
  generation: 0,
  start,
  end,
  anonymous: 0,
  sync: false,
  extent,
  sector: undefined,
  ioEnd: undefined,
  copies: undefined,
});
