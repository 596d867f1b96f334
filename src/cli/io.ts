/** The terminal as a value, so that commands can be tested without one. */
import { SCREEN_COLUMNS } from '../../reports/terminal.ts';
import { refusalText } from '../trace/errors.ts';

export type Io = {
  /** Returns false when the reader has gone away (`| head`). */
  out(text: string): boolean;
  err(text: string): void;
  /** True when standard error is a terminal: only then progress is shown. */
  readonly errIsTerminal: boolean;
  /** Width of the terminal on standard output, if it is one. */
  readonly columns?: number | undefined;
};

const NARROWEST = 40;
const WIDEST_TABLE = 200;
/** That of other requests that cannot be served (program.ts). */
const EXIT_UNWRITTEN = 2;

/** How wide text is made: as the terminal is, within reason; as usual where there is none. */
export function screenColumns({ columns }: Io, widest = SCREEN_COLUMNS): number {
  return Math.min(widest, Math.max(NARROWEST, columns ?? SCREEN_COLUMNS));
}

/** How wide tables are made: whole where nobody reads them on a screen, so that `grep` finds rows. */
export function tableColumns(io: Io): number | undefined {
  return io.columns === undefined ? undefined : screenColumns(io, WIDEST_TABLE);
}

/** That of this process. */
export function processIo(): Io {
  let readerIsThere = true;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && readerIsThere) {
      process.stderr.write(`tidemark: cannot write the output: ${refusalText(error)}\n`);
      process.exitCode = EXIT_UNWRITTEN;
    }
    readerIsThere = false;
  });
  return {
    out(text) {
      if (readerIsThere) process.stdout.write(text);
      return readerIsThere;
    },
    err(text) {
      process.stderr.write(text);
    },
    errIsTerminal: process.stderr.isTTY === true,
    columns: process.stdout.columns,
  };
}
