/** What a thread does of a large file: slices of it, as long as there are any. */
import { type FilePlace, fileSource } from '../../bytes/source.ts';
import type { JobResult } from '../../workers/jobs.ts';
import { runSlices, type SlicePlan } from './slices.ts';

export type SliceJob = {
  readonly plan: SlicePlan;
  readonly name: string;
  readonly file: FilePlace;
  readonly size: number;
};

export function runSliceJob({ plan, name, file, size }: SliceJob): JobResult {
  return { output: runSlices(plan, fileSource(name, file, size)) };
}
