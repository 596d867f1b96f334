/** What a thread does for texts of events: reads chunks of lines (decode/text-threads.ts). */
import { DICTIONARY } from '../../src/events/index.ts';
import {
  readTextLead,
  readTextPart,
  type TextJob,
  type TextLead,
  type TextReader,
} from '../decode/text-threads.ts';
import { startFtraceText } from './ftrace-text/index.ts';
import { startPerfScript } from './perf-script/index.ts';

/** Has read the lead: a thread reads one text. */
let reader: TextReader | undefined;

export function runTextLead(lead: TextLead) {
  const start = lead.format === 'ftrace-text' ? startFtraceText : startPerfScript;
  reader = readTextLead(lead, (context) => start({ dictionary: DICTIONARY, ...context }));
  return { output: undefined };
}

/** Throws when no lead was read before. */
export function runTextPart(job: TextJob) {
  if (reader === undefined) throw new Error('no lead was read');
  return readTextPart(job, reader);
}
