/** perf.data as `perf record` writes it: to a file or a pipe (`-o -`), compressed (`-z`) or not. */
import type { Importer } from '../../importer.ts';
import { MIN_BYTES_FOR_WORKERS } from '../../workers/pool.ts';

export const MAGIC = 'PERFILE2';
/** The same in files of the other byte order. */
const SWAPPED_MAGIC = '2ELIFREP';

export const perfData: Importer = {
  id: 'perf-data',
  title: 'perf.data',
  sniff: (head) => [MAGIC, SWAPPED_MAGIC].some((magic) => beginsWith(head, magic)),
  async read(source, context) {
    // Threads start while the rest is loaded, if it is sure that they have something to do.
    const isLarge = source.file !== undefined && source.size >= MIN_BYTES_FOR_WORKERS;
    if (isLarge && context.keep === undefined) context.workers?.('perf-data');
    const { readFast } = await import('./index.ts');
    return readFast(source, context);
  },
};

function beginsWith(head: Uint8Array, magic: string): boolean {
  return [...magic].every((char, at) => head[at] === char.charCodeAt(0));
}
