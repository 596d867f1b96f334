/**
 * Threads for reading large inputs. There is always a way to read without them: where none can be
 * had (one CPU, TypeScript sources) or one fails, the caller reads on its own.
 */
import { availableParallelism } from 'node:os';
import { SHARE_ENV, Worker } from 'node:worker_threads';
import type { JobName } from './jobs.ts';
import type { JobReply, JobRequest } from './worker.ts';

export type WorkerPool = {
  /** Threads beside the caller's own. */
  readonly size: number;
  /**
   * Hands a job to the thread that has the fewest; the promise rejects if the job or its thread
   * fails. A thread does its jobs one after the other, whether or not the caller awaits.
   */
  run<Output>(job: JobName, input: unknown): Promise<Output>;
  close(): void;
};

/** More threads than this wait for memory, not for processors. */
const MAX_THREADS = 8;

/** A thread takes some 40 ms to start: what is read sooner than that is not worth one. */
export const MIN_BYTES_FOR_WORKERS = 16 << 20;

/** Undefined where there is nothing to gain. Threads load their `first` job while they wait for it. */
export function startPool(
  threads = availableParallelism(),
  first?: JobName,
): WorkerPool | undefined {
  // Threads run what was compiled: Node cannot load the sources by itself.
  const isCompiled = import.meta.url.endsWith('.js');
  const size = Math.min(threads, MAX_THREADS) - 1;
  if (!isCompiled || size < 1) return undefined;
  try {
    return makePool(Array.from({ length: size }, () => startThread(first)));
  } catch {
    // Threads may be forbidden, or too many.
    return undefined;
  }
}

/**
 * Runs one job in all threads, and its like here: both take their tasks from a queue in shared
 * memory that `input` holds, so it does not matter which thread is fast or was started in time.
 * Resolves when all `tasks` are done, without waiting for threads that came too late for one.
 */
export function shareTasks<Output extends { readonly tasks: number }>(
  pool: WorkerPool | undefined,
  job: JobName,
  input: unknown,
  tasks: number,
  work: () => Output,
): Promise<Output[]> {
  const runs = pool ? Array.from({ length: pool.size }, () => pool.run<Output>(job, input)) : [];
  return new Promise((resolve, reject) => {
    const outputs: Output[] = [];
    let done = 0;
    const onDone = (output: Output): void => {
      outputs.push(output);
      done += output.tasks;
      if (done === tasks) resolve(outputs);
    };
    for (const run of runs) run.then(onDone, reject);
    onDone(work());
  });
}

type Waiting = {
  readonly resolve: (output: unknown) => void;
  readonly reject: (error: Error) => void;
};

type Thread = {
  readonly worker: Worker;
  /** Jobs that it was given and has not answered, in order. */
  readonly waiting: Waiting[];
  isDead: boolean;
};

function startThread(first: JobName | undefined): Thread {
  const url = new URL('./worker.cjs', import.meta.url);
  const worker = new Worker(url, { env: SHARE_ENV, workerData: first });
  const thread: Thread = { worker, waiting: [], isDead: false };
  const onEnd = (): void => {
    thread.isDead = true;
    for (const { reject } of thread.waiting.splice(0)) reject(new Error('a thread ended'));
  };
  worker.on('message', (reply: JobReply) => settle(thread, reply));
  worker.on('error', onEnd);
  worker.on('exit', onEnd);
  // A thread without work keeps nobody waiting.
  worker.unref();
  return thread;
}

function settle({ worker, waiting }: Thread, reply: JobReply): void {
  const job = waiting.shift();
  if (waiting.length === 0) worker.unref();
  if (reply.failed === undefined) job?.resolve(reply.output);
  else job?.reject(new Error(`a thread failed: ${reply.failed}`));
}

function makePool(threads: readonly Thread[]): WorkerPool {
  return {
    size: threads.length,
    run: <Output>(job: JobName, input: unknown) =>
      new Promise<Output>((resolve, reject) => {
        const alive = threads.filter(({ isDead }) => !isDead);
        const [thread] = alive.sort((left, right) => left.waiting.length - right.waiting.length);
        if (thread === undefined) throw new Error('no thread is left');
        const request: JobRequest = { job, input };
        thread.worker.postMessage(request);
        thread.worker.ref();
        thread.waiting.push({ resolve: (output) => resolve(output as Output), reject });
      }),
    close() {
      for (const { worker } of threads) void worker.terminate();
    },
  };
}
