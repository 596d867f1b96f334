/** sched:* (include/trace/events/sched.h): who ran and who slept. */
import { defineEvent, type EventDefinition, int, names, text } from './define.ts';

export const SCHED_EVENTS: readonly EventDefinition[] = [
  // prev_comm=%s prev_pid=%d prev_prio=%d prev_state=%s ==> next_comm=%s next_pid=%d next_prio=%d
  defineEvent('sched', 'sched_switch', {
    prev_comm: text('prev_comm', { optional: true }),
    prev_pid: int('prev_pid'),
    prev_prio: int('prev_prio', { optional: true }),
    prev_state: names('prev_state'),
    next_comm: text('next_comm', { optional: true }),
    next_pid: int('next_pid'),
    next_prio: int('next_prio', { optional: true }),
  }),
];
