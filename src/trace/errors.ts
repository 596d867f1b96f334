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

/** Why the system refused, in words: `no such file or folder` for ENOENT; else what the error says itself. */
export function refusalText(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return REFUSALS[code] ?? (error instanceof Error ? error.message : String(error));
}

const REFUSALS: Readonly<Partial<Record<string, string>>> = {
  ENOENT: 'no such file or folder',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'it is a directory',
  ENOTDIR: 'not a folder',
  EEXIST: 'a file of that name is in the way',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space left on the device',
  EDQUOT: 'the disk quota is used up',
  EMFILE: 'too many files are open',
  ENAMETOOLONG: 'the name is too long',
};
