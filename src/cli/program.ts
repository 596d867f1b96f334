/**
 * The command line. Commands are loaded when they are called, so that `--help` needs nothing but
 * commander. Exit codes: 0 done, 1 --fail-on found something, 2 the request or the input was wrong
 * (one sentence says how), 3 the program itself was.
 */
import { Command, CommanderError } from 'commander';
import { wrap } from '../../reports/terminal.ts';
import { FormatError, UsageError } from '../trace/errors.ts';
import { type Io, screenColumns } from './io.ts';
import { VERSION } from './version.ts';

const EXIT_OK = 0;
const EXIT_FAIL_ON = 1;
const EXIT_WRONG_INPUT = 2;
const EXIT_FAULT = 3;

/** What --fail-on asked for was found; no fault of anybody. */
class FailOn extends Error {}

const EXAMPLES = `Examples:
  tidemark inspect trace.dat              what the capture holds, and what it lacks
  tidemark diagnose trace.dat             the cause, its evidence and what to do
  tidemark stalls trace.dat               who waited, where and for how long
  tidemark report trace.dat -o stall.html what stalled, as one page to share
  tidemark watch /var/captures            a report beside each capture that appears
  tidemark replay trace.dat               the model against what the kernel recorded
  tidemark compare trace.dat --system fuse-temp-pages --system fuse-in-place
                                          one history under two systems
  tidemark tables trace.dat --event balance_dirty_pages > pauses.csv
`;
const INPUTS = [
  'FILE is a trace.dat, perf.data, ftrace or perf script text, also packed (gzip, zstd, xz, ' +
    'bzip2), or - for standard input. Samples (vmstat.csv) and meta.json beside it are used by ' +
    'themselves. It may be a folder or a tar that holds all of them; of several traces name one: ' +
    'FOLDER/TRACE or TAR!TRACE.',
  'Exit codes: 0 done; 1 found what --fail-on names; 2 wrong request or unreadable input; ' +
    '3 a fault of Tidemark.',
];

/** Runs one command line and returns the exit code; never throws. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  try {
    await createProgram(io).parseAsync([...args], { from: 'user' });
    return EXIT_OK;
  } catch (error) {
    if (error instanceof FailOn) return EXIT_FAIL_ON;
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_WRONG_INPUT;
    if (error instanceof UsageError || error instanceof FormatError) {
      io.err(`tidemark: ${error.message}\n`);
      return EXIT_WRONG_INPUT;
    }
    // Not 1, which scripts take for what --fail-on names.
    const trail = error instanceof Error ? error.stack : undefined;
    io.err(`tidemark: internal error, please report it: ${trail ?? error}\n`);
    return EXIT_FAULT;
  }
}

function createProgram(io: Io): Command {
  const columns = screenColumns(io);
  const program = new Command('tidemark');
  program
    .description(
      'Reads captured writeback traces, checks them against the kernel, says what stalled.',
    )
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .addHelpText(
      'after',
      `\n${EXAMPLES}\n${INPUTS.flatMap((text) => wrap(text, columns)).join('\n')}`,
    )
    .showHelpAfterError('(tidemark --help lists commands and options)')
    .configureOutput({
      writeOut: (text) => void io.out(text),
      writeErr: (text) => io.err(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'tidemark: ')),
      getOutHelpWidth: () => columns,
      getErrHelpWidth: () => columns,
    })
    .exitOverride();

  addReading(program, io);
  addJudging(program, io);
  addModelling(program, io);
  addSharing(program, io);
  addWatching(program, io);
  for (const command of program.commands) {
    command.showHelpAfterError(`(tidemark ${command.name()} --help lists its options)`);
  }
  return program;
}

/** What a capture holds. */
function addReading(program: Command, io: Io): void {
  withInput(program.command('inspect'), 'what a capture holds: format, clock, events, losses')
    .option('--json', 'machine-readable output')
    .action(async (file: string, options: unknown) => {
      const { inspect } = await import('./commands/inspect.ts');
      await inspect(file, options, io);
    });
  withInput(program.command('tables'), 'print the events of one kind, or list the kinds')
    .option('--event <name>', 'which event; without it, the tables are listed')
    .option('--csv', 'comma-separated values (the default)')
    .option('--json', 'an array of objects; 64-bit identities are strings')
    .action(async (file: string, options: unknown) => {
      const { tables } = await import('./commands/tables.ts');
      await tables(file, options, io);
    });
}

/** What stalled, and why. */
function addJudging(program: Command, io: Io): void {
  withInput(
    program.command('diagnose'),
    'name the cause: who waited, what is behind it, what to do',
  )
    .option('--json', 'machine-readable output')
    .option('--markdown', 'for a postmortem document')
    .option(
      '--fail-on <severity>',
      'exit code 1 from this severity on: info, notice, warning, critical',
    )
    .option('--config <file>', 'causes switched off and thresholds (tidemark.config.json)')
    .action(async (file: string, options: unknown) => {
      const { diagnose } = await import('./commands/diagnose.ts');
      if (await diagnose(file, options, io)) throw new FailOn();
    });
  withInput(program.command('stalls'), 'who waited, where, on which device, for how long')
    .option('--json', 'machine-readable output')
    .option('--place <place>', 'only waits in this place, e.g. dirty-throttling or sync')
    .option('--task <task>', 'only waits of this pid, or of tasks of this name')
    .option('--bdi <bdi>', 'only waits on this bdi or device, e.g. 7:0')
    .option('--limit <number>', 'list so many tasks and episodes (6; 1000 with --json)')
    .action(async (file: string, options: unknown) => {
      const { stalls } = await import('./commands/stalls.ts');
      await stalls(file, options, io);
    });
}

/** The model against the record, and against other systems. */
function addModelling(program: Command, io: Io): void {
  withInput(program.command('replay'), 'compare what the model predicts with what was recorded')
    .option('--json', 'machine-readable output')
    .action(async (file: string, options: unknown) => {
      const { replay } = await import('./commands/replay.ts');
      await replay(file, options, io);
    });
  withInput(program.command('compare'), 'one history under two systems: counters, throttling, I/O')
    .option('--system <id>', 'a system, given twice (see tidemark systems)', collect)
    .option('--set <name=value>', 'a switch, for one system as 1:NAME=VALUE or ID:…', collect)
    .option('--json', 'machine-readable output')
    .option('-o, --output <file>', 'also write a page with both systems on one axis')
    .action(async (file: string, options: unknown) => {
      const { compare } = await import('./commands/compare.ts');
      await compare(file, options, io);
    });
  program
    .command('systems')
    .description('list the systems that compare knows; of NAME what it models and what it does not')
    .argument('[name]', 'one of them, in full')
    .option('--json', 'machine-readable output')
    .action(async (name: string | undefined, options: unknown) => {
      const { systems } = await import('./commands/systems.ts');
      systems(name, options, io);
    });
}

/** Pages for others. */
function addSharing(program: Command, io: Io): void {
  withInput(program.command('report'), 'write one self-contained HTML page')
    .argument('[other]', 'a capture made after a change: the page compares the two')
    .option('-o, --output <file>', 'where the page goes', 'report.html')
    .option('--json <file>', 'also write the report as JSON')
    .option('--markdown <file>', 'also write it as Markdown, with the charts in a folder beside it')
    .option('--svg <folder>', 'also write each chart as SVG')
    .option('--png <folder>', 'also write each chart as PNG')
    .option('--against <file>', 'compare with a capture made before')
    .option('--align <how>', 'lay both on each other at workload, start or BEFORE_S,AFTER_S')
    .option('--window <from,to>', 'charts and lists show these seconds of the capture only')
    .option('--title <text>', 'a title above the verdict')
    .option('--note <text>', 'a note below the verdict')
    .option('--redact', 'replace names of tasks, cgroups, devices and inodes')
    .option('--config <file>', 'causes switched off and thresholds (tidemark.config.json)')
    .action(async (file: string, other: string | undefined, options: object) => {
      const { report } = await import('./commands/report.ts');
      await report(file, other === undefined ? options : { ...options, other }, io);
    });
}

/** A page for those at this machine. */
function addWatching(program: Command, io: Io): void {
  program
    .command('watch')
    .description('a report beside each capture that appears in a folder, and a local page of them')
    .argument('<folder>', 'where captures appear: files, and folders that hold one each')
    .option('--port <number>', 'of the page, on 127.0.0.1 only; 0 for any free one', '8377')
    .option('--every <seconds>', 'how often to look', '2')
    .option('--once', 'report what is there and lacks its report, then stop; no page')
    .option('-o, --output <folder>', 'where reports go, if not beside their captures')
    .option('--redact', 'replace names of tasks, cgroups, devices and inodes')
    .option('--quiet', 'no progress and no notes on standard error')
    .action(async (folder: string, options: unknown) => {
      const { watch } = await import('./commands/watch.ts');
      await watch(folder, options, io);
    });
}

/** For options that may be given several times. */
function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** The argument and the options that all commands share. */
function withInput(command: Command, description: string): Command {
  return command
    .description(description)
    .argument('<file>', 'the capture: a file, folder or tar, or - for standard input')
    .option('--vmstat <file>', 'counter samples (CSV), if not found beside the capture')
    .option('--meta <file>', 'facts about the machine (JSON), if not found beside the capture')
    .option('--clock-offset <seconds>', 'add this to the times of the samples')
    .option('--max-unpacked <size>', 'allow packed input to become so large (4G; 512M, 16G, …)')
    .option('--quiet', 'no progress and no notes on standard error');
}
