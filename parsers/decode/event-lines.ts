/** What reading a text of events has in common, whatever its lines look like. */
import { FormatError } from '../../src/trace/errors.ts';
import { readLines } from '../bytes/lines.ts';
import type { ByteSource } from '../bytes/source.ts';
import type { ImportContext } from '../importer.ts';

/** Lines and events met so far; the caller's reader counts both. */
export type LineCounts = { line: number; readonly events: number };

/**
 * Hands every line to `onLine`; lines too long and a damaged end become diagnostics. Throws
 * FormatError when no line was an event. `chunkBytes` is for tests.
 */
export function readEventLines(
  source: ByteSource,
  context: ImportContext,
  counts: LineCounts,
  onLine: (bytes: Uint8Array, start: number, end: number) => void,
  chunkBytes: number | undefined,
): void {
  const { diagnostics } = context;
  readLines(source, onLine, {
    chunkBytes,
    progress: context.progress,
    onLongLine: (offset) => {
      counts.line++;
      diagnostics.add('line_unreadable', 1, { line: counts.line, offset });
    },
  });
  if (source.damage !== undefined) {
    const detail = `at byte ${source.size} (unpacking: ${source.damage})`;
    diagnostics.add('input_truncated', undefined, { offset: source.size }, detail);
  }
  if (counts.events === 0) {
    throw new FormatError(`${source.name} has no trace event in its ${counts.line} lines`);
  }
}
