/**
 * trace.dat as `trace-cmd record` writes it, versions 6 and 7, any byte order and word size.
 * Not loaded late as other formats are: that took 15 ms, and takes 4 ms of every start so.
 */
import { TRACING_MAGIC } from '../../decode/tracing-magic.ts';
import type { Importer } from '../../importer.ts';
import { readWithThreads } from './index.ts';

export const traceDat: Importer = {
  id: 'trace-dat',
  title: 'trace.dat',
  sniff: (head) => [...TRACING_MAGIC].every((char, at) => head[at] === char.charCodeAt(0)),
  read: readWithThreads,
};
