/**
 * What a user names → the trace and what belongs to it. `FILE`, `FOLDER`, `ARCHIVE` (tar or zip),
 * `-`, or `ARCHIVE!PATH` for one trace of an archive that holds several.
 */
import { UsageError } from '../src/trace/errors.ts';
import { archiveBundle, type Bundle, contentsOf, folderBundle, type Member } from './bundle.ts';
import { findBeside, META_NAME, SAMPLE_NAMES } from './bundle-names.ts';
import {
  type ByteSource,
  fileExists,
  fileSize,
  isFolder,
  memorySource,
  openSource,
  type SourceOptions,
} from './bytes/source.ts';

export type Sidecar = {
  readonly name: string;
  /** Asked for by the user: then it must be usable. */
  readonly given: boolean;
  readonly open: () => Promise<ByteSource>;
};

export type Capture = {
  readonly trace: ByteSource;
  readonly meta: Sidecar | undefined;
  readonly samples: readonly Sidecar[];
  /** Files of the kernel without a time: facts about the machine, or left out. */
  readonly snapshots: readonly Sidecar[];
  /** Why something that belongs to it may be missing. */
  readonly damage: string | undefined;
  readonly close: () => void;
};

export type CaptureOptions = SourceOptions & {
  readonly vmstat?: string | undefined;
  readonly meta?: string | undefined;
};

export async function openCapture(path: string, options: CaptureOptions): Promise<Capture> {
  const found = await findCapture(path, options);
  const { meta, vmstat } = options;
  const given = (name: string): Sidecar => ({
    name,
    given: true,
    open: () => openNamed(name, options),
  });
  return {
    ...found,
    meta: meta === undefined ? found.meta : given(meta),
    samples: vmstat === undefined ? found.samples : [given(vmstat)],
  };
}

async function findCapture(path: string, options: SourceOptions): Promise<Capture> {
  if (path !== '-' && isFolder(path)) return fromBundle(folderBundle(path, options), undefined);
  const { archive, chosen } = splitName(path);
  const source = await openSource(archive, options);
  try {
    const bundle = archiveBundle(source, options);
    if (bundle !== undefined) return await fromBundle(bundle, chosen, source);
    if (chosen !== undefined)
      throw new UsageError(`${archive} is no archive to take ${chosen} from`);
    const trace = await withParts(source, path, (part) => {
      const size = fileSize(part);
      return size === undefined ? undefined : { size, open: () => openSource(part, options) };
    });
    return {
      trace,
      ...beside(path, options),
      snapshots: [],
      damage: undefined,
      close: () => trace.close(),
    };
  } catch (error) {
    source.close();
    throw error;
  }
}

async function fromBundle(
  bundle: Bundle,
  chosen: string | undefined,
  owner?: ByteSource,
): Promise<Capture> {
  const { trace, meta, samples, snapshots } = await contentsOf(bundle, chosen);
  const source = await withParts(await trace.open(), trace.path, (path) =>
    bundle.members.find((member) => member.path === path),
  );
  const sidecar = ({ name, open }: Member): Sidecar => ({ name, given: false, open });
  return {
    trace: source,
    meta: meta && sidecar(meta),
    samples: samples.map(sidecar),
    snapshots: snapshots.map(sidecar),
    damage: bundle.damage,
    close() {
      source.close();
      owner?.close();
    },
  };
}

/** `perf record --threads` calls one file of its folder `data`; `data.0` and others belong to it. */
async function withParts(
  source: ByteSource,
  path: string,
  find: (path: string) => Pick<Member, 'size' | 'open'> | undefined,
): Promise<ByteSource> {
  if (!/(^|\/)data$/.test(path)) return source;
  const { joinParts } = await import('./formats/perf-data/parts.ts');
  const parts: ByteSource[] = [];
  const main = source.notHeld === undefined ? source : await holdAll(source);
  for (;;) {
    const name = `${path}.${parts.length}`;
    const part = find(name);
    if (part === undefined) return joinParts(main, parts);
    // A thread that saw nothing left an empty file.
    parts.push(part.size === 0 ? memorySource(name, new Uint8Array(0)) : await part.open());
  }
}

async function holdAll({ notHeld, close }: ByteSource): Promise<ByteSource> {
  return { ...(await notHeld?.hold()), close } as ByteSource;
}

/** By name only: a trace that is named alone may lie in a folder of thousands. */
function beside(path: string, options: SourceOptions): Pick<Capture, 'meta' | 'samples'> {
  if (path === '-') return { meta: undefined, samples: [] };
  const find = (kind: string): Sidecar[] => {
    const name = findBeside(path, kind, fileExists);
    return name === undefined
      ? []
      : [{ name, given: false, open: () => openSource(name, options) }];
  };
  return { meta: find(META_NAME)[0], samples: SAMPLE_NAMES.flatMap(find) };
}

/** A file whose own name has a `!` is meant before a part of an archive. */
function splitName(path: string): { archive: string; chosen: string | undefined } {
  const parts = path.split('!');
  if (fileExists(path)) return { archive: path, chosen: undefined };
  for (let count = 1; count < parts.length; count++) {
    const archive = parts.slice(0, count).join('!');
    if (archive !== '' && fileExists(archive)) {
      return { archive, chosen: parts.slice(count).join('!') };
    }
  }
  return { archive: path, chosen: undefined };
}

/** Any file, also one of an archive. */
async function openNamed(path: string, options: SourceOptions): Promise<ByteSource> {
  const { archive, chosen } = splitName(path);
  const source = await openSource(archive, options);
  if (chosen === undefined) return source;
  const member = archiveBundle(source, options)?.members.find((one) => one.path === chosen);
  if (member === undefined) {
    source.close();
    throw new UsageError(`${archive} holds no ${chosen}`);
  }
  const part = await member.open();
  return {
    ...part,
    close() {
      part.close();
      source.close();
    },
  };
}
