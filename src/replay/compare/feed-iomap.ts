/**
 * What iomap tells of buffered writes: mappings asked for, exact bytes written, bytes sent. One
 * iomap_iter begins a mapping, the next one of the same task shows how far it got.
 */
import { numbers, type Table, type Tables, tableWith, texts } from '../../trace/table.ts';
import { deviceText, inodeKeys } from '../history/inode-key.ts';
import type { Inode } from '../history/inodes.ts';
import type { Feed, FeedScene, Sink } from './feed.ts';

type Step = { readonly inode: Inode; readonly pos: number; mapped: boolean };

const ITER = ['dev', 'ino', 'pos_bytes', 'length_bytes', 'flags'];
const MAP = ['dev', 'ino', 'type'];

export function feedIomap(tables: Tables, scene: FeedScene, sink: Sink): Feed[] {
  const iter = tableWith(tables, 'iomap_iter', ITER);
  const map = tableWith(tables, 'iomap_iter_dstmap', MAP);
  const both = iter === undefined || map === undefined ? [] : feedSteps(scene, sink, iter, map);
  return [...both, ...feedSent(tables, scene, sink)];
}

/** Some buffered write told what it wrote. */
export function hasRanges(tables: Tables): boolean {
  const iter = tableWith(tables, 'iomap_iter', ITER);
  if (iter === undefined || tableWith(tables, 'iomap_iter_dstmap', MAP) === undefined) return false;
  const { codes, dictionary } = texts(iter, 'flags');
  const buffered = dictionary.map(isBufferedWrite);
  return codes.some((code) => buffered[code]);
}

function feedSteps(scene: FeedScene, sink: Sink, iter: Table, map: Table): Feed[] {
  const steps = new Map<number, Step>();
  const pid = numbers(iter, 'pid').values;
  const cpu = numbers(iter, 'cpu').values;
  const ts = numbers(iter, 'ts_ns').values;
  const dev = numbers(iter, 'dev').values;
  const pos = numbers(iter, 'pos_bytes').values;
  const length = numbers(iter, 'length_bytes').values;
  const flags = texts(iter, 'flags');
  const buffered = flags.dictionary.map(isBufferedWrite);
  const keyOf = inodeKeys(iter);
  noteRanges(scene, iter, buffered);
  const visitIter = (row: number) => {
    const task = pid[row] as number;
    const before = steps.get(task);
    if (!buffered[flags.codes[row] as number]) {
      steps.delete(task);
      return;
    }
    const inode = scene.inodeOfDevice(dev[row] as number, keyOf(row));
    const at = pos[row] as number;
    steps.set(task, { inode, pos: at, mapped: false });
    if (before === undefined || !before.mapped || before.inode !== inode) return;
    // Until 6.14 the event comes before the step is taken: same place, length of the step.
    const bytes =
      at > before.pos ? at - before.pos : at === before.pos ? (length[row] as number) : 0;
    if (!(bytes > 0 && bytes < 2 ** 40)) return;
    const { wb, id: file } = inode;
    const ts_ns = ts[row] as number;
    const place = { wb, file, start: before.pos, bytes };
    sink({ type: 'range', ts_ns, pid: task, cpu: cpu[row] as number, ...place });
  };
  return [{ table: iter, visit: visitIter }, feedMappings(sink, map, steps)];
}

function feedMappings(sink: Sink, map: Table, steps: ReadonlyMap<number, Step>): Feed {
  const pid = numbers(map, 'pid').values;
  const ts = numbers(map, 'ts_ns').values;
  const type = texts(map, 'type');
  // Numbers of types changed in 5.10, their names did not.
  const inline = type.dictionary.map((name) => /\bINLINE\b/.test(name));
  const visit = (row: number) => {
    const step = steps.get(pid[row] as number);
    if (step === undefined || step.mapped) return;
    step.mapped = true;
    const { wb, id: file } = step.inode;
    const isInline = inline[type.codes[row] as number] ?? false;
    const ts_ns = ts[row] as number;
    sink({ type: 'mapping', ts_ns, wb, file, write: true, inline: isInline });
  };
  return { table: map, visit };
}

/** Writes into the cache; a page fault dirties the whole folio, and direct I/O none. */
function isBufferedWrite(flags: string): boolean {
  return /\bWRITE\b|^1\b/.test(flags) && !/\b(?:DIRECT|FAULT|DAX)\b/.test(flags);
}

function noteRanges(scene: FeedScene, iter: Table, buffered: readonly boolean[]): void {
  const dev = numbers(iter, 'dev').values;
  const { codes } = texts(iter, 'flags');
  const devices = new Set<number>();
  for (let row = 0; row < iter.rows; row++) {
    if (buffered[codes[row] as number]) devices.add(dev[row] as number);
  }
  for (const device of devices) {
    scene.marks.range_wbs.add(scene.wbOf(scene.joins.bdiOf(device) ?? deviceText(device)));
  }
}

/** iomap_add_to_ioend: the dirty bytes of a folio that go out, whatever its size. */
function feedSent(tables: Tables, scene: FeedScene, sink: Sink): Feed[] {
  const table = tableWith(tables, 'iomap_add_to_ioend', ['dev', 'ino', 'dirty_len_bytes']);
  if (table === undefined) return [];
  const ts = numbers(table, 'ts_ns').values;
  const dev = numbers(table, 'dev').values;
  const sent = numbers(table, 'dirty_len_bytes').values;
  const wbOf = (row: number) =>
    scene.wbOf(scene.joins.bdiOf(dev[row] as number) ?? deviceText(dev[row] as number));
  for (let row = 0; row < table.rows; row++) scene.marks.sent_wbs.add(wbOf(row));
  const visit = (row: number) => {
    const bytes = sent[row] as number;
    if (bytes > 0) sink({ type: 'sent', ts_ns: ts[row] as number, wb: wbOf(row), bytes });
  };
  return [{ table, visit }];
}
