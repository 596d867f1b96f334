/**
 * Bundles the scripts of the pages into dist/reports: page.js of the report, watch.js of the list
 * of captures. Plain JavaScript, since it runs before anything is built:
 * `node reports/build-page.mjs`.
 */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Parts of vega that no chart here uses, and what only they need. */
const UNUSED = [
  ...['geo', 'force', 'hierarchy', 'label', 'regression', 'voronoi', 'wordcloud', 'crossfilter'],
  'projection',
].map((part) => `vega-${part}`);
const ONLY_FOR_UNUSED = /^(d3-(geo|geo-projection|force|hierarchy|delaunay)|topojson-client)$/;

const withoutUnused = {
  name: 'without-unused',
  setup(bundler) {
    bundler.onResolve({ filter: /^(vega-|d3-|topojson)/ }, ({ path }) => {
      const unused = UNUSED.includes(path) || ONLY_FOR_UNUSED.test(path);
      return unused ? { path, namespace: 'unused' } : undefined;
    });
    bundler.onLoad({ filter: /.*/, namespace: 'unused' }, () => ({
      contents: 'module.exports = {};',
      loader: 'js',
    }));
  },
};

/** Writes the bundles to `outdir`, from the package's root. */
export async function buildPage(outdir = 'dist/reports') {
  return await build({
    absWorkingDir: ROOT,
    entryPoints: { page: 'reports/page/main.ts', watch: 'reports/page/watch.ts' },
    outdir,
    bundle: true,
    minify: true,
    format: 'iife',
    target: ['chrome120', 'firefox121', 'safari17'],
    charset: 'ascii',
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
    plugins: [withoutUnused],
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildPage();
