/** Reads all events from the first to the last, in one thread: what every other way must equal. */
import type { ImportContext } from '../../importer.ts';
import { addBatch, makeAssembler } from './assemble.ts';
import { joinGaps } from './gaps.ts';
import type { EventsRead, Recording } from './recording.ts';
import { consume, nextBatch, openStreams, type PageStreams } from './streams.ts';

/** `windowBytes`: how much of the events is held at a time; only tests give it. */
export function readInOrder(
  recording: Recording,
  context: Pick<ImportContext, 'progress'>,
  windowBytes: number | undefined,
): EventsRead {
  const { lanes, scanner, watches } = recording;
  const streams = openStreams(lanes, { scanner, windowBytes, watches });
  const assembler = makeAssembler({ ...recording, originTs: 0 });
  for (let batch = nextBatch(streams); batch !== undefined; batch = nextBatch(streams)) {
    addBatch(assembler, batch, shareRead(streams));
    consume(streams, batch);
    context.progress(shareRead(streams));
  }
  const { seq, firstTs, lastTs } = assembler;
  return {
    builders: [...recording.formats.keys()].flatMap((id) => assembler.builders[id] ?? []),
    firstTs: seq === 0 ? 0 : firstTs,
    lastTs: seq === 0 ? 0 : lastTs,
    originTs: 0,
    gaps: streams.streams.flatMap(({ gaps }) => joinGaps([{ ...gaps, firstTs: Number.NaN }])),
    damagedAt: streams.damagedAt,
    scan: streams.scan,
    watches,
  };
}

function shareRead(all: PageStreams): number {
  const left = all.streams.reduce((sum, { fileAt, fileEnd }) => sum + fileEnd - fileAt, 0);
  return all.totalBytes === 0 ? 1 : 1 - left / all.totalBytes;
}
