/** Trace text of the kernel (`trace`, `trace_pipe`), of a latency tracer, and of trace-cmd report. */
import { unwrapEntries } from '../../decode/text-entries.ts';
import { repairText } from '../../decode/text-repair.ts';
import type { Importer } from '../../importer.ts';
import { threadsFor } from '../text-pool.ts';
import { lineKinds } from './header.ts';
import { readLatencyText } from './latency.ts';
import { sniff } from './sniff.ts';

export const ftraceText: Importer = {
  id: 'ftrace-text',
  title: 'ftrace text',
  sniff,
  async read(whole, context) {
    const source = unwrapEntries(whole);
    const text = readLatencyText(source)?.text ?? repairText(source, lineKinds());
    const loading = import('./index.ts');
    // Threads start while that is loaded.
    const pool = threadsFor(text, context);
    const { readFast } = await loading;
    return readFast(text, context, pool);
  },
};
