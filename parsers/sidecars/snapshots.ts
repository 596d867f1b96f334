/**
 * Files of /proc that a bundle has as they were read once (a sosreport). What they say of the
 * machine is used where no meta.json says it; counters at an unknown time explain nothing.
 */
import { FormatError, UsageError } from '../../src/trace/errors.ts';
import type { HostFacts } from '../../src/trace/trace.ts';
import type { Sidecar } from '../bundle-capture.ts';
import { readBytes } from '../bytes/source.ts';

const MAX_BYTES = 1 << 20;

// MemTotal:       24684096 kB
const MEMINFO = /^MemTotal:\s+\d+ kB$/m;
// Node 0, zone   Normal
const ZONEINFO = /^Node \d+, zone +\w+$/m;

export type Snapshots = {
  readonly facts: Pick<HostFacts, 'meminfo' | 'zoneinfo'>;
  /** Names of those that say nothing of use. */
  readonly unused: readonly string[];
};

/** The nearest file of each kind counts. Never throws: nobody asked for these files. */
export async function readSnapshots(snapshots: readonly Sidecar[]): Promise<Snapshots> {
  const facts: { meminfo?: string; zoneinfo?: string } = {};
  const unused: string[] = [];
  for (const sidecar of snapshots) {
    const text = await textOf(sidecar);
    if (MEMINFO.test(text)) facts.meminfo ??= text;
    else if (ZONEINFO.test(text)) facts.zoneinfo ??= text;
    else unused.push(sidecar.name);
  }
  return { facts, unused };
}

async function textOf(sidecar: Sidecar): Promise<string> {
  try {
    const source = await sidecar.open();
    try {
      return Buffer.from(readBytes(source, 0, MAX_BYTES)).toString('utf8');
    } finally {
      source.close();
    }
  } catch (error) {
    if (error instanceof FormatError || error instanceof UsageError) return '';
    throw error;
  }
}
