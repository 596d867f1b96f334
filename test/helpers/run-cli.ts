/** Runs the command line in this process and collects what it prints. */
import { run } from '../../src/cli/program.ts';

export type CliResult = { readonly code: number; readonly out: string; readonly err: string };

export async function runCli(...args: readonly string[]): Promise<CliResult> {
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
  });
  return { code, out, err };
}
