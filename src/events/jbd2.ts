/**
 * jbd2:* (include/trace/events/jbd2.h): the journal of ext4 and ocfs2. The line above each
 * definition is what the kernel prints.
 */
import { count, defineEvent, dev, type EventDefinition, int } from './define.ts';

const device = () => dev('dev', { text: ['dev '] });
const transaction = (field = 'transaction') =>
  count('count', field, { text: [`${field} `], optional: true });

// dev %d,%d transaction %u sync %d           (jbd2_end_commit also head %u; %d until 6.5)
const commit = {
  dev: device(),
  transaction: transaction(),
  sync_commit: int('sync_commit', { text: ['sync '], optional: true }),
  head: count('count', 'head', { text: ['head '], optional: true }),
};

// In records these are ticks of the kernel's clock; its own text shows them as milliseconds.
const ticks = (field: string) => count('jiffies', field, { text: [`${field} `], optional: true });

export const JBD2_EVENTS: readonly EventDefinition[] = [
  ...['start', 'end'].map((step) => defineEvent('jbd2', `jbd2_${step}_commit`, commit)),
  ...['locking', 'flushing', 'logging'].map((step) =>
    defineEvent('jbd2', `jbd2_commit_${step}`, commit),
  ),
  // dev %d,%d tid %u wait %u request_delay %u running %u locked %u flushing %u logging %u
  // handle_count %u blocks %u blocks_logged %u
  defineEvent('jbd2', 'jbd2_run_stats', {
    dev: device(),
    transaction: transaction('tid'),
    wait_jiffies: ticks('wait'),
    request_delay_jiffies: ticks('request_delay'),
    running_jiffies: ticks('running'),
    locked_jiffies: ticks('locked'),
    flushing_jiffies: ticks('flushing'),
    logging_jiffies: ticks('logging'),
    handle_count: count('count', 'handle_count', { text: ['handle_count '], optional: true }),
    blocks: count('count', 'blocks', { text: ['blocks '], optional: true }),
    blocks_logged: count('count', 'blocks_logged', { text: ['blocks_logged '], optional: true }),
  }),
  // dev %d,%d tid %u chp_time %u forced_to_close %u written %u dropped %u
  defineEvent('jbd2', 'jbd2_checkpoint_stats', {
    dev: device(),
    transaction: transaction('tid'),
    chp_time_jiffies: ticks('chp_time'),
    forced_to_close: count('count', 'forced_to_close', {
      text: ['forced_to_close '],
      optional: true,
    }),
    written: count('count', 'written', { text: ['written '], optional: true }),
    dropped: count('count', 'dropped', { text: ['dropped '], optional: true }),
  }),
  // dev %d,%d stall_ms %lu
  defineEvent('jbd2', 'jbd2_lock_buffer_stall', {
    dev: device(),
    stall_ms: count('ms', 'stall_ms', { text: ['stall_ms '] }),
  }),
];
