/** Rules of single systems as a library: decisions of their own, in bytes where a name says so. */
export * as btree from './btree-rules.ts';
export { CounterBook } from './counters.ts';
export * as fuseLimits from './fuse/fuse-limits.ts';
export * as fuseCopies from './fuse/writeback-copy.ts';
export { TreeCounter } from './tree-counter.ts';
