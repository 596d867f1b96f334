/** Threads for texts of events. A file of its own, as it is loaded before what reads texts. */
import type { ByteSource } from '../bytes/source.ts';
import type { ImportContext } from '../importer.ts';
import { MIN_BYTES_FOR_WORKERS, type WorkerPool } from '../workers/pool.ts';

/** Starts them; undefined where there are none, or too little to read. */
export function threadsFor(source: ByteSource, context: ImportContext): WorkerPool | undefined {
  const isLarge = source.file !== undefined && source.size >= MIN_BYTES_FOR_WORKERS;
  return isLarge ? context.workers?.('text-lead') : undefined;
}
