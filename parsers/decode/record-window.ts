/** What the column decoders read: a stretch of records of one event type in one byte buffer. */

export type ByteWindow = {
  readonly bytes: Uint8Array;
  /** Aliases of the same memory; offsets into them are byte offsets >> 2. */
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly view: DataView;
  readonly littleEndian: boolean;
};

/** Records of one type: where each starts, and where it ends. */
export type RecordList = {
  readonly count: number;
  /** Rows that the event may have in the end, as far as the part read so far tells. */
  readonly expected?: number;
  readonly start: Uint32Array;
  readonly end: Uint32Array;
};

/** `bytes` must start at a multiple of 4 in its buffer. */
export function byteWindow(bytes: Uint8Array, littleEndian: boolean): ByteWindow {
  const { buffer, byteOffset } = bytes;
  const words = bytes.length >>> 2;
  return {
    bytes,
    u32: new Uint32Array(buffer, byteOffset, words),
    i32: new Int32Array(buffer, byteOffset, words),
    view: new DataView(buffer, byteOffset, bytes.length),
    littleEndian,
  };
}
