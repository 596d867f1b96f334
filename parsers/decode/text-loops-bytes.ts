/** The loops of text-loops.ts as a module, made when the program is built (src/cli/build-bundles.mjs). */
import { compileLoops } from '../wasm/loop-language.ts';
import { TEXT_LOOPS } from './text-loops.ts';
import { LOOP_CONSTANTS } from './text-places.ts';

export const TEXT_LOOPS_BYTES = compileLoops(TEXT_LOOPS, LOOP_CONSTANTS);
