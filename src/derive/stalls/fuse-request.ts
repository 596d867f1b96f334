/**
 * Requests to a FUSE server, fs/fuse/dev.c. A task waits for the answer if it did nothing until the
 * answer came; other requests (writeback, read-ahead) only have a latency. Without an answer, the
 * request is open until the capture ends.
 */
import { type Table, tableWith } from '../../trace/table.ts';
import { connectionOf, uniqueOf } from '../fuse-requests.ts';
import { deviceText, draftOf, eventRows, evidenceOf, textOf } from './rows.ts';
import type { Scene } from './scene.ts';
import type { Draft } from './stall.ts';

/** Requests as the server sees them, whether a task slept for the answer or not. */
export type FuseRequest = {
  readonly connection: number;
  readonly opcode: string | undefined;
  /** Row of fuse_request_send. */
  readonly row: number;
  readonly start_ns: number;
  readonly duration_ns: number;
  /** Row of fuse_request_end; undefined while there is no answer. */
  readonly answer: number | undefined;
};

function fuseRequests(scene: Pick<Scene, 'tables' | 'end_ns'>): FuseRequest[] {
  const send = tableWith(scene.tables, 'fuse_request_send', ['connection', 'unique']);
  if (send === undefined) return [];
  const end = tableWith(scene.tables, 'fuse_request_end', ['connection', 'unique']);
  const sent = eventRows(send);
  const answered = new Map<number, Map<number, number>>();
  const ended = end === undefined ? undefined : eventRows(end);
  for (let row = 0; end !== undefined && row < end.rows; row++) {
    const connection = connectionOf(end, row);
    const byNumber = answered.get(connection) ?? new Map<number, number>();
    answered.set(connection, byNumber.set(uniqueOf(end, row), row));
  }
  const requests: FuseRequest[] = [];
  for (let row = 0; row < send.rows; row++) {
    const connection = connectionOf(send, row);
    const start_ns = sent.ts[row] as number;
    const found = answered.get(connection)?.get(uniqueOf(send, row));
    const answer_ns = found === undefined ? Number.NaN : (ended?.ts[found] as number);
    // The number of a request comes again when the file system is mounted anew.
    const answer = answer_ns >= start_ns ? found : undefined;
    const until_ns = answer === undefined ? scene.end_ns : answer_ns;
    const duration_ns = Math.max(0, until_ns - start_ns);
    requests.push({ connection, opcode: opcodeOf(send, row), row, start_ns, duration_ns, answer });
  }
  return requests;
}

/** Text prints the number and, in brackets, its name: `16 (FUSE_WRITE)`. */
function opcodeOf(table: Table, row: number): string | undefined {
  const text = textOf(table, 'opcode', row);
  return /^\d+ \((\w+)\)$/.exec(text ?? '')?.[1] ?? text;
}

export function fuseRequest(scene: Scene): Draft[] {
  const send = tableWith(scene.tables, 'fuse_request_send', ['connection', 'unique']);
  if (send === undefined) return [];
  const end = scene.tables.get('fuse_request_end');
  const rows = eventRows(send);
  const ended = end === undefined ? undefined : eventRows(end);
  const drafts: Draft[] = [];
  for (const { connection, opcode, row, start_ns, duration_ns, answer } of fuseRequests(scene)) {
    const next_ns = scene.times.nextAfter(rows.pid[row] as number, rows.seq[row] as number);
    if (next_ns < start_ns + duration_ns) continue;
    const draft = draftOf(rows, row, {
      place: 'fuse-request',
      event: 'fuse_request_send',
      reason: opcode,
      // A connection is numbered as the device of its file system.
      dev: deviceText(connection),
      start_ns,
      duration_ns,
      end: answer === undefined ? 'capture-end' : 'recorded',
    });
    if (answer !== undefined && ended !== undefined) draft.evidence.push(evidenceOf(ended, answer));
    drafts.push(draft);
  }
  return drafts;
}
