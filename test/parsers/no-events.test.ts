/** Why a text holds no events, and what to do. */
import { expect, test } from 'vitest';
import { whatElse, whyNoEvents } from '../../parsers/no-events.ts';

test.each<[string, string[], RegExp | undefined]>([
  ['raw', ['10847 0 43089485463204 type: 1009', '10847 0 43089485489032 type: 1001'], /noraw/],
  ['raw, of the function tracer', ['77 1 43089485463204 ffffffff81234 ffffffff8100'], /noraw/],
  ['hex', ['00002a5f 00000000 000027308d797ea4 type: 1009', ''], /nohex/],
  ['bin', ['_*\0\0\0\0\0\0-$~y\0\0type: 1009', '_*\0\0\0\0\0\0-$~y\0\0type: 1001'], /nobin/],
  ['nocontext-info', ['some_event: bdi 254:0: ino=1', 'other_event: x=1'], /write context-info/],
  ['nocontext-info and raw', ['type: 1009', 'type: 1001'], /write context-info/],
  ['function_graph', [' 0)               |  vfs_write() {', ' 0)   1.234 us    |  }'], /nop/],
  ['with absolute times', ['  109.461216 |   0)   0.520 us    |  } /* x */'], /function_graph/],
  ['blk', ['dd-1   [000] d..1. 43666.541716: 254,0    Q  WS 106233856 + 4096 [dd]'], /tracer blk/],
  ['blk_classic', ['254,0    0 43666.536123335 24740  Q  RA 108330784 + 8 [bash]'], /tracer blk/],
  ['another tracer', ['R 4 13.211120 1 0xfe 0x0 0x0 0'], /the tracer hwlat writes/],
  [
    'perf without times',
    ['fio 21183 [001]    system:event: dirty=10'],
    /without times; perf script/,
  ],
  ['perf without tasks and times', ['   system:event: dirty=10'], /without times/],
  ['perf without names', ['fio 21183 [001] 7121.155421: bdi 254:0: ino=3'], /names of events/],
  ['perf without payloads', ['fio 21183 [001] 7121.155421: system:event: '], /what events say/],
  [
    'perf trace',
    ['     0.010 ( 0.003 ms): fio/1234 fsync(fd: 3)      = 0'],
    /perf record and perf scr/,
  ],
  ['perf trace of events', ['  0.010 fio/1234 system:event(name: "254:0")'], /of perf trace/],
  ['perf? no: trace-cmd without events', ['cpus=2', 'CPU 0 is empty'], /report printed none/],
  ['prose', ['This is a text.', 'It says: nothing.'], undefined],
  ['nothing', [], undefined],
])('%s', (name, lines, why) => {
  const tracer = name.startsWith('another') ? 'hwlat' : 'nop';
  const isKernels = !name.startsWith('perf') && why !== undefined;
  const text = [...(isKernels ? [`# tracer: ${tracer}`, '#'] : []), ...lines].join('\n');
  const told = whyNoEvents(Buffer.from(text, 'latin1'));
  if (why === undefined) expect(told).toBeUndefined();
  else expect(told).toMatch(why);
});

test.each<[string, string | undefined]>([
  ['PK\x03\x04\x14\0', 'is a zip archive, which is not read; unpack it, or use tar, gzip, zst'],
  ['7z\xbc\xaf\x27\x1c\0\x04', 'is a 7z archive'],
  ['\x04\x22\x4d\x18d@', 'is packed with lz4'],
  ['\x5d\0\0\x80\0\xff\xff\xff\xff\xff\xff\xff\xff', 'is packed with lzma'],
  ['070701002c', 'is a cpio archive'],
  ['PKware is a name', undefined],
  ['], and so on, in a text', undefined],
])('%j is told', (head, what) => {
  const told = whatElse(Buffer.from(head, 'latin1'));
  if (what === undefined) expect(told).toBeUndefined();
  else expect(told).toContain(what);
});
