#!/usr/bin/env node
/** Entry point: runs the program and sets the exit code; everything else is in program.ts. */
import { processIo } from './io.ts';
import { run } from './program.ts';

const code = await run(process.argv.slice(2), processIo());
// Output that could not be written has set it already (io.ts).
process.exitCode ??= code;
