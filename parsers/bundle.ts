/**
 * A bundle: a folder, a zip, or a tar in any compression, that holds one trace with its samples and
 * its meta.json. What is what is recognised by content first, by name second; all else is left
 * alone.
 */
import { UsageError } from '../src/trace/errors.ts';
import { nameScore } from './bundle-names.ts';
import {
  type ByteSource,
  HEAD_BYTES,
  listFolder,
  openSource,
  readBytes,
  readHead,
  type SourceOptions,
  STDIN_NAME,
  sliceSource,
  unpackSource,
} from './bytes/source.ts';
import { isTar, listTar } from './bytes/tar.ts';
import { isZip, listZip, zipMember } from './bytes/zip.ts';
import { IMPORTERS } from './importers.ts';

export type Member = {
  /** From the root of the bundle. */
  readonly path: string;
  /** As a user would name it on the command line, and safe to print. */
  readonly name: string;
  readonly size: number;
  /** The first bytes, unpacked. */
  head(): Promise<Uint8Array>;
  /** The whole of it, unpacked. */
  open(): Promise<ByteSource>;
};

export type Bundle = {
  readonly name: string;
  readonly members: readonly Member[];
  /** Why members may be missing. */
  readonly damage: string | undefined;
};

/** What a bundle holds for one trace. */
export type Contents = {
  readonly trace: Member;
  /** The nearest one, by folder and name. */
  readonly meta: Member | undefined;
  readonly samples: readonly Member[];
  /** Files of the kernel that were read once, at a time that nothing tells. */
  readonly snapshots: readonly Member[];
};

/** A sosreport has some 10,000 files. */
const MAX_MEMBERS = 100_000;
const MAX_DEPTH = 8;
const MAX_META_BYTES = 16 << 20;
const SHOWN = 8;

export function folderBundle(folder: string, options: SourceOptions): Bundle {
  const root = folder.replace(/\/+$/, '') || '/';
  const members = listFolder(root, MAX_MEMBERS, MAX_DEPTH).map(({ path, size }): Member => {
    const place = `${root}/${path}`;
    return {
      path,
      name: printableName(place),
      size,
      open: () => openSource(place, options),
      async head() {
        const source = await openSource(place, { ...options, raw: true });
        try {
          return await readHead(source, HEAD_BYTES);
        } finally {
          source.close();
        }
      },
    };
  });
  return { name: folder, members, damage: undefined };
}

/** Undefined if it is no archive. The members can be read while the source is open. */
export function archiveBundle(source: ByteSource, options: SourceOptions): Bundle | undefined {
  const { name, damage } = source;
  const head = readBytes(source, 0, 512);
  if (isTar(head)) {
    const listing = listTar(source);
    const members = membersOf(source, listing.entries, options, (part, { offset, size }) =>
      sliceSource(source, part, offset, size),
    );
    return { name, members, damage: listing.damage };
  }
  if (!isZip(head)) return undefined;
  const members = membersOf(source, listZip(source), options, (part, entry) =>
    zipMember(source, part, entry),
  );
  return { name, members, damage };
}

/** `partOf` gives a file by what messages call it. */
function membersOf<Entry extends { readonly path: string; readonly size: number }>(
  source: ByteSource,
  entries: readonly Entry[],
  options: SourceOptions,
  partOf: (name: string, entry: Entry) => ByteSource,
): Member[] {
  return entries.map((entry) => {
    const { path, size } = entry;
    const name = printableName(`${source.name}!${path}`);
    return {
      path,
      name,
      size,
      head: async () => readHead(partOf(name, entry), HEAD_BYTES),
      open: async () => unpackSource(partOf(name, entry), options),
    };
  });
}

/** Throws UsageError when there is no trace, or more than one and none was chosen. */
export async function contentsOf(bundle: Bundle, chosen?: string): Promise<Contents> {
  const { sniffCounters } = await import('./formats/counters-csv/index.ts');
  const kinds = new Map<Member, Kind | undefined>();
  for (const member of filled(bundle)) kinds.set(member, await kindOf(member, sniffCounters));
  const all = (kind: Kind) => bundle.members.filter((member) => kinds.get(member) === kind);
  const traces = all('trace');
  const trace = chosen === undefined ? onlyTrace(bundle, traces) : choose(bundle, chosen);
  const isAlone = traces.length <= 1;
  const near = (members: readonly Member[]) =>
    members
      .map((member) => ({ member, score: nameScore(trace.path, member.path, isAlone) }))
      .filter(({ score }) => score !== undefined)
      .sort((left, right) => (left.score ?? 0) - (right.score ?? 0))
      .map(({ member }) => member);
  const [meta] = near(all('meta'));
  return { trace, meta, samples: near(all('samples')), snapshots: near(all('snapshot')) };
}

/** An empty file is none that anybody looks for. */
const filled = ({ members }: Bundle) => members.filter(({ size }) => size > 0);

/** Facts that are no counters: a file that was called so, wherever it was saved. */
const ZONEINFO = /(^|\/)zoneinfo(\.txt)?$/;

type Kind = 'trace' | 'samples' | 'snapshot' | 'meta';

async function kindOf(
  member: Member,
  sniffCounters: (head: Uint8Array) => 'samples' | 'snapshot' | undefined,
): Promise<Kind | undefined> {
  let head: Uint8Array;
  try {
    head = await member.head();
  } catch (error) {
    // What may not be read or cannot be unpacked is none of ours: a folder holds all sorts.
    if (error instanceof UsageError) return undefined;
    throw error;
  }
  if (IMPORTERS.some((importer) => importer.sniff(head))) return 'trace';
  const counters = sniffCounters(head);
  if (counters !== undefined) return counters;
  if (ZONEINFO.test(member.path)) return 'snapshot';
  return isMeta(head, member) ? 'meta' : undefined;
}

// "page_size": 4096
const META_KEYS = /"(kernel|machine|page_size|hz|trace_clock|sysctl|bdi|zoneinfo|meminfo)"\s*:/g;

/** JSON with several of the keys of a meta.json, or one that is called so. */
function isMeta(head: Uint8Array, { path, size }: Member): boolean {
  const text = new TextDecoder().decode(head).trimStart();
  if (!text.startsWith('{') || size > MAX_META_BYTES) return false;
  return /(^|[/.])meta\.json(\.\w+)?$/.test(path) || new Set(text.match(META_KEYS)).size >= 2;
}

function onlyTrace(bundle: Bundle, traces: readonly Member[]): Member {
  const [first] = traces;
  if (first === undefined) {
    const known = IMPORTERS.map(({ title }) => title).join(', ');
    const { length } = filled(bundle);
    const what = length === 1 ? 'its only file is none' : `none of its ${length} files is one`;
    const damage = bundle.damage === undefined ? '' : `; the archive is damaged: ${bundle.damage}`;
    throw new UsageError(
      length === 0
        ? `${bundle.name} holds no files, so no trace${damage}`
        : `${bundle.name} holds no trace: ${what} that Tidemark knows (${known})${damage}`,
    );
  }
  if (traces.length > 1) {
    const isStdin = bundle.name === STDIN_NAME;
    const names = traces.slice(0, SHOWN).map(({ name, path }) => (isStdin ? path : name));
    const more = traces.length > SHOWN ? ` and ${traces.length - SHOWN} more` : '';
    throw new UsageError(
      `${bundle.name} holds ${traces.length} traces; ` +
        `${isStdin ? 'save it as a file to name one, as FILE!PATH' : 'name one of them'}: ` +
        `${names.join(' or ')}${more}`,
    );
  }
  return first;
}

function choose(bundle: Bundle, path: string): Member {
  const wanted = path.replace(/^(\.?\/)+/, '');
  const found = bundle.members.find((member) => member.path === wanted);
  if (found !== undefined) return found;
  const names = bundle.members.slice(0, SHOWN).map(({ path: known }) => printableName(known));
  throw new UsageError(
    `${bundle.name} holds no ${printableName(wanted)}, but ${names.join(', ')}` +
      `${bundle.members.length > SHOWN ? ' and more' : ''}`,
  );
}

/** Names in archives are hostile: nothing in them may steer a terminal or break a line. */
function printableName(name: string): string {
  return name.replace(
    /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    '?',
  );
}
