/**
 * Each byte as the character with its number, so that bytes come back from the text unchanged. Not
 * TextDecoder('latin1'): by the Encoding Standard that is windows-1252, where 0x9c is U+0153, and
 * newer Node.js does so.
 */
export function latin1Text({ buffer, byteOffset, byteLength }: Uint8Array | DataView): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('latin1');
}
