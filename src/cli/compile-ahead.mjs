/**
 * What every process loads of a bundle → the same as scripts, with V8's code for all functions of
 * them beside them, which was made anew at each start: of 270 ms for 3.3 M events of a trace.dat
 * that took 14 ms, of `inspect` on a small capture 16 ms of 155 ms.
 *
 * Node 20 takes such code for scripts alone. So a module becomes a script, and the module in its
 * place runs that and exports what it gives. V8 refuses code that another version of it has made,
 * or that is for other flags; functions are then compiled when they are first called, as before.
 */
import { basename, dirname, join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';
import { transform } from 'esbuild';

/**
 * A module, `{ path, contents }`, → the files in its place. What it loads late and what it exports
 * is what the bundler tells of it.
 */
export async function compileModule({ path, contents }, { imports, exports }) {
  const { code } = await transform(Buffer.from(contents).toString(), {
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    minifyWhitespace: true,
    legalComments: 'inline',
    define: { 'import.meta.url': 'moduleUrl' },
  });
  const late = imports.filter(({ kind }) => kind === 'dynamic-import');
  const body = late.reduce((text, { path: other }) => {
    const name = `./${basename(other)}`;
    return text.replaceAll(`import("${name}")`, `late("${name}")`);
  }, code);
  if (/\bimport[.(]/.test(body)) throw new Error(`${path}: a script cannot hold this import`);
  const required = Array.from(body.matchAll(/\brequire\("([^"]+)"\)/g), ([, name]) => name);
  const names = [...new Set(required)];
  const parts = scriptParts(path, `(function(module,require,late,moduleUrl){${body}\n})`);
  const runner = [
    'import{readFileSync}from"node:fs";import{Script}from"node:vm";',
    ...names.map((name, nth) => `import*as given${nth} from"${name}";`),
    `const given={${names.map((name, nth) => `"${name}":given${nth}`).join(',')}};`,
    'const module={};',
    `${runScript(path, 'import.meta.dirname')}(`,
    'module,(name)=>given[name],(name)=>import(name),import.meta.url);',
    `export const{${exports.join(',')}}=module.exports;\n`,
  ];
  return [...parts, { path, contents: runner.join('') }];
}

/** The same for a script that threads load with `require`. */
export function compileThread({ path, contents }) {
  const body = Buffer.from(contents).toString();
  const parts = scriptParts(path, `(function(module,require){${body}\n})`);
  const needed = 'const{readFileSync}=require("fs");const{Script}=require("vm");';
  const runner = `${needed}${runScript(path, '__dirname')}(module,require);\n`;
  return [...parts, { path, contents: runner }];
}

function runScript(path, folder) {
  const name = basename(path).replace(/\.c?js$/, '');
  return [
    `const path=${folder}+"/${name}.code.";`,
    'new Script(readFileSync(path+"cjs","utf8"),',
    '{filename:path+"cjs",cachedData:readFileSync(path+"cache")}).runInThisContext()',
  ].join('');
}

function scriptParts(path, source) {
  const place = join(dirname(path), basename(path).replace(/\.c?js$/, '.code'));
  return [
    { path: `${place}.cjs`, contents: source },
    { path: `${place}.cache`, contents: codeOf(source, `${basename(place)}.cjs`) },
  ];
}

/** Of all functions, not only of those that are called when the script runs. */
function codeOf(source, filename) {
  setFlagsFromString('--no-lazy');
  const script = new Script(source, { filename });
  // Code is for the flags that are set when it is written.
  setFlagsFromString('--lazy');
  return script.createCachedData();
}
