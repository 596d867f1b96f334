/**
 * Puts what a process loads into few files. Plain JavaScript, run behind tsc, which fills dist:
 *
 *   node src/cli/build-bundles.mjs [DIST]
 *
 * The entry points in dist become bundles; what they share or load late lies in dist/bundled. The
 * command line has its packages in its bundle, with what their licences ask for beside it; programs
 * that use the library share its packages with it, but for zod. CPU of `inspect` on a small
 * capture: 0.29 s as modules, 0.24 s as a bundle, 0.20 s with packages.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { compileModule, compileThread } from './compile-ahead.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Each has a worker of its own, in the folder where the pool looks for it: beside itself. */
const BUNDLES = [
  {
    folder: 'bundled/library',
    entryPoints: { 'src/index': './src/index.ts', 'parsers/index': './parsers/index.ts' },
    cores: ['parsers/index.ts'],
    packages: 'external',
  },
  {
    folder: 'bundled/cli',
    entryPoints: { 'src/cli/main': './src/cli/main.ts' },
    cores: ['src/cli/program.ts', 'parsers/index.ts'],
    packages: 'bundle',
    // Packages that are no modules ask for Node's own parts so.
    banner: {
      js: [
        "import { createRequire as makeRequire } from 'node:module';",
        'const require = makeRequire(import.meta.url);',
      ].join('\n'),
    },
  },
];

/** Writes all bundles to the folder that tsc has filled. */
export async function buildBundles(dist = join(ROOT, 'dist')) {
  for (const bundle of BUNDLES) await buildBundle(dist, bundle);
}

/**
 * Modules that only make constants, run now: what makes them (an assembler, 15 ms) stays out of the
 * program. Their exports are bytes.
 */
const madeWhenBuilt = (dist) => ({
  name: 'made-when-built',
  setup({ onLoad }) {
    onLoad({ filter: /-loops-bytes\.ts$/ }, async ({ path }) => {
      const made = join(dist, relative(ROOT, path).replace(/\.ts$/, '.js'));
      const constants = Object.entries(await import(pathToFileURL(made).href));
      const lines = constants.map(([name, bytes]) => {
        const text = Buffer.from(bytes).toString('base64');
        return `export const ${name} = Buffer.from('${text}', 'base64');`;
      });
      return { contents: lines.join('\n'), loader: 'js' };
    });
  },
});

/** What threads are asked to do, by the file that does it. */
const JOBS = {
  'trace-dat-job': 'parsers/formats/trace-dat/slice-job.ts',
  'perf-data-job': 'parsers/formats/perf-data/window-job.ts',
  'text-job': 'parsers/formats/text-job.ts',
};

/**
 * Threads run plain scripts, one for each job: Node's loader of modules and what other jobs need
 * took 30 ms of each thread's start.
 */
function threadEntries(folder) {
  const jobs = Object.entries(JOBS).map(([name, path]) => [`${folder}/${name}`, `./${path}`]);
  return { [`${folder}/worker`]: './parsers/workers/worker.ts', ...Object.fromEntries(jobs) };
}

const jobsApart = {
  name: 'jobs-apart',
  setup({ onResolve }) {
    onResolve({ filter: /-?job\.ts$/ }, ({ path, kind, resolveDir }) => {
      if (kind !== 'dynamic-import') return undefined;
      const wanted = relative(ROOT, join(resolveDir, path));
      const [name] = Object.entries(JOBS).find(([, job]) => job === wanted);
      return { path: `./${name}.cjs`, external: true };
    });
  },
};

/** zod brings its messages in fifty languages, half of its size: the program speaks one. */
const oneLanguage = {
  name: 'one-language',
  setup({ onLoad }) {
    const contents = "export { default as en } from './en.js';";
    onLoad({ filter: /zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({ contents, loader: 'js' }));
  },
};

/**
 * Packages of the library that only some of its functions need, by the names that they use: loaded
 * when the first is used, as the same module that programs import. A process that imports
 * `tidemark` took 0.23 s, and takes 0.15 s so.
 */
const LATE = { arquero: { functions: ['table', 'desc'], objects: ['op'] } };

const packagesLate = {
  name: 'packages-late',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[a-z]+$/ }, ({ path, namespace }) =>
      LATE[path] === undefined || namespace === 'late' ? undefined : { path, namespace: 'late' },
    );
    onLoad({ filter: /.*/, namespace: 'late' }, ({ path }) => {
      const { functions, objects } = LATE[path];
      const lines = [
        "import { createRequire } from 'node:module';",
        'let loaded;',
        `const load = () => (loaded ??= createRequire(import.meta.url)('${path}'));`,
        ...functions.map((name) => `export const ${name} = (...all) => load().${name}(...all);`),
        ...objects.map((name) => {
          const get = `get: (_, member) => load().${name}[member]`;
          return `export const ${name} = new Proxy({}, { ${get} });`;
        }),
      ];
      return { contents: lines.join('\n'), loader: 'js', resolveDir: ROOT };
    });
  },
};

/** Its 94 files took a third of the time to import `tidemark`: 0.15 s, and 0.11 s so. */
const zodInside = {
  name: 'zod-inside',
  setup({ onResolve }) {
    onResolve({ filter: /^zod$/ }, () => ({ path: fileURLToPath(import.meta.resolve('zod')) }));
  },
};

/**
 * What is loaded late comes after the core that asks for it, but the bundler does not know: it cuts
 * the core into a file for each set of late parts that use the same modules of it. Told that late
 * parts need all of the core, it leaves it whole: `inspect` loads 16 files instead of 27, and takes
 * 0.14 s instead of 0.16 s, `diagnose` 0.24 s instead of 0.27 s.
 */
const coresWhole = (metafile, cores) => ({
  name: 'cores-whole',
  setup({ onLoad }) {
    const { inputs } = metafile;
    const late = Object.values(inputs)
      .flatMap(({ imports }) => imports)
      .filter(({ kind, external }) => kind === 'dynamic-import' && external !== true);
    const coresOf = new Map();
    for (const core of cores) {
      const reached = closureOf(inputs, core, () => true);
      const own = closureOf(inputs, core, ({ kind }) => kind !== 'dynamic-import');
      for (const { path } of late) {
        if (!reached.has(path) || own.has(path)) continue;
        coresOf.set(path, [...(coresOf.get(path) ?? []), core]);
      }
    }
    onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const needed = coresOf.get(relative(ROOT, path));
      if (needed === undefined) return undefined;
      const lines = needed.map((core) => `import '${join(ROOT, core)}';`);
      return { contents: [readFileSync(path, 'utf8'), ...lines].join('\n'), loader: 'ts' };
    });
  },
});

/** All modules that a module imports, and theirs. */
function closureOf(inputs, from, follows) {
  const found = new Set([from]);
  for (const path of found) {
    for (const one of inputs[path]?.imports ?? []) if (follows(one)) found.add(one.path);
  }
  return found;
}

async function buildBundle(dist, { folder, entryPoints, cores, packages, banner = {} }) {
  const common = {
    absWorkingDir: ROOT,
    outdir: dist,
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node20',
    packages,
    minifyWhitespace: true,
    legalComments: 'inline',
    logLevel: 'warning',
  };
  const plugins = [
    madeWhenBuilt(dist),
    oneLanguage,
    ...(packages === 'external' ? [packagesLate, zodInside] : []),
  ];
  const program = {
    ...common,
    entryPoints,
    chunkNames: `${folder}/[name]-[hash]`,
    splitting: true,
    metafile: true,
    format: 'esm',
    banner,
  };
  const { metafile: modules } = await build({ ...program, plugins });
  const whole = coresWhole(modules, cores);
  const { outputFiles, metafile } = await build({ ...program, plugins: [...plugins, whole] });
  const threads = await build({
    ...common,
    entryPoints: threadEntries(folder),
    metafile: true,
    outExtension: { '.js': '.cjs' },
    format: 'cjs',
    supported: { 'dynamic-import': false },
    // No job starts threads.
    logOverride: { 'empty-import-meta': 'silent' },
    plugins: [madeWhenBuilt(dist), jobsApart],
  });
  const shared = join(dist, folder);
  const files = [
    ...(await withCores(outputFiles, metafile, cores)),
    ...threads.outputFiles.flatMap((file) =>
      file.path.endsWith('-job.cjs') ? compileThread(file) : [file],
    ),
  ];
  const notices = noticesOf([metafile, threads.metafile]);
  if (notices !== '') files.push({ path: join(shared, 'NOTICES.txt'), contents: notices });
  // Entries come last: at every moment, what they load is there.
  const isShared = ({ path }) => Number(dirname(path) === shared);
  mkdirSync(shared, { recursive: true });
  for (const { path, contents } of files.sort((one, other) => isShared(other) - isShared(one))) {
    writeFileSync(`${path}.new`, contents);
    renameSync(`${path}.new`, path);
  }
  const written = new Set(files.map(({ path }) => path));
  for (const name of readdirSync(shared)) {
    if (!written.has(join(shared, name))) rmSync(join(shared, name));
  }
}

/** The files of a bundle, those with its cores compiled ahead. */
async function withCores(outputFiles, { outputs }, cores) {
  const factsOf = new Map(Object.entries(outputs).map(([name, one]) => [resolve(ROOT, name), one]));
  const files = outputFiles.map((file) => {
    const facts = factsOf.get(file.path);
    return cores.some((core) => core in facts.inputs) ? compileModule(file, facts) : [file];
  });
  return (await Promise.all(files)).flat();
}

/** Names, versions and licences of the packages in a bundle. */
function noticesOf(metafiles) {
  const folders = metafiles
    .flatMap(({ inputs }) => Object.keys(inputs))
    .map((path) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0]);
  const packages = [...new Set(folders)].filter((folder) => folder !== undefined).sort();
  return packages.map((folder) => noticeOf(join(ROOT, folder))).join('\n');
}

function noticeOf(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file === undefined ? '' : readFileSync(join(folder, file), 'utf8');
  return `${name} ${version} (${license})\n\n${text}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildBundles(process.argv[2]);
