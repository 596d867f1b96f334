/** What a thread of the pool does for a trace.dat. */
import type { JobResult } from '../../workers/jobs.ts';
import { type TaskQueue, takeTask } from '../../workers/task-queue.ts';
import type { Watch } from './below-zero.ts';
import { type DecodeInput, decodeSlices } from './decode-slices.ts';
import type { SlicePlan } from './slices.ts';
import { makeSurveyor, type SliceSurvey, surveySlice } from './survey.ts';

export type SliceJob =
  | { readonly phase: 'survey'; readonly plan: SlicePlan; readonly queue: TaskQueue }
  | { readonly phase: 'decode'; readonly input: DecodeInput; readonly queue: TaskQueue };

export type Surveyed = {
  readonly tasks: number;
  readonly surveys: readonly SliceSurvey[];
  /** What the thread saw of counters below zero. */
  readonly watched: readonly Watch[];
};

export function runSlices(job: SliceJob): JobResult {
  if (job.phase === 'decode') return { output: decodeSlices(job.input, job.queue) };
  return { output: surveySlices(job.plan, job.queue) };
}

/** Surveys slices until none is left. */
export function surveySlices(plan: SlicePlan, queue: TaskQueue, onSlice = () => {}): Surveyed {
  const watches = structuredClone(plan.watches);
  const surveyor = makeSurveyor(plan, watches);
  const surveys: SliceSurvey[] = [];
  for (let slice = takeTask(queue); slice !== undefined; slice = takeTask(queue)) {
    surveys.push(surveySlice(surveyor, slice));
    onSlice();
  }
  return { tasks: surveys.length, surveys, watched: [...watches.byId.values()].flat() };
}
