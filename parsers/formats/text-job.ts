/** What a thread does for texts of events: reads a stretch of lines (decode/text-threads.ts). */
import { DICTIONARY } from '../../src/events/index.ts';
import { readTextPart, type TextJob } from '../decode/text-threads.ts';
import { startFtraceText } from './ftrace-text/index.ts';
import { startPerfScript } from './perf-script/index.ts';

export function runTextPart(job: TextJob) {
  const start = job.format === 'ftrace-text' ? startFtraceText : startPerfScript;
  return readTextPart(job, (context) => start({ dictionary: DICTIONARY, ...context }));
}
