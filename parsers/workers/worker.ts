/** What runs in each thread of the pool: one job after the other, as they are asked for. */
import { parentPort, workerData } from 'node:worker_threads';
import { JOBS, type Job, type JobName } from './jobs.ts';

export type JobRequest = { readonly job: JobName; readonly input: unknown };
export type JobReply =
  | { readonly output: unknown; readonly failed?: undefined }
  | { readonly failed: string };

const first: JobName | undefined = workerData ?? undefined;
// What goes wrong here goes wrong again when the job is asked for.
if (first !== undefined) JOBS[first]().catch(() => {});

parentPort?.on('message', async ({ job, input }: JobRequest) => {
  let reply: JobReply;
  let transfer: readonly ArrayBuffer[] = [];
  try {
    const run: Job = await JOBS[job]();
    const result = run(input as never);
    reply = { output: result.output };
    transfer = result.transfer ?? [];
  } catch (error) {
    // Whoever asked reads the input without threads then, which says what is wrong.
    reply = { failed: error instanceof Error ? error.message : String(error) };
  }
  parentPort?.postMessage(reply, [...transfer]);
});
