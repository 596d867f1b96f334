/** What a latency tracer wrote, which trace-cmd keeps as the kernel printed it. */
import type { ImportContext, Imported } from '../../importer.ts';
import { readFtraceText } from '../ftrace-text/index.ts';
import { readLatencyText } from '../ftrace-text/latency.ts';
import { machineFacts, type OpenedText } from './index.ts';

export function readText({ text, header }: OpenedText, context: ImportContext): Imported {
  const latency = readLatencyText(text);
  const { meta, ...rest } = readFtraceText(latency?.text ?? text, {
    ...context,
    pageSize: header.pageSize,
  });
  const facts = machineFacts(header);
  const format_title = `${facts.format_title}, text of a latency tracer`;
  const cpus = Math.max(facts.cpus, meta.cpus);
  const clock = latency?.hasClock === false ? undefined : header.options.clock;
  const generation = facts.generation ?? meta.generation;
  return { ...rest, meta: { ...meta, ...facts, format_title, cpus, clock, generation } };
}
