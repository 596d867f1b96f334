/** What was not the same when two captures were recorded: said before any number is compared. */
import { isKernelThread } from '../../derive/stalls.ts';
import { thousands } from '../../trace/wording.ts';
import type { Context } from '../context.ts';
import { dirtiedIn } from '../facts/dirtiers.ts';
import { bytes, duration, percent } from '../format.ts';
import { lostShare } from '../run.ts';
import type { SetupDifference } from './comparison.ts';
import { growths } from './growth.ts';

/** Amounts and lengths nearer than this are called the same. */
const NEAR = 0.1;
/** Who dirtied less of it is not what the capture is about. */
const MAIN_SHARE = 0.05;
const MOST_EVENTS = 6;

export function setupDifferences(before: Context, after: Context): SetupDifference[] {
  return [
    ...work(before, after),
    ...machine(before, after),
    ...knobs(before, after),
    ...recording(before, after),
  ];
}

type Text = string | undefined;

function differ(
  kind: SetupDifference['kind'],
  name: string,
  before: Text,
  after: Text,
): SetupDifference[] {
  if (before === after) return [];
  const known = (text: Text) => text ?? 'not recorded';
  return [{ kind, name, before: known(before), after: known(after) }];
}

function machine({ trace: a, facts: f }: Context, { trace: b, facts: g }: Context) {
  const text = (value: number | undefined) => (value === undefined ? undefined : thousands(value));
  return [
    ...differ('machine', 'Kernel', a.meta.kernel ?? a.host.kernel, b.meta.kernel ?? b.host.kernel),
    ...differ('machine', 'Machine', a.meta.machine, b.meta.machine),
    ...differ('machine', 'CPUs', text(a.meta.cpus), text(b.meta.cpus)),
    ...differ('machine', 'Page size', bytes(f.pageSize), bytes(g.pageSize)),
    ...differ('machine', 'HZ', text(f.hz), text(g.hz)),
    ...differ('machine', 'Memory', memory(a.host.meminfo), memory(b.host.meminfo)),
  ];
}

function memory(meminfo: string | undefined): Text {
  // MemTotal:       24684096 kB
  const kib = /^MemTotal:\s+(\d+) kB/m.exec(meminfo ?? '')?.[1];
  return kib === undefined ? undefined : bytes(Number(kib) * 1024);
}

/** Settings before the work, where both state them; of bdis those that somebody wrote to. */
function knobs(before: Context, after: Context): SetupDifference[] {
  const [a, b] = [before.trace.host, after.trace.host];
  const found: SetupDifference[] = [];
  for (const name of keysOf(a.sysctl, b.sysctl)) {
    if (a.sysctl === undefined || b.sysctl === undefined) break;
    found.push(
      ...differ('knob', name, inUnits(name, a.sysctl[name]), inUnits(name, b.sysctl[name])),
    );
  }
  const used = new Set([...bdisOf(before), ...bdisOf(after)]);
  for (const bdi of [...used].sort()) {
    const [own, other] = [a.bdi?.[bdi], b.bdi?.[bdi]];
    if (own === undefined || other === undefined) continue;
    for (const knob of keysOf(own, other)) {
      if (FOLLOWS.has(knob)) continue;
      found.push(...differ('knob', `${knob} of bdi ${bdi}`, own[knob], other[knob]));
    }
  }
  return found;
}

/** As people say it: `vm.dirty_bytes` 128 MiB, `vm.dirty_expire_centisecs` 30 s. */
function inUnits(name: string, value: Text): Text {
  if (value === undefined || !/^\d+$/.test(value)) return value;
  if (name.endsWith('_bytes')) return bytes(Number(value));
  if (name.endsWith('_centisecs')) return duration(Number(value) * 1e7);
  return name.endsWith('_kbytes') ? bytes(Number(value) * 1024) : value;
}

/** Written by the kernel itself when another knob changes, or the same in another unit. */
const FOLLOWS: ReadonlySet<string> = new Set([
  'min_ratio_fine',
  'max_ratio_fine',
  'min_bytes',
  'max_bytes',
]);

function keysOf(...records: readonly (Readonly<Record<string, string>> | undefined)[]): string[] {
  return [...new Set(records.flatMap((one) => Object.keys(one ?? {})))].sort();
}

function bdisOf({ facts, trace }: Context): string[] {
  return [...(dirtiedIn(facts, [0, trace.meta.duration_ns])?.bdis.keys() ?? [])];
}

/** Pages by the name of who dirtied them: pids differ from run to run. */
function dirtiersOf({ facts, trace }: Context): ReadonlyMap<string, number> | undefined {
  const dirtied = dirtiedIn(facts, [0, trace.meta.duration_ns]);
  if (dirtied === undefined) return undefined;
  const sums = new Map<string, number>();
  for (const { comm, pages } of dirtied.tasks) {
    if (isKernelThread(comm)) continue;
    sums.set(comm, (sums.get(comm) ?? 0) + pages);
  }
  return sums;
}

/** By the kernel's counter, which lost events do not touch; else by the pages that were seen. */
function dirtiedBytes(context: Context): number | undefined {
  const counted = context.once(growths)('nr_dirtied_pages')?.amount.value;
  if (counted !== undefined) return counted;
  const { facts, trace, pageSize } = context;
  const pages = dirtiedIn(facts, [0, trace.meta.duration_ns])?.total_pages;
  return pages === undefined ? undefined : pages * pageSize;
}

/** Undefined where none was recorded, or some were lost. */
function syncCalls({ trace, facts }: Context): number | undefined {
  const isKnown = SYNC_CALLS.some((name) => facts.isRecorded(name));
  if (!isKnown || trace.losses.length > 0) return undefined;
  return SYNC_CALLS.reduce((sum, name) => sum + (trace.tables.get(name)?.rows ?? 0), 0);
}

const SYNC_CALLS = ['sys_enter_fsync', 'sys_enter_fdatasync', 'sys_enter_sync', 'sys_enter_syncfs'];

/** Further apart than this in what was dirtied, they did not do the same. */
const OTHER_AMOUNT = 2;
/** So many syncs belong to a program that lives by them. */
const MANY_SYNCS = 20;
/** Less of what was dirtied by tasks of the same names than this is other work. */
const SAME_WORK = 0.5;

/** Why the two did not do the same work, in words; undefined where they did, as far as is known. */
export function otherWork(before: Context, after: Context): string | undefined {
  const common = commonWork(before, after);
  if (common !== undefined && common < SAME_WORK) {
    const part = common === 0 ? 'nothing' : `only ${percent(common, 2)}`;
    return `${part} of what was dirtied was dirtied by tasks of the same names`;
  }
  const [a, b] = [before, after].map(dirtiedBytes);
  if (a !== undefined && b !== undefined && Math.max(a, b) > OTHER_AMOUNT * Math.min(a, b)) {
    return `${bytes(a)} was dirtied before and ${bytes(b)} after`;
  }
  const [callsA, callsB] = [before, after].map(syncCalls);
  if (callsA === undefined || callsB === undefined) return undefined;
  const [fewer, more] = [Math.min(callsA, callsB), Math.max(callsA, callsB)];
  if (fewer > 0 || more < MANY_SYNCS) return undefined;
  return `fsync and sync were called ${thousands(callsA)} times before, ${thousands(callsB)} after`;
}

/**
 * How much of what was dirtied was dirtied by tasks of the same names, 0 to 1; undefined when one
 * of the captures does not tell.
 */
function commonWork(before: Context, after: Context): number | undefined {
  const [a, b] = [dirtiersOf(before), dirtiersOf(after)];
  const sum = (of: ReadonlyMap<string, number> | undefined) =>
    of === undefined ? 0 : [...of.values()].reduce((all, pages) => all + pages, 0);
  const [allA, allB] = [sum(a), sum(b)];
  if (a === undefined || b === undefined || allA === 0 || allB === 0) return undefined;
  let common = 0;
  for (const [name, pages] of a) common += Math.min(pages / allA, (b.get(name) ?? 0) / allB);
  return common;
}

function work(before: Context, after: Context): SetupDifference[] {
  const [a, b] = [dirtiersOf(before), dirtiersOf(after)];
  const found: SetupDifference[] = [];
  if (a !== undefined && b !== undefined && namesOf(a) !== namesOf(b)) {
    found.push(...differ('work', 'Who dirtied', namesOf(a), namesOf(b)));
  }
  const [allA, allB] = [before, after].map(dirtiedBytes);
  if (isFar(allA, allB)) {
    const text = (value: number | undefined) => (value === undefined ? undefined : bytes(value));
    found.push(...differ('work', 'Dirtied in all', text(allA), text(allB)));
  }
  const [callsA, callsB] = [before, after].map(syncCalls);
  if (isFar(callsA, callsB)) {
    const text = (value: number | undefined) =>
      value === undefined ? undefined : thousands(value);
    found.push(...differ('work', 'Calls of fsync and sync', text(callsA), text(callsB)));
  }
  return found;
}

function namesOf(sums: ReadonlyMap<string, number>): string {
  const all = [...sums.values()].reduce((sum, pages) => sum + pages, 0);
  const main = [...sums].filter(([, pages]) => pages >= MAIN_SHARE * all).map(([name]) => name);
  return main.length === 0 ? 'no task that is seen' : main.sort().join(', ');
}

function isFar(a: number | undefined, b: number | undefined): boolean {
  if (a === undefined || b === undefined) return a !== b;
  return Math.abs(a - b) > NEAR * Math.max(a, b);
}

function recording(before: Context, after: Context): SetupDifference[] {
  const [a, b] = [before.trace.meta, after.trace.meta];
  const length = isFar(a.duration_ns, b.duration_ns)
    ? differ('recording', 'Length', duration(a.duration_ns), duration(b.duration_ns))
    : [];
  const lost = [before, after].map(({ trace }) => {
    const share = lostShare(trace);
    return share === 0 || trace.losses.length === 0 ? 'none' : percent(share);
  });
  const only = (own: Context, other: Context) => {
    const names = own.trace.meta.events
      .filter(({ name, count }) => count > 0 && WANTED.has(name) && !other.isRecorded(name))
      .map(({ name }) => name);
    if (names.length === 0) return 'nothing that the other lacks';
    const more = names.length - MOST_EVENTS;
    return `${names.slice(0, MOST_EVENTS).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  };
  const [onlyA, onlyB] = [only(before, after), only(after, before)];
  const events = onlyA === onlyB ? [] : differ('recording', 'Events only there', onlyA, onlyB);
  return [...length, ...differ('recording', 'Events lost', lost[0], lost[1]), ...events];
}

/** Events without which waits cannot be compared. */
const WANTED: ReadonlySet<string> = new Set([
  'balance_dirty_pages',
  'global_dirty_state',
  'bdi_dirty_ratelimit',
  'folio_wait_writeback',
  'sys_enter_fsync',
  'sys_enter_sync',
  'jbd2_start_commit',
  'mm_vmscan_direct_reclaim_begin',
  'mm_vmscan_memcg_reclaim_begin',
  'mm_vmscan_throttled',
  'fuse_request_send',
]);
