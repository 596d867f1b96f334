/** The list of formats, in the order in which they are asked whether an input is theirs. */
import { ftraceText } from './formats/ftrace-text/importer.ts';
import { perfData } from './formats/perf-data/importer.ts';
import { perfScript } from './formats/perf-script/importer.ts';
import { traceDat } from './formats/trace-dat/importer.ts';
import type { Importer } from './importer.ts';

export const IMPORTERS: readonly Importer[] = [traceDat, perfData, perfScript, ftraceText];
