/** The terminal as a value, so that commands can be tested without one. */

export type Io = {
  /** Returns false when the reader has gone away (`| head`). */
  out(text: string): boolean;
  err(text: string): void;
  /** True when standard error is a terminal: only then progress is shown. */
  readonly errIsTerminal: boolean;
  /** Width of the terminal on standard output, if it is one. */
  readonly columns?: number | undefined;
};

export function processIo(): Io {
  let readerIsThere = true;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
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
