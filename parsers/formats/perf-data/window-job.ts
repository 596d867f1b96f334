/** What a thread does of a large file: deals out windows of it, as long as any come. */
import type { JobResult } from '../../workers/jobs.ts';
import { type DealPlan, WindowDealer } from './window-dealer.ts';

export function runDealJob(plan: DealPlan): JobResult {
  return { output: new WindowDealer(plan).dealAll() };
}
