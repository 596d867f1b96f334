/** The list of formats, in the order in which they are asked whether an input is theirs. */
import { traceDat } from './formats/trace-dat/index.ts';
import type { Importer } from './importer.ts';

export const IMPORTERS: readonly Importer[] = [traceDat];
