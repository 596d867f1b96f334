/** XXH64 with a seed of 0, as its specification has it: in integers of any size. */
export function plainXxh64(bytes: Uint8Array): bigint {
  const [p1, p2, p3, p4, p5] = [
    0x9e3779b185ebca87n,
    0xc2b2ae3d27d4eb4fn,
    0x165667b19e3779f9n,
    0x85ebca77c2b2ae63n,
    0x27d4eb2f165667c5n,
  ] as const;
  const u64 = (value: bigint) => BigInt.asUintN(64, value);
  const rotate = (value: bigint, by: bigint) => u64(value << by) | (value >> (64n - by));
  const round = (lane: bigint, word: bigint) => u64(rotate(u64(lane + word * p2), 31n) * p1);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  let hash: bigint = p5;
  if (bytes.length >= 32) {
    const lanes = [u64(p1 + p2), p2, 0n, u64(-p1)];
    for (; at + 32 <= bytes.length; at += 32) {
      lanes.forEach((lane, nth) => {
        lanes[nth] = round(lane, view.getBigUint64(at + 8 * nth, true));
      });
    }
    const turns = [1n, 7n, 12n, 18n];
    hash = u64(lanes.reduce((sum, lane, nth) => sum + rotate(lane, turns[nth] as bigint), 0n));
    for (const lane of lanes) hash = u64((hash ^ round(0n, lane)) * p1 + p4);
  }
  hash = u64(hash + BigInt(bytes.length));
  for (; at + 8 <= bytes.length; at += 8) {
    hash = u64(rotate(hash ^ round(0n, view.getBigUint64(at, true)), 27n) * p1 + p4);
  }
  for (; at + 4 <= bytes.length; at += 4) {
    hash = u64(rotate(hash ^ u64(BigInt(view.getUint32(at, true)) * p1), 23n) * p2 + p3);
  }
  for (; at < bytes.length; at++)
    hash = u64(rotate(hash ^ u64(BigInt(bytes[at] ?? 0) * p5), 11n) * p1);
  hash = u64((hash ^ (hash >> 33n)) * p2);
  hash = u64((hash ^ (hash >> 29n)) * p3);
  return hash ^ (hash >> 32n);
}
