/** Only how many samples there are: `inspect` needs no more. */
import { Allocator, sharedMemory } from '../../wasm/memory.ts';
import { isPacked } from './header.ts';
import { laneBytes, makeLane } from './lanes.ts';
import { KnownSamples, placeScan, placeWindow, SampleLoops } from './loop-scanner.ts';
import { readPackedRecords } from './packed-records.ts';
import { laneParts, readRecords, WINDOW_BYTES } from './reading.ts';
import { isIrregular, type Reading, startReading } from './state.ts';
import type { Opened } from './windows.ts';

/** Undefined where the file holds more than whole records one after the other. */
export function countRecords(opened: Opened, most = WINDOW_BYTES): Reading | undefined {
  const { source, context, header, facts, data } = opened;
  const { sources, littleEndian } = header;
  const windowBytes = laneBytes(Math.min(most, data.size));
  const allocator = new Allocator();
  const places = placeWindow(allocator, windowBytes);
  const scan = placeScan(allocator, sources.length);
  const memory = littleEndian ? sharedMemory(allocator.end) : undefined;
  const reading = startReading(source, context, header, facts, {
    known: memory && ((watched) => new KnownSamples(memory, scan, sources, watched)),
  });
  for (const event of sources) if (!reading.registry.add(event)) return undefined;
  const loops = reading.known && new SampleLoops(reading.known, places);
  const read = isPacked(header) ? readPackedRecords : readRecords;
  read(reading, data, makeLane(windowBytes, { ...laneParts(reading), loops }));
  return isIrregular(reading) ? undefined : reading;
}
