/**
 * Bios and requests: when pages come back from the device. block_bio_queue says what goes to the
 * device (after a throttle let it pass, so perhaps in another task than the writer's), matched with
 * what was claimed; completions are requests, which hold several bios or a part of one.
 */
import { PageIntervals } from '../../model/page-intervals.ts';
import type { TextColumn } from '../../trace/column.ts';
import type { Tables } from '../../trace/table.ts';
import { tableWith } from '../../trace/table.ts';
import { BioStarts } from './bio-starts.ts';
import { claimNext, claimRange } from './claims.ts';
import { evidenceCode } from './evidence.ts';
import { claimOptions, tellSamples } from './follow-ext4.ts';
import type { Follower } from './follower.ts';
import { CLAIMED_BIT, WRITEBACK_BIT } from './inodes.ts';
import { knownRanges, takeKnown } from './known-places.ts';
import { MetadataMatcher } from './metadata.ts';
import { MidCall } from './mid-call.ts';
import { isIndex, isPages } from './plausible.ts';
import { Cursor, type Scene, type Task } from './scene.ts';
import type { Place, Run, WriteQueue } from './write-queue.ts';

const E_CLAIM_BIO = evidenceCode('claim', 'bio');
const E_END_BIO = evidenceCode('end', 'bio');
const E_AGAIN = evidenceCode('end', 'written-again');

const SECTOR = 512;

type Kind = {
  readonly isWrite: boolean;
  readonly isSync: boolean;
  /** Metadata of a file system: its journal, or its pages in the device's page cache. */
  readonly isMeta: boolean;
};

/** `WSM`, `FWFS`, `W`: flush before, operation, then flags. Undefined without rwbs. */
function kindsOf(column: TextColumn | undefined): readonly Kind[] | undefined {
  return column?.dictionary.map((rwbs) => {
    const match = /^F?([WRD])F?([A-Z]*)/.exec(rwbs);
    const [, operation = '', flags = ''] = match ?? [];
    return {
      isWrite: operation === 'W',
      isSync: flags.includes('S'),
      isMeta: flags.includes('M'),
    };
  });
}

const UNKNOWN_KIND: Kind = { isWrite: true, isSync: false, isMeta: false };

const kindAt = (kinds: readonly Kind[] | undefined, rwbs: TextColumn | undefined, row: number) =>
  kinds?.[rwbs?.codes[row] as number] ?? UNKNOWN_KIND;

export function followBlock(scene: Scene, tables: Tables): Follower[] {
  return [
    followQueue(scene, tables),
    followComplete(scene, tables, 'block_rq_complete'),
    followComplete(scene, tables, 'block_bio_complete'),
  ].filter((follower) => follower !== undefined);
}

function followQueue(scene: Scene, tables: Tables): Follower | undefined {
  const columns = ['dev', 'sector', 'nr_sectors'];
  const bios = tableWith(tables, 'block_bio_queue', columns);
  // Requests hold one or more bios of one file, or a part of one: in order, they do as well.
  const table = bios ?? tableWith(tables, 'block_rq_issue', columns);
  if (table === undefined) return undefined;
  const at = new Cursor(scene, table);
  const dev = at.number('dev');
  const sector = at.number('sector');
  const nrSectors = at.number('nr_sectors');
  const seq = at.number('seq');
  const rwbs = 'rwbs' in table.columns ? at.text('rwbs') : undefined;
  const kinds = kindsOf(rwbs);
  const matchers = {
    metadata: new MetadataMatcher(scene),
    direct: new DirectWrites(),
    midCall: new MidCall(tables),
  };
  const comm = at.text('comm');
  const isWorker = comm.dictionary.map((name) => name.startsWith('kworker'));
  const isUnboundWorker = comm.dictionary.map((name) => name.startsWith('kworker/u'));
  const perPage = scene.pageSize / SECTOR;
  const isRequest = bios === undefined;
  scene.hasTakers = true;
  const kindOf = (row: number) => kindAt(kinds, rwbs, row);
  const starts = new BioStarts({ dev, sector, nrSectors, kindOf }, table.rows);
  return {
    table,
    visit(row) {
      const kind = kindOf(row);
      const sectors = nrSectors[row] as number;
      if (!kind.isWrite || sectors === 0) return;
      at.moveTo(row);
      if (!isPages(sectors) || !isIndex(sector[row] as number)) return;
      const device = dev[row] as number;
      const start = sector[row] as number;
      const queue = isRequest ? scene.waitingQueue(device) : scene.queue(device);
      // Sectors that are written again had come back, unless both are still on their way.
      for (const bio of queue.complete(start, sectors)) scene.endRuns(bio.runs, E_AGAIN);
      const task = scene.knownTask(at.pid[row] as number);
      if (task !== undefined) scene.startWriting(task);
      const pid = at.pid[row] as number;
      const byWorker = isRequest || (isWorker[comm.codes[row] as number] as boolean);
      const isUnbound = isUnboundWorker[comm.codes[row] as number] as boolean;
      // One literal: to spread another object into it took 1 of 2 s for 0.35 M bios.
      const bio: BioFacts = {
        device,
        start,
        sectors,
        perPage,
        kind,
        task,
        pid,
        byWorker,
        isRequest,
        isUnbound,
        starts,
        row,
        seq: seq[row] as number,
      };
      const runs = matchBio(scene, matchers, queue, bio);
      if (runs.length > 0 || runs === NO_PAGES)
        queue.queue({ start, end: start + sectors, left: sectors, runs });
    },
  };
}

/** A bio that is known to hold none of the page cache's: its completion ends nothing unknown. */
const NO_PAGES: Run[] = [];

type BioFacts = {
  readonly device: number;
  readonly start: number;
  readonly sectors: number;
  readonly perPage: number;
  readonly kind: Kind;
  readonly task: Task | undefined;
  readonly pid: number;
  /** Dispatched by a worker: the flusher, or a throttle that let it go. */
  readonly byWorker: boolean;
  readonly isRequest: boolean;
  /** By a worker of no CPU: the flusher, or a driver (loop, dm-crypt) that writes to its disk. */
  readonly isUnbound: boolean;
  readonly starts: BioStarts;
  readonly seq: number;
  readonly row: number;
};

function placeOf(bio: BioFacts, pages: number): Place {
  const { start, sectors, perPage, device, kind, starts, row } = bio;
  const laterAt = (sector: number) =>
    Math.ceil(starts.sectorsAfter(row, device, sector, kind.isSync) / perPage);
  const goesOnAt = (sector: number) => starts.goesOn(row, device, sector);
  return { start, end: start + sectors, pages, laterAt, goesOnAt };
}

/** Where what a writer claims for its own bios goes needs no look at later ones. */
const NOTHING_LATER = () => 0;

type Matchers = {
  readonly metadata: MetadataMatcher;
  readonly direct: DirectWrites;
  readonly midCall: MidCall;
};

/**
 * Writes past the page cache: bios of tasks that write no inode's pages. A throttle dispatches them
 * from a worker as well; then they are known by their place, next to or where others were.
 */
class DirectWrites {
  readonly #places = new Map<number, PageIntervals>();
  readonly #tally = new Float64Array(2);

  isDirect({ device, start, sectors, byWorker }: BioFacts): boolean {
    let places = this.#places.get(device);
    if (places === undefined) {
      places = new PageIntervals();
      this.#places.set(device, places);
    }
    const isNear = places.valueAt(start) === 1 || places.valueAt(start - 1) === 1;
    if (byWorker && !isNear) return false;
    places.change(start, start + sectors, 0, 0, 1, this.#tally);
    return true;
  }
}

function matchBio(
  scene: Scene,
  { metadata, direct, midCall }: Matchers,
  queue: WriteQueue,
  bio: BioFacts,
): Run[] {
  const { start, sectors, perPage, kind, task } = bio;
  const pages = Math.ceil(sectors / perPage);
  const own = matchDevice(scene, bio);
  if (own !== undefined) return own;
  const placed = queue.takePlaced(start, start + sectors);
  if (placed.length > 0) return placed;
  if (kind.isMeta) return metadata.match(bio.device, start, sectors, bio.pid) ?? [];
  if (!bio.isRequest) claimKnown(scene, queue, bio);
  const isKind = (run: Run) => run.sync === kind.isSync;
  if (!bio.isRequest) {
    const known = takeKnown(queue, placeOf(bio, pages), isKind);
    if (known !== undefined) return known.length > 0 ? known : NO_PAGES;
  }
  const call = task?.call;
  if (call !== undefined && call.inode.dev === bio.device) {
    const end = start + sectors;
    const { goesOnAt } = placeOf(bio, pages);
    const place = bio.isRequest
      ? undefined
      : { start, end, pages, laterAt: NOTHING_LATER, goesOnAt };
    const found = queue.takeOf(call.inode, pages, place);
    if (found.length > 0) return found;
    if (call.given.length > 0) return call.given.splice(0);
    tellSamples(scene, call, pages);
    call.cursor = claimNext(scene, call.inode, call.cursor, pages, claimOptions(call, E_CLAIM_BIO));
    call.claimed += pages;
    call.total += pages;
    return queue.takeOf(call.inode, pages, place);
  }
  if (direct.isDirect(bio)) return NO_PAGES;
  // Requests merge what is waited for with what is not.
  if (bio.isRequest) return queue.take(pages, () => true);
  const isHeld = bio.byWorker && !bio.isUnbound;
  if (isHeld && queue.wasHeld(pages, scene.pages.unseenWriteback)) return [];
  const found = queue.take(pages, isKind, placeOf(bio, pages));
  if (found.length > 0 || !bio.isUnbound || task?.inode !== undefined) return found;
  return midCall.isInside(bio.pid, bio.seq) ? found : NO_PAGES;
}

/** A file that is written again: what its writer claims is where its bio goes. */
function claimKnown(scene: Scene, queue: WriteQueue, bio: BioFacts): void {
  const call = bio.task?.call;
  // What is newly mapped was claimed when it was.
  if (call?.inode.dev !== bio.device || call.extentEnd !== undefined) return;
  const { inode } = call;
  if (queue.awaits(inode)) return;
  for (const { start, end } of knownRanges(queue, inode, placeOf(bio, 0))) {
    const last = inode.folioAt(end - 1);
    const from = inode.folioAt(start)?.start ?? start;
    const to = last === undefined ? end : last.start + last.pages;
    const pages = claimRange(scene, inode, from, to, claimOptions(call, E_CLAIM_BIO));
    tellSamples(scene, call, pages);
    call.claimed += pages;
    call.total += pages;
    call.cursor = to;
  }
}

/** Pages of the device's own page cache: the sector is the place in the file. */
function matchDevice(scene: Scene, { device, start, sectors, perPage, task }: BioFacts) {
  const { blockDevices } = scene.joins;
  const inode = scene.inodes.find(blockDevices, device);
  if (inode === undefined) return undefined;
  const first = Math.floor(start / perPage);
  const last = Math.ceil((start + sectors) / perPage);
  if (task?.wbc !== undefined) scene.settleWbc(task, { inode, start: first, end: last });
  let written = 0;
  inode.pages.visit(first, last, (from, to, value) => {
    if ((value & (CLAIMED_BIT | WRITEBACK_BIT)) !== 0) written += to - from;
    return true;
  });
  if (written === 0) return undefined;
  return [scene.runOf(inode, first, last, false)];
}

function followComplete(scene: Scene, tables: Tables, name: string): Follower | undefined {
  const table = tableWith(tables, name, ['dev', 'sector', 'nr_sectors']);
  if (table === undefined) return undefined;
  const at = new Cursor(scene, table);
  const dev = at.number('dev');
  const sector = at.number('sector');
  const nrSectors = at.number('nr_sectors');
  const rwbs = 'rwbs' in table.columns ? at.text('rwbs') : undefined;
  const kinds = kindsOf(rwbs);
  const perPage = scene.pageSize / SECTOR;
  return {
    table,
    visit(row) {
      const sectors = nrSectors[row] as number;
      if (sectors === 0 || !isPages(sectors) || !isIndex(sector[row] as number)) return;
      at.moveTo(row);
      const device = dev[row] as number;
      const start = sector[row] as number;
      const done = scene.queue(device).complete(start, sectors);
      for (const part of scene.partitionsOf(device)) {
        done.push(...scene.queue(part).complete(start, sectors));
      }
      scene.endBios(done, E_END_BIO);
      const kind = kindAt(kinds, rwbs, row);
      if (done.length > 0 || !kind.isWrite || kind.isMeta) return;
      // It was on its way before the replay began, or events of it were lost.
      if (!scene.queue(device).holds(start)) {
        scene.pages.endUnseen(Math.ceil(sectors / perPage), E_END_BIO);
      }
    },
  };
}
