/** The loops of unpack-zstd-loops.ts as a module, made when the program is built. */
import { compileLoops } from '../wasm/loop-language.ts';
import { ZSTD_LOOPS } from './unpack-zstd-loops.ts';
import { ZSTD_CONSTANTS } from './unpack-zstd-places.ts';

export const ZSTD_LOOPS_BYTES = compileLoops(ZSTD_LOOPS, ZSTD_CONSTANTS);
