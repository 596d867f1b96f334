/** Opening a capture for a command, with progress on a terminal and notes about what is wrong. */
import { type KeepEvents, openTrace } from '../../parsers/index.ts';
import type { Trace } from '../trace/trace.ts';
import type { Io } from './io.ts';

export type CaptureOptions = {
  readonly vmstat?: string | undefined;
  readonly meta?: string | undefined;
  readonly clockOffset?: number | undefined;
  readonly maxUnpacked?: number | undefined;
  readonly quiet: boolean;
};

/** `keep`: how much of each event the command needs. */
export async function openCapture(
  file: string,
  options: CaptureOptions,
  io: Io,
  keep?: KeepEvents,
): Promise<Trace> {
  const shown = io.errIsTerminal && !options.quiet;
  let last = -1;
  const progress = (share: number): void => {
    const percent = Math.floor(share * 100);
    if (percent === last) return;
    last = percent;
    io.err(`\rreading ${percent} %`);
  };
  try {
    const { vmstat, meta, clockOffset, maxUnpacked } = options;
    return await openTrace(file, {
      vmstat,
      meta,
      clockOffsetSeconds: clockOffset,
      // Who states a size has no use for a guess by ratio.
      limits:
        maxUnpacked === undefined
          ? undefined
          : { maxUnpackedBytes: maxUnpacked, maxRatio: Number.POSITIVE_INFINITY },
      progress: shown ? progress : undefined,
      keep,
    });
  } finally {
    // Wipe the progress line, whatever happened.
    if (shown && last >= 0) io.err('\r\u001b[K');
  }
}
