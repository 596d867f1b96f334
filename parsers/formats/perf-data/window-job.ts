/** What a thread does of a large file: deals out windows of it, as long as any come. */
import { fileSource } from '../../bytes/source.ts';
import type { JobResult } from '../../workers/jobs.ts';
import { ChunkReader } from './chunk-reader.ts';
import { type DealPlan, WindowDealer } from './window-dealer.ts';

export function runDealJob(plan: DealPlan): JobResult {
  const { memory, file } = plan;
  const dealer = new WindowDealer(plan);
  if (file === undefined) return { output: dealer.dealAll(() => false) };
  const { place, data } = file;
  const source = fileSource('', place, data.offset + data.size);
  return { output: dealer.dealAll(new ChunkReader(dealer.ring, memory, source, data).readOne) };
}
