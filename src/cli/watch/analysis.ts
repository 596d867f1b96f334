/** A report made by a process of its own: whatever a capture does to it, the server goes on. */
import { spawn } from 'node:child_process';
import { programPath } from '../files.ts';

export type Analysis = {
  /** Undefined when the report was written, else why not, in one sentence. Never rejects. */
  readonly problem: Promise<string | undefined>;
  stop(): void;
};

/** Of what a process prints about its failure, the end says most. */
const KEPT_CHARACTERS = 4000;

export function startAnalysis(capture: string, page: string, redact: boolean): Analysis {
  // A name that begins with a dash is no option.
  const options = ['-o', page, '--quiet', ...(redact ? ['--redact'] : []), '--', capture];
  const child = spawn(process.execPath, [programPath(), 'report', ...options], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-KEPT_CHARACTERS);
  });
  const problem = new Promise<string | undefined>((resolve) => {
    child.once('error', (error) => resolve(`its analysis could not be started: ${error.message}`));
    child.once('close', (code, signal) => resolve(problemOf(code, signal, said)));
  });
  return { problem, stop: () => void child.kill() };
}

const SENTENCE = /^tidemark: (.+)$/gm;

function problemOf(code: number | null, signal: string | null, said: string): string | undefined {
  if (code === 0) return undefined;
  const sentence = [...said.matchAll(SENTENCE)].at(-1)?.[1];
  if (code === 2 && sentence !== undefined) return sentence;
  const how = signal === null ? `exit code ${code}` : signal;
  const memory = /heap out of memory/.test(said) || signal === 'SIGKILL';
  return memory
    ? `its analysis ended early (${how}): it may need more memory than there is`
    : `tidemark itself failed on it (${how}); tidemark report on this capture says where`;
}
