/** Which file belongs to a trace, by names: `x.v6.dat.gz` has `x.v6.meta.json`, `x.vmstat.csv`. */

/** Sidecars that are looked for beside a trace that is named alone. */
export const META_NAME = 'meta.json';
export const SAMPLE_NAMES = ['csv', 'txt', 'log'].flatMap((end) =>
  ['vmstat', 'meminfo', 'memory.stat', 'psi', 'psi-cpu', 'psi-io', 'psi-memory'].map(
    (kind) => `${kind}.${end}`,
  ),
);
const PACKED = ['', '.gz', '.zst', '.xz', '.bz2'];

const ELSEWHERE = 1000;

/** `a/x.v6.dat.gz` → `a/` and `x.v6.dat`, `x.v6`, `x`: what names beside it may begin with. */
function stemsOf(trace: string): { folder: string; stems: string[] } {
  const slash = trace.lastIndexOf('/') + 1;
  const parts = trace.slice(slash).split('.');
  const stems = parts.slice(0, -1).map((_, dropped) => parts.slice(0, -1 - dropped).join('.'));
  return { folder: trace.slice(0, slash), stems };
}

/**
 * What lies beside `x.v6.dat.gz`: `x.v6.<kind>`, `x.<kind>`, or the plain `<kind>` of a folder that
 * holds one capture. Whether it belongs to the trace is for the caller to check.
 */
export function findBeside(
  trace: string,
  kind: string,
  exists: (path: string) => boolean,
): string | undefined {
  const { folder, stems } = stemsOf(trace);
  const names = [...stems.map((stem) => `${stem}.${kind}`), kind];
  return names.flatMap((name) => PACKED.map((end) => `${folder}${name}${end}`)).find(exists);
}

/**
 * How near a file of a bundle is to the trace, less is nearer; undefined if it is another's. Files
 * with names of their own belong to a trace that is alone.
 */
export function nameScore(trace: string, path: string, isAlone: boolean): number | undefined {
  const { folder, stems } = stemsOf(trace);
  const isSameFolder = path.startsWith(folder) && !path.slice(folder.length).includes('/');
  if (isSameFolder) {
    const name = path.slice(folder.length);
    const at = stems.findIndex((stem) => name.startsWith(`${stem}.`));
    if (at >= 0) return at;
    const plain = PACKED.some((end) =>
      [META_NAME, ...SAMPLE_NAMES].some((kind) => name === kind + end),
    );
    if (plain) return stems.length;
  }
  if (!isAlone) return undefined;
  return isSameFolder ? stems.length + 1 : ELSEWHERE + path.split('/').length;
}
