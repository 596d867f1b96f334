/** Lines that only some options of the tracer print, and what others put before all lines. */
import { expect, it } from 'vitest';
import { readText, rowsOf } from './ftrace-text-support.ts';

const event = (cpu: number, time: string) => `a-1 [00${cpu}] ${time}: foo: x`;

it.each(['> ', '[pod/tracer-x7/t] ', '12:', 'Nov 22 00:11:54 host cat[4]: ', '\ufeff'])(
  'headers and losses behind %j',
  (prefix) => {
    const lines = [
      '# tracer: nop',
      '# entries-in-buffer/entries-written: 2/102   #P:8',
      '#                                _-----=> irqs-off/BH-disabled',
      '#                              |||| /     delay',
      '#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION',
      '#              | |         |   |||||     |         |',
      event(0, '1.000000'),
      '##### CPU 1 buffer started ####',
      event(1, '2.000000'),
      'CPU:1 [LOST 12 EVENTS]',
      event(1, '3.000000'),
    ];
    const read = readText(lines.map((line) => prefix + line).join('\n'));
    expect(read.diagnostics).toEqual(readText(lines.join('\n')).diagnostics);
    expect(read.losses).toMatchObject([{ cpu: 1, count: 12 }]);
  },
);

it('stacks are events of their own, without the callers', () => {
  const callers = [' => vfs_write+0x12/0x340', ' =>  <00007ffb08ee9350>', '\t=> vfs_write'];
  const lines = [
    event(0, '1.000000'),
    'a-1 [000] d..1. 1.000001: <stack trace>',
    ...callers,
    'a-1 [000] d..1. 1.000002: <user stack trace>',
    ' => ??',
  ];
  const read = readText(lines.join('\n'));
  expect(read.meta.events.map(({ name, count }) => [name, count])).toEqual([
    ['foo', 1],
    ['kernel_stack', 1],
    ['user_stack', 1],
  ]);
  expect(read.diagnostics).toMatchObject([{ code: 'callers_left_out', count: 4 }]);
});

it('values as the trace option fields prints them are what they are', () => {
  const read = (said: string) =>
    rowsOf(readText(`a-1 [000] 1.000001: ${said}\n`).tables.values().next().value);
  const printed = read(
    'writeback_lazytime: dev 254,0 ino 7 dirtied 9 state I_DIRTY_SYNC|I_DIRTY_PAGES mode 0100644',
  );
  const fields = read(
    'writeback_lazytime: dev=0xfe00000 (266338304) ino=0x7 (7) state=0x50 (80) ' +
      'mode=0x81a4 (33188) dirtied_when=0x9 (9)',
  );
  expect(fields).toEqual(printed.map((row) => ({ ...row, state_bits: 0x50 })));
});
