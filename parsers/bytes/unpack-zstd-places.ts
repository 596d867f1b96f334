/** Where in their memory the loops of unpack-zstd-loops.ts find what. */

export const MAX_BLOCK_BYTES = 128 << 10;
export const MAX_HUFFMAN_BITS = 11;
/** Of the codes of literals, offsets and matches, and of weights of the Huffman code. */
export const MAX_LOGS = { literals: 9, offsets: 8, matches: 9, weights: 6 } as const;
export const MAX_WEIGHTS = 255;
/** An offset of 2^31 lies before every window. */
export const MAX_OFFSET_SYMBOL = 30;
export const MAX_LITERAL_SYMBOL = 35;
export const MAX_MATCH_SYMBOL = 52;
/** Loops copy 16 bytes at a time, and look at bits around a block: not further than this. */
export const SLACK_BYTES = 64;

const STATE_BYTES = 2 << 10;
const ENTRY_BYTES = 8;

/** Addresses, one behind the other. */
function layOut() {
  let end = SLACK_BYTES;
  const place = (bytes: number): number => {
    const at = end;
    end = (at + bytes + SLACK_BYTES - 1) & -SLACK_BYTES;
    return at;
  };
  const table = (log: number) => place(ENTRY_BYTES << log);
  const state = place(STATE_BYTES);
  return {
    // The last three offsets, the latest first.
    RECENT: state,
    HUFFMAN_BITS: state + 12,
    // Of literals, offsets and matches: where the code's table is, and its log. 0: there is none.
    CODES: state + 16,
    // What a description told: the log, and how many symbols or weights.
    LOG: state + 40,
    SYMBOLS: state + 44,
    LITERALS_AT: state + 48,
    LITERALS_END: state + 52,
    // XXH64: its four lanes, the bytes so far, and those that are no whole stripe yet.
    LANES: state + 64,
    TOTAL: state + 96,
    REST: state + 128,
    // While tables are made, by symbol or weight: chances, the states so far, and by state.
    CHANCES: place(512),
    STATES: place(512),
    SPREAD: place(512),
    WEIGHTS: place(MAX_WEIGHTS + 9),
    RANKS: place(64),
    WEIGHT_TABLE: table(MAX_LOGS.weights),
    HUFFMAN: place(2 << MAX_HUFFMAN_BITS),
    LITERAL_TABLE: table(MAX_LOGS.literals),
    OFFSET_TABLE: table(MAX_LOGS.offsets),
    MATCH_TABLE: table(MAX_LOGS.matches),
    PLAIN_LITERAL_TABLE: table(6),
    PLAIN_OFFSET_TABLE: table(5),
    PLAIN_MATCH_TABLE: table(6),
    // By symbol: what it stands for, and how many more bits are added to it.
    LITERAL_BASES: place(4 * (MAX_LITERAL_SYMBOL + 1)),
    LITERAL_BITS: place(MAX_LITERAL_SYMBOL + 1),
    OFFSET_BASES: place(4 * (MAX_OFFSET_SYMBOL + 1)),
    OFFSET_BITS: place(MAX_OFFSET_SYMBOL + 1),
    MATCH_BASES: place(4 * (MAX_MATCH_SYMBOL + 1)),
    MATCH_BITS: place(MAX_MATCH_SYMBOL + 1),
    SPACE: place(MAX_BLOCK_BYTES + SLACK_BYTES),
    INPUT: place(MAX_BLOCK_BYTES + SLACK_BYTES),
    // What was made of the frame.
    HISTORY: end,
  };
}

export const PLACE = layOut();

export const ZSTD_CONSTANTS: Readonly<Record<string, number>> = {
  ...PLACE,
  MAX_HUFFMAN_BITS,
  MAX_WEIGHTS,
  MAX_WEIGHT_LOG: MAX_LOGS.weights,
  MAX_LITERAL_LOG: MAX_LOGS.literals,
  MAX_OFFSET_LOG: MAX_LOGS.offsets,
  MAX_MATCH_LOG: MAX_LOGS.matches,
  MAX_LITERAL_SYMBOL,
  MAX_OFFSET_SYMBOL,
  MAX_MATCH_SYMBOL,
};
