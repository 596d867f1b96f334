/** The loops of sample-loops.ts as modules, made when the program is built (page-loops-bytes.ts). */
import { countLoops, decodeLoops } from './sample-loops.ts';

export const COUNT_LOOPS = countLoops();
export const DECODE_LOOPS = decodeLoops();
