/** Text of `perf script`. */
import { unwrapEntries } from '../../decode/text-entries.ts';
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
    const text = repairText(unwrapEntries(source), lineKinds());
    const loading = import('./index.ts');
    // Threads start while that is loaded.
    const pool = threadsFor(text, context);
    const { readFast } = await loading;
    return readFast(text, context, pool);
  },
};
