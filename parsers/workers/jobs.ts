/**
 * What threads can be asked to do, by name. A job's module is loaded in the thread when the job is
 * first asked for; its input and output are copied (structured clone), shared buffers are shared.
 */

export type JobResult = {
  readonly output: unknown;
  /** Memory that is handed over instead of copied. */
  readonly transfer?: readonly ArrayBuffer[];
};

export type Job = (input: never) => JobResult;

export const JOBS = {
  'trace-dat': async (): Promise<Job> =>
    (await import('../formats/trace-dat/slice-job.ts')).runSlices,
  'perf-data': async (): Promise<Job> =>
    (await import('../formats/perf-data/window-job.ts')).runDealJob,
  'text-lead': async (): Promise<Job> => (await import('../formats/text-job.ts')).runTextLead,
  'text-part': async (): Promise<Job> => (await import('../formats/text-job.ts')).runTextPart,
} as const;

export type JobName = keyof typeof JOBS;
