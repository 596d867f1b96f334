/** Tar archives made in code: ustar headers with the fields that a test wants to be wrong. */

export type TarFile = {
  readonly path: string;
  readonly content?: Uint8Array | string;
  /** `0` file, `5` folder, `L` long name, `x` pax header, … */
  readonly type?: string;
  /** What the header claims; the content's own length if undefined. */
  readonly size?: number;
  readonly magic?: string;
};

export function tarHeader(file: TarFile): Buffer {
  const header = Buffer.alloc(512);
  const size = file.size ?? Buffer.from(file.content ?? '').length;
  header.write(file.path.slice(0, 100), 0);
  header.write('0000644\0', 100);
  header.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  header.write(file.type ?? '0', 156);
  header.write(file.magic ?? 'ustar\u000000', 257);
  return withChecksum(header);
}

export function withChecksum(header: Buffer): Buffer {
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

export function makeTar(files: readonly TarFile[]): Buffer {
  const parts = files.flatMap((file) => {
    const content = Buffer.from(file.content ?? '');
    return [tarHeader(file), content, Buffer.alloc((512 - (content.length % 512)) % 512)];
  });
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

/** `27 path=a/very/long/name\n`, the length counting itself. */
export function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const bytes = Buffer.byteLength(rest);
  let length = bytes;
  while (String(length).length + bytes !== length) length = String(length).length + bytes;
  return `${length}${rest}`;
}
