/**
 * Writes to a FUSE server: requests leave in the order in which folios were claimed, and their
 * answers end the writeback.
 */

import { opcodeCodes } from '../../derive/fuse-requests.ts';
import { doubleAt } from '../../trace/column.ts';
import { bigs, type Table, type Tables, tableWith } from '../../trace/table.ts';
import { evidenceCode } from './evidence.ts';
import type { Follower } from './follower.ts';
import { isPages } from './plausible.ts';
import { Cursor, type Scene } from './scene.ts';
import type { Run } from './write-queue.ts';

const E_END = evidenceCode('end', 'fuse-request');
/** sizeof(struct fuse_in_header) + sizeof(struct fuse_write_in), before the data of a write. */
const HEADER_BYTES = 80;

export function followFuse(scene: Scene, tables: Tables): Follower[] {
  const sent = tableWith(tables, 'fuse_request_send', [
    'connection',
    'unique',
    'opcode',
    'len_bytes',
  ]);
  const ended = tableWith(tables, 'fuse_request_end', ['connection', 'unique']);
  if (sent === undefined || ended === undefined) return [];
  /** What is on its way, by connection and number of the request. */
  const requests = new Map<number, Map<number, Run[]>>();
  return [followSend(scene, sent, requests), followEnd(scene, ended, requests)];
}

type Requests = Map<number, Map<number, Run[]>>;

function followSend(scene: Scene, table: Table, requests: Requests): Follower {
  const at = new Cursor(scene, table);
  const connection = bigs(table, 'connection').words;
  const unique = bigs(table, 'unique').words;
  const length = at.number('len_bytes');
  const opcode = at.text('opcode');
  const isWrite = opcodeCodes(table, ['WRITE']);
  scene.hasTakers = true;
  return {
    table,
    visit(row) {
      if (!isWrite[opcode.codes[row] as number]) return;
      at.moveTo(row);
      const task = scene.knownTask(at.pid[row] as number);
      if (task !== undefined) scene.startWriting(task);
      const dev = connection[2 * row] as number;
      const bytes = (length[row] as number) - HEADER_BYTES;
      const pages = Math.ceil(bytes / scene.pageSize);
      if (!isPages(pages)) return;
      const runs = scene.queue(dev).take(pages, () => true);
      if (runs.length === 0) return;
      let sent = requests.get(dev);
      if (sent === undefined) {
        sent = new Map();
        requests.set(dev, sent);
      }
      sent.set(doubleAt(unique, row), runs);
    },
  };
}

function followEnd(scene: Scene, table: Table, requests: Requests): Follower {
  const at = new Cursor(scene, table);
  const connection = bigs(table, 'connection').words;
  const unique = bigs(table, 'unique').words;
  return {
    table,
    visit(row) {
      const sent = requests.get(connection[2 * row] as number);
      const number = doubleAt(unique, row);
      const runs = sent?.get(number);
      if (runs === undefined) return;
      at.moveTo(row);
      const before = scene.pages.ended_folios;
      const pages = scene.endRuns(runs, E_END);
      const folios = scene.pages.ended_folios - before;
      const { flight, ts_ns } = scene.pages;
      if (pages > 0) flight.noteEnding({ pages, folios, isDirect: true }, ts_ns);
      sent?.delete(number);
    },
  };
}
