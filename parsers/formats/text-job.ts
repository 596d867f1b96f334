/** What a thread does for texts of events: reads stretches of lines (decode/text-threads.ts). */
import { DICTIONARY } from '../../src/events/index.ts';
import { readTextLead, readTextPart, type TextJob, type TextLead } from '../decode/text-threads.ts';
import { startFtraceText } from './ftrace-text/index.ts';
import { startPerfScript } from './perf-script/index.ts';

/** Readings that have read the lead: all are the same. */
const started: ReturnType<typeof readTextLead>[] = [];

export function runTextLead(lead: TextLead) {
  const start = lead.format === 'ftrace-text' ? startFtraceText : startPerfScript;
  started.push(readTextLead(lead, (context) => start({ dictionary: DICTIONARY, ...context })));
  return { output: undefined };
}

/** Throws when no lead was read before. */
export function runTextPart(job: TextJob) {
  const reading = started.pop();
  if (reading === undefined) throw new Error('no lead was read');
  return readTextPart(job, reading);
}
