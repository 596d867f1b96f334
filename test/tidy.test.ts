/**
 * The house rules, executable (ARCHITECTURE.md, Invariants). A rule that fails lists every place
 * that breaks it. Data first: the tables below are the rules, the code only applies them.
 */
import { readFileSync, statSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DICTIONARY } from '../src/events/index.ts';
import { FIXTURES, filesBelow, ROOT } from './helpers/bytes.ts';
import { codeOnly, functionsOf, importsOf, lineAt } from './helpers/source-text.ts';

type Rule = { readonly rooms: readonly string[]; readonly packages: readonly string[] };

/** Who may import whom. A path instead of a room allows one file; `type:` allows only types. */
const ROOMS: Readonly<Record<string, Rule>> = {
  'src/trace': { rooms: [], packages: [] },
  'src/events': { rooms: ['src/trace'], packages: [] },
  'src/kernel': { rooms: ['src/trace'], packages: [] },
  'src/model': {
    rooms: ['src/trace/units.ts', 'src/trace/assert.ts', 'src/trace/wording.ts', 'src/kernel'],
    packages: [],
  },
  'src/derive': {
    rooms: ['src/trace', 'src/events', 'src/kernel', 'src/model'],
    packages: ['arquero'],
  },
  'src/replay': {
    rooms: ['src/trace', 'src/events', 'src/kernel', 'src/derive', 'src/model'],
    packages: [],
  },
  'src/findings': {
    rooms: ['src/trace', 'src/events', 'src/kernel', 'src/derive', 'src/replay'],
    packages: ['arquero'],
  },
  // The library's door.
  'src/index.ts': {
    rooms: [
      'src/trace',
      'src/derive/arquero.ts',
      'src/derive/stalls.ts',
      'src/model/index.ts',
      'src/replay',
      'src/findings/diagnose.ts',
      'reports/schema/diagnosis.ts',
      'parsers/index.ts',
    ],
    packages: [],
  },
  'src/cli': {
    rooms: [
      'src/trace',
      'src/events',
      'src/kernel',
      'src/derive',
      'src/model',
      'src/replay',
      'src/findings',
      'reports',
      'parsers/index.ts',
    ],
    packages: ['commander', 'zod', 'node:*'],
  },
  parsers: { rooms: ['src/trace', 'src/events'], packages: [] },
  reports: {
    rooms: [
      'src/trace/wording.ts',
      'type:src/findings/finding.ts',
      'type:src/findings/detail.ts',
      'type:src/findings/diagnose.ts',
      'type:src/findings/against/comparison.ts',
    ],
    packages: ['zod'],
  },
};

/** Packages that only some files of a room may use. */
const PACKAGE_PLACES: Readonly<Record<string, readonly string[]>> = {
  'parsers/bytes/source.ts': ['node:fs'],
  'parsers/bytes/': ['xz-decompress', 'node:zlib', 'node:stream'],
  'parsers/formats/counters-csv/': ['csv-parse', 'zod'],
  'parsers/sidecars/': ['zod'],
  'parsers/workers/': ['node:worker_threads', 'node:os'],
  'reports/page/': ['vega', 'vega-interpreter', 'vega-lite'],
  'reports/render/html.ts': ['node:crypto'],
  'reports/render/svg.ts': ['vega', 'vega-lite'],
  'reports/render/png.ts': ['@resvg/resvg-wasm'],
  'reports/charts/': ['vega', 'vega-lite'],
};

const RUNTIME = [
  '@fontsource/dejavu-sans',
  '@resvg/resvg-wasm',
  '@uwdata/flechette',
  'arquero',
  'commander',
  'csv-parse',
  'vega',
  'vega-interpreter',
  'vega-lite',
  'xz-decompress',
  'zod',
];
const DEVELOPMENT = [
  '@biomejs/biome',
  '@sparticuz/chromium',
  '@types/node',
  'axe-core',
  'esbuild',
  'fast-check',
  'playwright-core',
  'typescript',
  'vitest',
];

const SOFT_LINES = 300;
const HARD_LINES = 500;
const FUNCTION_LINES = 70;
const COLUMNS = 100;
const FIXTURE_BYTES = 200 * 1024;
const ALL_FIXTURE_BYTES = 5 * 1024 * 1024;

type Source = { readonly path: string; readonly text: string; readonly code: string };

function sourcesOf(folders: readonly string[]): Source[] {
  return folders
    .flatMap((folder) => filesBelow(`${ROOT}${folder}`).map((name) => `${folder}/${name}`))
    .filter((path) => /\.(ts|mjs)$/.test(path))
    .map((path) => {
      const text = readFileSync(`${ROOT}${path}`, 'utf8');
      return { path, text, code: codeOnly(text) };
    });
}

const product = sourcesOf(['src', 'parsers', 'reports']);
const everything = [...product, ...sourcesOf(['test'])];

/** Every match of a pattern as `path:line: text`. */
function places(
  sources: readonly Source[],
  pattern: RegExp,
  where: 'code' | 'text' = 'code',
): string[] {
  return sources.flatMap((source) =>
    [...source[where].matchAll(new RegExp(pattern, `${pattern.flags.replace('g', '')}g`))].map(
      (match) => `${source.path}:${lineAt(source[where], match.index)}: ${match[0].trim()}`,
    ),
  );
}

const except = (sources: readonly Source[], ...prefixes: string[]) =>
  sources.filter(({ path }) => !prefixes.some((prefix) => path.startsWith(prefix)));
const inside = (sources: readonly Source[], ...prefixes: string[]) =>
  sources.filter(({ path }) => prefixes.some((prefix) => path.startsWith(prefix)));

function roomOf(path: string): string {
  const [first = '', second = ''] = path.split('/');
  return first === 'src' ? `src/${second}` : first;
}

function importFaults({ path, text }: Source): string[] {
  const room = roomOf(path);
  const rule = ROOMS[room];
  if (rule === undefined) return [`${path}: ${room} is no room of the import table`];
  return importsOf(text).flatMap(({ from, typeOnly }) => {
    if (!from.startsWith('.')) return packageFault(path, rule, from);
    const target = posix.join(posix.dirname(path), from);
    const faults = /\.(ts|json)$/.test(from) ? [] : [`${path}: '${from}' lacks its extension`];
    const allowed =
      roomOf(target) === room ||
      rule.rooms.some((entry) => {
        const wanted = entry.replace('type:', '');
        const isIt = target === wanted || target.startsWith(`${wanted}/`);
        return isIt && (typeOnly || !entry.startsWith('type:'));
      });
    return allowed ? faults : [...faults, `${path}: ${room} must not import ${target}`];
  });
}

function packageFault(path: string, rule: Rule, from: string): string[] {
  const name = from.startsWith('@')
    ? from.split('/').slice(0, 2).join('/')
    : (from.split('/')[0] ?? '');
  const here = Object.entries(PACKAGE_PLACES).flatMap(([place, names]) =>
    path.startsWith(place) ? names : [],
  );
  const allowed = [...rule.packages, ...here];
  const isAllowed =
    allowed.includes(name) || (name.startsWith('node:') && allowed.includes('node:*'));
  return isAllowed ? [] : [`${path}: package ${from} does not belong here`];
}

describe('layers', () => {
  // Scripts that run at build time are no part of the program.
  const modules = product.filter(({ path }) => path.endsWith('.ts'));

  test('rooms import as the table says', () => {
    expect(modules.flatMap(importFaults)).toEqual([]);
  });

  test('the file system is touched by the byte source and the command line', () => {
    const counted = 'parsers/workers/pool.ts';
    const elsewhere = except(modules, 'parsers/bytes/source.ts', 'src/cli/', counted);
    expect(places(elsewhere, /'node:(fs|child_process|net|http|https|os)[^']*'/, 'text')).toEqual(
      [],
    );
  });

  test('only the command line prints; the process is seen there and where bytes come from', () => {
    const elsewhere = except(modules, 'src/cli/').filter(
      ({ path }) => path !== 'parsers/bytes/source.ts',
    );
    expect(places(elsewhere, /\b(?:console|process|globalThis\.process)\s*[.[]/)).toEqual([]);
  });
});

describe('knowledge has one home', () => {
  const events = [...new Set(DICTIONARY.values())];
  /** Records of the tracer itself, which formats may know. */
  const OWN = ['print', 'tracing_mark_write', 'bprint', 'bputs', 'raw_data'];

  test('formats name no tracepoint', () => {
    const names = events
      .flatMap(({ name, aliases }) => [name, ...aliases])
      .filter((name) => !OWN.includes(name));
    const pattern = new RegExp(`(?<![\\w-])(?:${names.join('|')})(?![\\w-])`);
    expect(places(inside(product, 'parsers/'), pattern, 'text')).toEqual([]);
  });

  test('wire names stay in the dictionary', () => {
    const canonical = new Set(events.flatMap(({ columns }) => Object.keys(columns)));
    // Also names of /proc/vmstat, whose samples are asked for by these names.
    const VMSTAT = ['nr_dirty', 'nr_writeback', 'nr_dirtied', 'nr_written', 'nr_unstable'];
    const wire = events.flatMap((event) => [
      ...event.aliases,
      ...Object.values(event.columns).flatMap(({ field, text }) => [...field, ...text]),
    ]);
    // A canonical name without its unit is also the everyday word for the quantity.
    const isWord = (name: string) => [...canonical].some((id) => `${id}_`.startsWith(`${name}_`));
    const telling = wire.filter(
      (name) => /^\w*_\w*=?$/.test(name) && !isWord(name.replace('=', '')),
    );
    const names = [...new Set(telling)].filter((name) => ![...VMSTAT, ...OWN].includes(name));
    expect(names).toContain('bdi_setpoint');
    const pattern = new RegExp(`(['"\`])(?:${names.join('|')})\\1`);
    expect(places(except(product, 'src/events/'), pattern, 'text')).toEqual([]);
  });

  test('kernel versions are compared in features.ts only', () => {
    const elsewhere = except(product, 'src/kernel/features.ts', 'src/kernel/release.ts');
    const compare = /\b(?:isAtLeast|parseRelease)\b|\.(?:major|minor)\b|\bsemver\b/;
    expect(places(elsewhere, compare)).toEqual([]);
  });

  test('the formulas of the model know no file system', () => {
    // Policies and systems are about nothing else.
    const formulas = except(
      product,
      'src/model/policies/',
      'src/model/systems',
      'src/model/switches.ts',
    );
    expect(
      places(inside(formulas, 'src/model/'), /\b(?:ext[234]|xfs|btrfs|fuse|f2fs|nfs)\b/i, 'text'),
    ).toEqual([]);
  });
});

describe('sizes and names', () => {
  const lengths = everything.map(({ path, text }) => ({
    path,
    lines: text.trimEnd().split('\n').length,
  }));
  const soft = lengths
    .filter(({ lines }) => lines > SOFT_LINES)
    .map(({ path, lines }) => `${path}: ${lines}`);

  test(`no file has more than ${HARD_LINES} lines (${soft.length} above ${SOFT_LINES})`, () => {
    expect(lengths.filter(({ lines }) => lines > HARD_LINES)).toEqual([]);
  });

  test(`no function of the product has more than ${FUNCTION_LINES} lines`, () => {
    const long = product.flatMap(({ path, code }) =>
      functionsOf(code)
        .filter(({ lines }) => lines > FUNCTION_LINES)
        .map(({ name, line, lines }) => `${path}:${line}: ${name} has ${lines} lines`),
    );
    expect(long).toEqual([]);
  });

  test(`no line has more than ${COLUMNS} columns`, () => {
    // A line that is one string stays whole, so that messages can be searched for; so does the
    // regular expression of source-text.ts.
    const isOneString = (line: string) =>
      /^\s*(?:\w+: )?(?:(['"`]).*\1|\/.*\/[a-z]*)[,;]?$/.test(line);
    const wide = everything.flatMap(({ path, text }) =>
      text.split('\n').flatMap((line, at) => {
        const columns = [...line].length;
        return columns <= COLUMNS || isOneString(line) ? [] : [`${path}:${at + 1}: ${columns}`];
      }),
    );
    expect(wide).toEqual([]);
  });

  test('file names are kebab-case', () => {
    const names = ['src', 'parsers', 'reports', 'test', 'fixtures'].flatMap((folder) =>
      filesBelow(`${ROOT}${folder}`).map((name) => `${folder}/${name}`),
    );
    const odd = names.filter(
      (path) => !/^(README\.md|[a-z0-9]+([.-][a-z0-9]+)*)$/.test(path.split('/').at(-1) ?? ''),
    );
    expect(odd).toEqual([]);
  });
});

describe('words', () => {
  test('no non-null assertion, no any, no silenced compiler', () => {
    expect(places(everything, /[\w)\]]!(?!=)(?=[\s.,;)[\]])/)).toEqual([]);
    expect(places(everything, /\bas any\b|:\s*any\b|<any>/)).toEqual([]);
    expect(
      places(everything, /@ts[-](?:ignore|expect-error|nocheck)|biome-ignore[-]all/, 'text'),
    ).toEqual([]);
  });

  test('no empty catch', () => {
    expect(places(everything, /\bcatch\s*(?:\([^)]*\))?\s*\{\s*\}/)).toEqual([]);
  });

  test('nothing is left to do', () => {
    const marks = new RegExp(['TO', 'DO\\b|FIX', 'ME\\b|\\bX', 'XX\\b'].join(''));
    expect(places(everything, marks, 'text')).toEqual([]);
  });
});

type PackageJson = Readonly<
  Record<'dependencies' | 'devDependencies', Readonly<Record<string, string>>>
>;

describe('packages', () => {
  const manifest = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as PackageJson;

  test('are these, each at one exact version', () => {
    expect(Object.keys(manifest.dependencies).sort()).toEqual(RUNTIME);
    expect(Object.keys(manifest.devDependencies).sort()).toEqual(DEVELOPMENT);
    const versions = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
    expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
  });

  test('that are needed to run have a reason in ARCHITECTURE.md', () => {
    const text = readFileSync(`${ROOT}ARCHITECTURE.md`, 'utf8');
    expect(RUNTIME.filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
  });

  test('come from whichever registry is configured', () => {
    const lock = readFileSync(`${ROOT}package-lock.json`, 'utf8');
    expect(lock.includes('"resolved"')).toBe(false);
  });
});

describe('what is committed', () => {
  const SKIPPED = /^(?:node_modules|dist|coverage|scratch|\.git)\//;
  const committed = filesBelow(ROOT).filter(
    (path) => !SKIPPED.test(path) && !path.includes('/node_modules/'),
  );

  test('names no path of the machine that it was written on', () => {
    const own = new RegExp(
      `(?<![\\w.~$}/-])/(?:${['work', 'home', 'tmp', 'root', 'Users'].join('|')})/`,
    );
    const texts = committed.filter((path) => !/\.(gz|dat|png|ico)$/.test(path));
    const faults = texts.flatMap((path) => {
      const lines = readFileSync(`${ROOT}${path}`, 'utf8').split('\n');
      return lines.flatMap((line, at) =>
        own.test(line) ? [`${path}:${at + 1}: ${line.trim().slice(0, 100)}`] : [],
      );
    });
    expect(faults).toEqual([]);
  });

  test(`of captures is small: ${FIXTURE_BYTES >> 10} KiB each, some MiB together`, () => {
    const sizes = filesBelow(FIXTURES).map((path) => ({
      path,
      size: statSync(`${FIXTURES}${path}`).size,
    }));
    expect(sizes.filter(({ size }) => size > FIXTURE_BYTES)).toEqual([]);
    expect(sizes.reduce((sum, { size }) => sum + size, 0)).toBeLessThan(ALL_FIXTURE_BYTES);
  });
});
