/**
 * xz, also of several streams and blocks, by xz-decompress: xz-embedded, the kernel's own decoder,
 * as WASM that is part of the package. It does not know the check SHA-256 (`xz --check=sha256`).
 */
import xz from 'xz-decompress';

// enum xz_ret, include/linux/xz.h
const REASONS: Readonly<Record<string, string>> = {
  2: 'its kind of check is not supported',
  3: 'it needs too much memory',
  4: 'it needs too much memory',
  5: 'not in xz format',
  6: 'it uses a filter that is not supported',
  7: 'incorrect data',
  8: 'unexpected end of file',
};

export async function* unpackXz(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const input = packed[Symbol.asyncIterator]();
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await input.next();
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await input.return?.();
    },
  });
  const reader = new xz.XzReadableStream(stream).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } catch (error) {
    // get_next_output failed with error code 8
    const code = error instanceof Error ? /error code (\d+)/.exec(error.message)?.[1] : undefined;
    throw new Error(REASONS[code ?? ''] ?? 'incorrect data');
  } finally {
    // Streams of this package wait for each other: one that is left open stops all later ones.
    await reader.cancel().catch(() => undefined);
  }
}
