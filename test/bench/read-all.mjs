/** What a library user does: reads a capture to tables with all of their columns. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const dist = join(fileURLToPath(new URL('../..', import.meta.url)), 'dist');
const { openTrace } = await import(join(dist, 'parsers/index.js'));

const { meta, tables } = await openTrace(process.argv[2]);
let bytes = 0;
for (const { columns } of tables.values()) {
  for (const column of Object.values(columns)) {
    // Names of tasks are made from pids when they are asked for: memory that is not kept.
    if (column.rows !== undefined) continue;
    bytes += (column.kind === 'text' ? column.codes : column.values).byteLength;
  }
}
const events = meta.events.reduce((sum, { count }) => sum + count, 0);
process.stdout.write(JSON.stringify({ events, bytes }));
