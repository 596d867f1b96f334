/**
 * The loops of page-loops.ts as modules. Made when the program is built (src/cli/build-bundles.mjs
 * puts the bytes in place of this file): it takes 15 ms, and the assembler is not needed then.
 */
import { pageLoops } from './page-loops.ts';

export const PAGE_LOOPS = pageLoops();
