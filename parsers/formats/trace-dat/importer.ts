/** trace.dat as `trace-cmd record` writes it, versions 6 and 7, any byte order and word size. */
import { TRACING_MAGIC } from '../../decode/tracing-magic.ts';
import type { Importer } from '../../importer.ts';
import { MIN_BYTES_FOR_WORKERS } from '../../workers/pool.ts';

export const traceDat: Importer = {
  id: 'trace-dat',
  title: 'trace.dat',
  sniff: (head) => [...TRACING_MAGIC].every((char, at) => head[at] === char.charCodeAt(0)),
  async read(source, context) {
    // Threads start while the rest is loaded.
    if (source.file !== undefined && source.size >= MIN_BYTES_FOR_WORKERS) context.workers?.();
    const { readWithThreads } = await import('./index.ts');
    return readWithThreads(source, context);
  },
};
