/** Text of `perf script`. */
import type { Importer } from '../../importer.ts';
import { threadsFor } from '../text-pool.ts';
import { sniff } from './sniff.ts';

export const perfScript: Importer = {
  id: 'perf-script',
  title: 'perf script text',
  sniff,
  async read(source, context) {
    // Threads start while the rest is loaded.
    const pool = threadsFor(source, context);
    const { readFast } = await import('./index.ts');
    return readFast(source, context, pool);
  },
};
