/** Text of `perf script`. */
import { repairText } from '../../decode/text-repair.ts';
import type { Importer } from '../../importer.ts';
import { threadsFor } from '../text-pool.ts';
import { lineKinds } from './line.ts';
import { sniff } from './sniff.ts';

export const perfScript: Importer = {
  id: 'perf-script',
  title: 'perf script text',
  sniff,
  async read(source, context) {
    const text = repairText(source, lineKinds());
    // Threads start while the rest is loaded.
    const pool = threadsFor(text, context);
    const { readFast } = await import('./index.ts');
    return readFast(text, context, pool);
  },
};
