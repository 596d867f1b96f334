/**
 * XXH64 with seed 0 (github.com/Cyan4973/xxHash, doc/xxhash_spec.md), the checksum of zstd frames,
 * in the language of wasm/loop-language.ts. Bytes come in pieces of any size.
 */

const [P1, P2, P3, P4, P5] = [
  '0x9e3779b185ebca87n',
  '0xc2b2ae3d27d4eb4fn',
  '0x165667b19e3779f9n',
  '0x85ebca77c2b2ae63n',
  '0x27d4eb2f165667c5n',
];

const EACH = [0, 1, 2, 3] as const;

/** startHash, addToHash and hashOf, whose result are the lower 32 bits. */
export const XXH64_LOOPS = `
inline function laneRound(lane: i64, word: i64): i64 {
  return rotated(lane + word * ${P2}, 31n) * ${P1};
}

function startHash() {
  setI64(LANES, ${P1} + ${P2});
  setI64(LANES + 8, ${P2});
  setI64(LANES + 16, 0n);
  setI64(LANES + 24, 0n - ${P1});
  setI64(TOTAL, 0n);
}

// Whole stripes of 32 bytes.
function addStripes(at, end) {
  ${EACH.map((n) => `let lane${n} = i64(LANES + ${8 * n});`).join('\n  ')}
  while (at < end) {
    ${EACH.map((n) => `lane${n} = laneRound(lane${n}, i64(at + ${8 * n}));`).join('\n    ')}
    at += 32;
  }
  ${EACH.map((n) => `setI64(LANES + ${8 * n}, lane${n});`).join('\n  ')}
}

function addToHash(at, end) {
  let filled = low(i64(TOTAL)) & 31;
  setI64(TOTAL, i64(TOTAL) + wide(end - at));
  if (filled > 0) {
    while (at < end && filled < 32) {
      setU8(REST + filled, u8(at));
      filled += 1;
      at += 1;
    }
    if (filled < 32) { return; }
    addStripes(REST, REST + 32);
  }
  let rest = end - ((end - at) & 31);
  addStripes(at, rest);
  at = REST;
  while (rest < end) {
    setU8(at, u8(rest));
    at += 1;
    rest += 1;
  }
}

inline function merged(hash: i64, lane: i64): i64 {
  return (hash ^ laneRound(0n, lane)) * ${P1} + ${P4};
}

function hashOf(): i32 {
  let total = i64(TOTAL);
  let hash = ${P5};
  if (total >= 32n) {
    hash = rotated(i64(LANES), 1n) + rotated(i64(LANES + 8), 7n)
      + rotated(i64(LANES + 16), 12n) + rotated(i64(LANES + 24), 18n);
    ${EACH.map((n) => `hash = merged(hash, i64(LANES + ${8 * n}));`).join('\n    ')}
  }
  hash += total;
  let at = REST;
  let end = REST + (low(total) & 31);
  while (at + 8 <= end) {
    hash = rotated(hash ^ laneRound(0n, i64(at)), 27n) * ${P1} + ${P4};
    at += 8;
  }
  if (at + 4 <= end) {
    hash = rotated(hash ^ (wide(i32(at)) * ${P1}), 23n) * ${P2} + ${P3};
    at += 4;
  }
  while (at < end) {
    hash = rotated(hash ^ (wide(u8(at)) * ${P5}), 11n) * ${P1};
    at += 1;
  }
  hash = (hash ^ (hash >>> 33n)) * ${P2};
  hash = (hash ^ (hash >>> 29n)) * ${P3};
  return low(hash ^ (hash >>> 32n));
}
`;
