/**
 * Pages that come back together. ext4 maps what it writes as not initialised, a round of its
 * writepages at a time, and only when all bios of a round are back are the extents converted and
 * the pages' writeback ended (fs/ext4/page-io.c, ext4_end_bio: such bios wait for their io_end).
 */
import type { Run } from './write-queue.ts';

export type IoEnd = {
  /** More pages may be claimed for it. */
  isOpen: boolean;
  /** Pages that are not back. */
  left: number;
  /** Those that are back and wait for the others. */
  readonly back: Run[];
};

export const openIoEnd = (): IoEnd => ({ isOpen: true, left: 0, back: [] });

/** A run came back; returns all of its round once that is complete. */
export function comeBack(ioEnd: IoEnd, run: Run, pages: number): readonly Run[] {
  ioEnd.left -= pages;
  ioEnd.back.push(run);
  return complete(ioEnd);
}

/** No more pages will be claimed for it. */
export function close(ioEnd: IoEnd): readonly Run[] {
  ioEnd.isOpen = false;
  return complete(ioEnd);
}

const complete = ({ isOpen, left, back }: IoEnd): readonly Run[] =>
  isOpen || left > 0 ? [] : back.splice(0);
