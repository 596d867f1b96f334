import { describe, expect, test } from 'vitest';
import { parseEventFormat } from '../../parsers/decode/event-format.ts';

const field = (declaration: string, size = 4, signed = 0, offset = 8) =>
  `\tfield:${declaration};\toffset:${offset};\tsize:${size};\tsigned:${signed};`;
const format = (...lines: string[]) =>
  [
    'name: sample',
    'ID: 42',
    'format:',
    field('unsigned short common_type', 2, 0, 0),
    field('int common_pid', 4, 1, 4),
    '',
    ...lines,
    '',
    'print fmt: "%d", REC->x',
  ].join('\n');
const only = (line: string) => parseEventFormat(format(line), 'test')?.fields[0];

describe('field declarations', () => {
  test.each([
    [
      'unsigned long nr_dirty',
      8,
      0,
      { name: 'nr_dirty', shape: 'scalar', isText: false, signed: false },
    ],
    ['long pause', 8, 1, { name: 'pause', shape: 'scalar', signed: true }],
    ['const void * ip', 8, 0, { name: 'ip', shape: 'scalar' }],
    ['struct page *page', 8, 0, { name: 'page', shape: 'scalar' }],
    ['enum writeback_sync_modes mode', 4, 0, { name: 'mode', shape: 'scalar' }],
    ['char bdi[32]', 32, 0, { name: 'bdi', shape: 'string', isText: true, elementSize: 1 }],
    ['const char name[16]', 16, 0, { name: 'name', shape: 'string', isText: true }],
    ['char buf[]', 0, 0, { name: 'buf', shape: 'string', size: 0 }],
    [
      'unsigned long caller[8]',
      64,
      0,
      { name: 'caller', shape: 'array', isText: false, elementSize: 8 },
    ],
    ['u8 data[CDB_SIZE]', 12, 0, { name: 'data', shape: 'array', elementSize: 1 }],
    ['unsigned char cmd[6]', 6, 0, { name: 'cmd', shape: 'array', isText: false }],
    ['__data_loc char[] cgroup', 4, 1, { name: 'cgroup', shape: 'data_loc', isText: true }],
    ['__rel_loc char[] devname', 4, 1, { name: 'devname', shape: 'rel_loc', isText: true }],
    ['__data_loc unsigned long[] cpus', 4, 1, { name: 'cpus', shape: 'data_loc', isText: false }],
  ])('%s', (declaration, size, signed, expected) => {
    expect(only(field(declaration, size, signed))).toMatchObject(expected);
  });

  test('kernels before 2.6.32 print no `signed`', () => {
    expect(only('\tfield:int x;\toffset:8;\tsize:4;')).toMatchObject({ name: 'x', signed: false });
  });

  test.each([
    ['\tfield:int x;\toffset:65533;\tsize:4;\tsigned:1;'],
    ['\tfield:int x;\toffset:8;'],
    ['\tfield:__data_loc char[] x;\toffset:8;\tsize:8;\tsigned:1;'],
    [`\tfield:${' '.repeat(2000)}x;\toffset:8;\tsize:4;\tsigned:1;`],
  ])('a line that cannot be meant refuses the event: %.50s', (line) => {
    expect(parseEventFormat(format(line), 'test')).toBeUndefined();
  });
});

describe('the event', () => {
  test('has its own fields only, knows where the pid is and how short a record may be', () => {
    const parsed = parseEventFormat(
      format(field('u64 a', 8, 0, 8), field('u8 b', 1, 0, 16)),
      'test',
    );
    expect(parsed).toMatchObject({
      id: 42,
      name: 'sample',
      system: 'test',
      minSize: 17,
      printFormat: '"%d", REC->x',
    });
    expect(parsed?.fields.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(parsed?.pid?.offset).toBe(4);
  });

  test('a field of no size runs to the end of the record', () => {
    const line = (declaration: string) =>
      `\tfield:${declaration};\toffset:16;\tsize:0;\tsigned:0;\n`;
    const shapeOf = (declaration: string) =>
      parseEventFormat(`name: x\nID: 1\n${line(declaration)}`, 'ftrace')?.fields[0];
    expect(shapeOf('char buf')).toMatchObject({ name: 'buf', shape: 'string', isText: true });
    expect(shapeOf('char buf[]')).toMatchObject({ name: 'buf', shape: 'string', isText: true });
    expect(shapeOf('u32 buf')).toMatchObject({ name: 'buf', shape: 'array', isText: false });
  });

  test('a print format may span lines', () => {
    expect(parseEventFormat(`${format()},\n "more"`, 'x')?.printFormat).toBe(
      '"%d", REC->x,\n "more"',
    );
  });

  test.each(['', 'name: x\n', 'ID: 3\n', 'name: x\nID: 65536\n', 'name: x\nID: -1\n'])(
    '%j is none',
    (text) => {
      expect(parseEventFormat(text, 'test')).toBeUndefined();
    },
  );
});
