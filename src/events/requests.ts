/**
 * Requests to devices and to FUSE servers: include/trace/events/block.h, fs/fuse/fuse_trace.h. The
 * line above each definition is what the kernel prints.
 */
import { count, defineEvent, dev, type EventDefinition, id, int, names, text } from './define.ts';

// %d,%d %s %u (%s) %llu + %u %s,%u,%u [%s]   (bytes since 4.1, io priority since 6.11)
// Values follow each other without names, so they are told by their place.
const request = {
  dev: dev('dev', { text: [''] }),
  rwbs: text('rwbs', { text: [], place: /(?<=^\d+,\d+ )[A-Z]+(?= )/, optional: true }),
  request_bytes: count('bytes', 'bytes', {
    text: [],
    place: /(?<=^\d+,\d+ [A-Z]+ )\d+(?= \()/,
    optional: true,
  }),
  sector: count('sectors', 'sector', { text: [], place: /\d+(?= \+ \d)/ }),
  nr_sectors: count('sectors', 'nr_sector', { text: [' + '] }),
};
/** The task that queued it, which need not be the one that wrote the event. */
const issued = { ...request, issuer: text('comm', { text: ['['], optional: true }) };
const completed = {
  ...request,
  error: int(['error', 'errors'], { text: ['['], optional: true }),
};

const block = [
  ...['insert', 'issue'].map((step) => defineEvent('block', `block_rq_${step}`, issued)),
  // %d,%d %s (%s) %llu + %u %s,%u,%u [%d]
  ...['complete', 'requeue'].map((step) => defineEvent('block', `block_rq_${step}`, completed)),
  // %d,%d %s %llu + %u [%s]
  defineEvent('block', 'block_bio_queue', issued),
];

const request_id = {
  connection: id('connection', { text: ['connection '] }),
  unique: id('unique', { text: ['req '] }),
};
const fuse = [
  // connection %u req %llu opcode %u (%s) len %u
  defineEvent('fuse', 'fuse_request_send', {
    ...request_id,
    opcode: names('opcode', { text: ['opcode '] }),
    len_bytes: count('bytes', 'len', { text: ['len '], optional: true }),
  }),
  // connection %u req %llu len %u error %d
  defineEvent('fuse', 'fuse_request_end', {
    ...request_id,
    len_bytes: count('bytes', 'len', { text: ['len '], optional: true }),
    error: int('error', { text: ['error '], optional: true }),
  }),
];

export const REQUEST_EVENTS: readonly EventDefinition[] = [...block, ...fuse];
