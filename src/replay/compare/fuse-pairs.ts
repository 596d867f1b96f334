/**
 * Requests to FUSE servers and their answers. Numbers tell them apart, but kernels before 7.0 send
 * some before they have one (0): those are answered in the order in which they were sent.
 */
import { connectionOf, type Opcode, opcodeCodes, uniqueOf } from '../../derive/fuse-requests.ts';
import { numbers, type Table, texts } from '../../trace/table.ts';

/** Nobody answers these, or only when somebody else pleases. */
const UNANSWERED: readonly Opcode[] = [
  'FORGET',
  'SETLKW',
  'INTERRUPT',
  'POLL',
  'NOTIFY_REPLY',
  'BATCH_FORGET',
];

export type Request = { readonly row: number; readonly bytes: number };

export class RequestPairs {
  readonly #sent: Table;
  readonly #ended: Table | undefined;
  readonly #skipped: readonly boolean[];
  readonly #codes: ArrayLike<number>;
  readonly #length: ArrayLike<number> | undefined;
  /** On their way, by connection: by number, and in order of sending. */
  readonly #open = new Map<number, Map<number, Request>>();
  #unnumbered = 0;

  constructor(sent: Table, ended: Table | undefined) {
    this.#sent = sent;
    this.#ended = ended;
    this.#skipped = opcodeCodes(sent, UNANSWERED);
    this.#codes = texts(sent, 'opcode').codes;
    this.#length = 'len_bytes' in sent.columns ? numbers(sent, 'len_bytes').values : undefined;
  }

  /** Undefined for requests that nobody waits for. */
  send(row: number): Request | undefined {
    if (this.#skipped[this.#codes[row] as number]) return undefined;
    const connection = connectionOf(this.#sent, row);
    let open = this.#open.get(connection);
    if (open === undefined) {
      open = new Map();
      this.#open.set(connection, open);
    }
    const request = { row, bytes: this.#length?.[row] ?? 0 };
    open.set(uniqueOf(this.#sent, row) || --this.#unnumbered, request);
    return request;
  }

  /** What is answered; undefined if it was sent before the trace, or skipped. */
  end(row: number): Request | undefined {
    const ended = this.#ended;
    const open = ended && this.#open.get(connectionOf(ended, row));
    if (ended === undefined || open === undefined) return undefined;
    const unique = uniqueOf(ended, row);
    const key = open.has(unique) ? unique : firstUnnumbered(open);
    const request = key === undefined ? undefined : open.get(key);
    if (key !== undefined) open.delete(key);
    return request;
  }
}

function firstUnnumbered(open: ReadonlyMap<number, Request>): number | undefined {
  for (const key of open.keys()) if (key < 0) return key;
  return undefined;
}
