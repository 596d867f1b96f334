/**
 * The two ways an input can be wrong as a whole. Both end a command with one sentence and exit
 * code 2; damage inside an otherwise good input is a diagnostic instead (diagnostics.ts).
 */

import { printable } from './printable.ts';

/** The request cannot be served: a file that does not exist, an option out of range. */
export class UsageError extends Error {
  override readonly name = 'UsageError';

  constructor(message: string) {
    super(printable(message));
  }
}

/** The bytes are not what they claim to be. `offset` is the byte in the unpacked input. */
export class FormatError extends Error {
  override readonly name = 'FormatError';
  readonly offset: number | undefined;

  constructor(message: string, offset?: number) {
    super(printable(offset === undefined ? message : `${message} (at byte ${offset})`));
    this.offset = offset;
  }
}
