/** Text in UTF-16, which the mark at its beginning tells, as UTF-8 without a mark. */
import type { Unpacker } from './unpack.ts';

export function unpackUtf16(encoding: 'utf-16le' | 'utf-16be'): Unpacker {
  return async function* (packed) {
    const decoder = new TextDecoder(encoding);
    for await (const chunk of packed) {
      yield Buffer.from(decoder.decode(chunk, { stream: true }), 'utf8');
    }
    yield Buffer.from(decoder.decode(), 'utf8');
  };
}
