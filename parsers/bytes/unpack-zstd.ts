/**
 * zstd as it arrives. Our own decoder on every Node: what is built into some (22.15 on) stops after
 * the first frame before 26 and takes a cut file for a complete one before 24.
 */
import { ZstdDecoder } from './unpack-zstd-frames.ts';

export async function* unpackZstd(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const decoder = new ZstdDecoder();
  for await (const chunk of packed) yield* decoder.push(chunk);
  if (!decoder.isBetweenFrames) throw new Error('unexpected end of file');
}
