import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { memorySource, readBytes } from '../../parsers/bytes/source.ts';
import { isTar, listTar } from '../../parsers/bytes/tar.ts';
import { FormatError } from '../../src/trace/errors.ts';
import { makeTar, paxRecord, tarHeader, withChecksum } from '../helpers/tar.ts';

const list = (bytes: Uint8Array) => listTar(memorySource('a.tar', bytes));
const pathsOf = (bytes: Uint8Array) => list(bytes).entries.map(({ path }) => path);

describe('what is in an archive', () => {
  test('files with their places; folders and links are none', () => {
    const tar = makeTar([
      { path: './cap/', type: '5' },
      { path: './cap/trace.dat', content: 'abc' },
      { path: 'cap/link', type: '2', size: 700 },
      { path: 'cap/vmstat.csv', content: 'x'.repeat(600), type: '7' },
    ]);
    expect(isTar(tar)).toBe(true);
    const { entries, damage } = list(tar);
    expect(damage).toBeUndefined();
    expect(entries.map(({ path, size }) => [path, size])).toEqual([
      ['cap/trace.dat', 3],
      ['cap/vmstat.csv', 600],
    ]);
    const [first] = entries;
    expect(tar.subarray(first?.offset, (first?.offset ?? 0) + 3).toString()).toBe('abc');
  });

  test('long names of GNU and of pax, sizes of pax', () => {
    const long = `${'d/'.repeat(80)}trace.dat`;
    const gnu = makeTar([
      { path: '././@LongLink', type: 'L', content: `${long}\0` },
      { path: long.slice(0, 99), content: 'a' },
      { path: 'b', content: 'b' },
    ]);
    expect(pathsOf(gnu)).toEqual([long, 'b']);
    const records =
      paxRecord('path', 'ä/näme.dat') + paxRecord('mtime', '1.5') + paxRecord('size', '5');
    const pax = makeTar([
      { path: 'x', type: 'x', content: records },
      { path: 'short', size: 0, content: 'hello' },
      { path: 'c' },
    ]);
    expect(list(pax).entries.map(({ path, size }) => [path, size])).toEqual([
      ['ä/näme.dat', 5],
      ['c', 0],
    ]);
    const prefixed = tarHeader({ path: 'name' });
    prefixed.write('pre/fix', 345);
    expect(pathsOf(Buffer.concat([withChecksum(prefixed), Buffer.alloc(1024)]))).toEqual([
      'pre/fix/name',
    ]);
  });

  test.each(['gnu', 'ustar', 'posix'])('as the tar program writes it: %s', (format) => {
    const folder = mkdtempSync(join(tmpdir(), 'tidemark-tar-'));
    const deep = format === 'ustar' ? 'x'.repeat(90) : 'x'.repeat(180);
    mkdirSync(join(folder, deep));
    writeFileSync(join(folder, deep, 'a.dat'), 'content of a');
    writeFileSync(join(folder, 'b'), Buffer.alloc(3000, 7));
    const tar = execFileSync('tar', [`--format=${format}`, '-cf', '-', '-C', folder, '.'], {
      maxBuffer: 1 << 26,
    });
    rmSync(folder, { recursive: true });
    const source = memorySource('t', tar);
    const found = Object.fromEntries(
      listTar(source).entries.map(({ path, offset, size }) => [
        path,
        Buffer.from(readBytes(source, offset, size)).toString(),
      ]),
    );
    expect(found).toEqual({ [`${deep}/a.dat`]: 'content of a', b: '\x07'.repeat(3000) });
  });
});

describe('hostile and damaged archives', () => {
  const good = makeTar([
    { path: 'a', content: 'A'.repeat(1000) },
    { path: 'b', content: 'B' },
  ]);

  test('names that climb are only names', () => {
    expect(
      pathsOf(
        makeTar([
          { path: '../../etc/passwd', content: 'x' },
          { path: '/abs', content: 'x' },
        ]),
      ),
    ).toEqual(['../../etc/passwd', 'abs']);
  });

  test('what does not begin like one is none', () => {
    expect(isTar(good.subarray(0, 511))).toBe(false);
    expect(isTar(Buffer.alloc(512))).toBe(false);
    const wrong = Buffer.from(good);
    wrong[0] = 0x62;
    expect(isTar(wrong)).toBe(false);
    expect(isTar(readFileSync('package.json'))).toBe(false);
  });

  test('cut at every block and between', () => {
    for (let length = 0; length < good.length - 1024; length += 100) {
      const { entries, damage } = list(good.subarray(0, length));
      expect(damage).toBe('unexpected end of file');
      expect(entries.length).toBe(length >= 2048 ? 2 : length >= 512 ? 1 : 0);
    }
  });

  test('a header that is none ends the list', () => {
    const wrong = Buffer.from(good);
    wrong[512 + 1024 + 5] = 99;
    expect(list(wrong)).toMatchObject({
      entries: [{ path: 'a' }],
      damage: 'no tar header at byte 1536, where one should be',
    });
  });

  test('sizes beyond the end and beyond numbers', () => {
    const large = makeTar([{ path: 'a', size: 8 ** 11 - 1, content: 'x' }]);
    expect(list(large)).toMatchObject({
      entries: [{ size: 8 ** 11 - 1 }],
      damage: 'unexpected end of file',
    });
    for (const size of [
      '80000000000000000000ffff',
      'ffffffffffffffffffffffff',
      '39393939393939393939',
    ]) {
      const header = tarHeader({ path: 'a' });
      header.fill(0, 124, 136);
      header.write(size, 124, 'hex');
      const { entries, damage } = list(Buffer.concat([withChecksum(header), Buffer.alloc(2048)]));
      expect(damage === undefined ? entries[0]?.size : damage).toBeDefined();
    }
  });

  test.each([
    ['27'],
    ['0 path=x\n'],
    ['-5 path=x\n'],
    ['99999999999999999999 path=x\n'],
    ['1e3 path=x\n'],
    ['5 a\n\n'],
    [' path=x\n'],
    [paxRecord('size', '-1')],
  ])('pax records %j', (records) => {
    expect(
      pathsOf(
        makeTar([
          { path: 'p', type: 'x', content: records },
          { path: 'real', content: '1' },
        ]),
      ),
    ).toHaveLength(1);
  });

  test('too many entries are refused', () => {
    const header = tarHeader({ path: 'a' });
    const many = Buffer.alloc(512 * 100_002);
    for (let at = 0; at < many.length; at += 512) header.copy(many, at);
    expect(() => list(many)).toThrow(FormatError);
  });
});
