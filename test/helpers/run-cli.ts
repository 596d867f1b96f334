/** Runs the command line in this process and collects what it prints. */
import { run } from '../../src/cli/program.ts';

export type CliResult = { readonly code: number; readonly out: string; readonly err: string };

export function runCli(...args: readonly string[]): Promise<CliResult> {
  return runOnTerminal(undefined, ...args);
}

/** The same on a terminal so wide. */
export async function runOnTerminal(
  columns: number | undefined,
  ...args: readonly string[]
): Promise<CliResult> {
  let out = '';
  let err = '';
  const code = await run(args, {
    out(text) {
      out += text;
      return true;
    },
    err(text) {
      err += text;
    },
    errIsTerminal: false,
    columns,
  });
  return { code, out, err };
}
