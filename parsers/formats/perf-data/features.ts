/** What perf wrote of the machine and of its events: feature sections, or records of a pipe. */
import { FormatError } from '../../../src/trace/errors.ts';
import { type ByteReader, readText, readU32, skip } from '../../bytes/reader.ts';
import type { ByteSource } from '../../bytes/source.ts';
import { readTracingData, type TracingData } from '../../decode/tracing-header.ts';
import { readIds, type Section, sectionReader } from './header.ts';

/** Numbers of features (tools/perf/util/header.h, enum of HEADER_*). */
const TRACING_DATA = 1;
const OS_RELEASE = 4;
const ARCH = 6;
const CPU_COUNT = 7;
const EVENT_DESC = 12;

export type Facts = {
  tracing: TracingData | undefined;
  kernel: string | undefined;
  machine: string | undefined;
  cpus: number | undefined;
  /** Names by the ids that samples carry. */
  readonly names: Map<number, string>;
};

export function noFacts(): Facts {
  return {
    tracing: undefined,
    kernel: undefined,
    machine: undefined,
    cpus: undefined,
    names: new Map(),
  };
}

const MAX_TEXT = 4096;
const MAX_CPUS = 1 << 16;
const MAX_NAMES = 1 << 16;
const MAX_IDS = 1 << 22;

/** Adds what a feature says, unknown ones nothing; throws FormatError when it makes no sense. */
export function readFeature(
  facts: Facts,
  source: ByteSource,
  feature: number,
  section: Section,
  littleEndian: boolean,
): void {
  const reader = sectionReader(source, section, littleEndian);
  switch (feature) {
    case TRACING_DATA:
      facts.tracing = readTracingData(source, section.offset);
      return;
    case OS_RELEASE:
      facts.kernel = readString(reader, 'OS release');
      return;
    case ARCH:
      facts.machine = readString(reader, 'architecture');
      return;
    case CPU_COUNT: {
      const cpus = readU32(reader, 'number of CPUs');
      if (cpus > 0 && cpus <= MAX_CPUS) facts.cpus = cpus;
      return;
    }
    case EVENT_DESC:
      readEventNames(facts, reader);
  }
}

/** Length, then that many bytes: the text and at least one NUL. */
function readString(reader: ByteReader, what: string): string {
  const length = readU32(reader, `size of ${what}`);
  if (length > MAX_TEXT) {
    throw new FormatError(`${reader.source.name}: ${what} of ${length} bytes`, reader.offset - 4);
  }
  return readText(reader, length, what).replace(/\0.*$/s, '');
}

/** Number of events, bytes of an attr; for each the attr, number of ids, name, ids. */
function readEventNames(facts: Facts, reader: ByteReader): void {
  const count = readU32(reader, 'number of event names');
  const attrBytes = readU32(reader, 'size of an attr');
  let idsSoFar = 0;
  for (let index = 0; index < Math.min(count, MAX_NAMES); index++) {
    skip(reader, attrBytes, 'event names');
    const ids = readU32(reader, 'number of ids');
    const name = readString(reader, 'event name');
    idsSoFar += ids;
    if (idsSoFar > MAX_IDS) throw new FormatError('too many event ids', reader.offset);
    for (const id of readIds(reader, ids)) facts.names.set(id, name);
  }
}
