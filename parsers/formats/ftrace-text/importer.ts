/** Trace text of the kernel (`trace`, `trace_pipe`), of a latency tracer, and of trace-cmd report. */
import type { Importer } from '../../importer.ts';
import { threadsFor } from '../text-pool.ts';
import { readLatencyText } from './latency.ts';
import { sniff } from './sniff.ts';

export const ftraceText: Importer = {
  id: 'ftrace-text',
  title: 'ftrace text',
  sniff,
  async read(source, context) {
    const text = readLatencyText(source)?.text ?? source;
    // Threads start while the rest is loaded.
    const pool = threadsFor(text, context);
    const { readFast } = await import('./index.ts');
    return readFast(text, context, pool);
  },
};
