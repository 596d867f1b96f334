/** What lies in a watched folder: traces, and sub-folders that hold one. */
import { createHash } from 'node:crypto';
import { type Dirent, readdirSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { refusalText, UsageError } from '../../trace/errors.ts';

export type Found = {
  readonly name: string;
  readonly path: string;
  readonly size_bytes: number;
  /** When its newest file was written. */
  readonly changed_ms: number;
  /** The same, or when it came here if that was later: copies may keep their times. */
  readonly placed_ms: number;
  /** Two captures with the same one have the same content, as far as that can be seen. */
  readonly signature: string;
  /** Why it can never be read, if so. */
  readonly problem?: string;
};

// What reports, recorders and samplers write beside a capture.
const BESIDE = /\.(?:html|json|md|csv|part|tmp|svg|png|log)$|^\./i;
/** A bundle is a few files; what is much larger is some other folder. */
const MAX_BUNDLE_FILES = 2000;
const MAX_BUNDLE_DEPTH = 3;

/** By name. Throws UsageError when the folder cannot be read. */
export function capturesIn(folder: string): Found[] {
  let names: string[];
  try {
    names = readdirSync(folder).sort();
  } catch (error) {
    throw new UsageError(`cannot watch ${folder}: ${refusalText(error)}`);
  }
  return names.flatMap((name): Found[] => {
    if (BESIDE.test(name)) return [];
    const path = join(folder, name);
    const stat = statOf(path);
    if (stat === undefined) return name.includes('\ufffd') ? [unreadable(name, path)] : [];
    if (stat.isFile()) return [fileAt(name, path, stat)];
    return stat.isDirectory() ? bundleAt(name, path) : [];
  });
}

/** Undefined for what went away meanwhile, and for links to nowhere. */
function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    // A link in a circle, or a folder that may not be searched.
    return undefined;
  }
}

function unreadable(name: string, path: string): Found {
  const problem = 'its name is not valid UTF-8, so it cannot be opened; rename it';
  const nothing = { size_bytes: 0, changed_ms: 0, placed_ms: 0, signature: 'unreadable' };
  return { name, path, ...nothing, problem };
}

/** When a file was written or came to its place, whichever was later. */
export function placedAt({ mtimeMs, ctimeMs }: Stats): number {
  return Math.max(mtimeMs, ctimeMs);
}

function fileAt(name: string, path: string, stat: Stats): Found {
  const { size, mtimeMs, ino } = stat;
  const signature = `${ino} ${size} ${mtimeMs}`;
  const placed_ms = placedAt(stat);
  return { name, path, size_bytes: size, changed_ms: mtimeMs, placed_ms, signature };
}

/** A folder without any file that could be a trace is none. */
function bundleAt(name: string, path: string): Found[] {
  const hash = createHash('sha256');
  let size = 0;
  let changed_ms = 0;
  let placed_ms = 0;
  let files = 0;
  let mayBeTrace = false;
  const visit = (folder: string, depth: number): void => {
    for (const entry of entriesOf(folder)) {
      const place = join(folder, entry.name);
      if (entry.isDirectory() && depth < MAX_BUNDLE_DEPTH) visit(place, depth + 1);
      const stat = entry.isFile() ? statOf(place) : undefined;
      if (stat === undefined || ++files > MAX_BUNDLE_FILES) continue;
      size += stat.size;
      changed_ms = Math.max(changed_ms, stat.mtimeMs);
      placed_ms = Math.max(placed_ms, placedAt(stat));
      mayBeTrace ||= stat.size > 0 && !BESIDE.test(entry.name);
      hash.update(JSON.stringify([place, stat.ino, stat.size, stat.mtimeMs]));
    }
  };
  visit(path, 1);
  if (!mayBeTrace || files > MAX_BUNDLE_FILES) return [];
  const signature = hash.digest('hex');
  return [{ name, path, size_bytes: size, changed_ms, placed_ms, signature }];
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).sort((one, other) =>
      one.name < other.name ? -1 : 1,
    );
  } catch {
    // What may not be read is no part of the bundle.
    return [];
  }
}
