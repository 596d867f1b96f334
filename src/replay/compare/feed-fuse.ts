/**
 * FUSE connections: requests on their way to the server, and the syncs that might wait for it. A
 * connection's number is the minor of its device, which its bdi is named after.
 */

import { opcodeCodes } from '../../derive/fuse-requests.ts';
import { bigs, numbers, type Table, type Tables, tableWith, texts } from '../../trace/table.ts';
import { deviceText } from '../history/inode-key.ts';
import type { Feed, FeedScene, Sink } from './feed.ts';
import { RequestPairs } from './fuse-pairs.ts';

export function feedFuse(tables: Tables, scene: FeedScene, sink: Sink): Feed[] {
  const sent = tableWith(tables, 'fuse_request_send', ['connection', 'unique', 'opcode']);
  const ended = tableWith(tables, 'fuse_request_end', ['connection', 'unique']);
  const feeds =
    sent === undefined || ended === undefined ? [] : feedRequests(scene, sink, sent, ended);
  return [...feeds, ...feedSyncs(tables, sink)];
}

function feedRequests(scene: FeedScene, sink: Sink, sent: Table, ended: Table): Feed[] {
  const wbOf = connectionWbs(scene);
  for (let row = 0; row < sent.rows; row++) scene.marks.fuse_wbs.add(wbOf(sent, row));
  const isSync = opcodeCodes(sent, ['FSYNC', 'FSYNCDIR']);
  const { codes } = texts(sent, 'opcode');
  const ts = numbers(sent, 'ts_ns').values;
  const pid = numbers(sent, 'pid').values;
  const endTs = numbers(ended, 'ts_ns').values;
  const pairs = new RequestPairs(sent, ended);
  const tell = (change: 'sent' | 'answered', ts_ns: number, wb: number, bytes: number) =>
    sink({ type: 'request', change, ts_ns, wb, bytes });
  const visitSent = (row: number) => {
    const request = pairs.send(row);
    if (request === undefined) return;
    const wb = wbOf(sent, row);
    const ts_ns = ts[row] as number;
    tell('sent', ts_ns, wb, request.bytes);
    if (!isSync[codes[row] as number]) return;
    sink({ type: 'sync', call: 'fsync', ts_ns, pid: pid[row] as number, wb });
  };
  const visitEnd = (row: number) => {
    const request = pairs.end(row);
    if (request !== undefined) {
      tell('answered', endTs[row] as number, wbOf(ended, row), request.bytes);
    }
  };
  return [
    { table: sent, visit: visitSent },
    { table: ended, visit: visitEnd },
  ];
}

function connectionWbs(scene: FeedScene): (table: Table, row: number) => number {
  const known = new Map<number, number>();
  return (table, row) => {
    const dev = bigs(table, 'connection').words[2 * row] as number;
    let wb = known.get(dev);
    if (wb === undefined) {
      wb = scene.wbOf(scene.joins.bdiOf(dev) ?? deviceText(dev));
      known.set(dev, wb);
    }
    return wb;
  };
}

/** sync(2) waits for every file system; which one fsync(2) is of, its request tells. */
function feedSyncs(tables: Tables, sink: Sink): Feed[] {
  const table = tables.get('sys_enter_sync');
  if (table === undefined) return [];
  const ts = numbers(table, 'ts_ns').values;
  const pid = numbers(table, 'pid').values;
  const visit = (row: number) =>
    sink({
      type: 'sync',
      call: 'sync',
      ts_ns: ts[row] as number,
      pid: pid[row] as number,
      wb: -1,
    });
  return [{ table, visit }];
}
