import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, runOrThrow } from './processes.ts';

/** A real file system in a file, and what was put into it. */
export interface Ext4Image {
  readonly path: string;
  readonly sizeBytes: number;
  /** Contents by absolute name inside the file system. */
  readonly files: ReadonlyMap<string, Buffer>;
}

/** Makes an ext4 image with a few files: small, empty, larger than one extent's worth of blocks, in a directory. */
export async function makeExt4Image(directory: string, sizeMib: number): Promise<Ext4Image> {
  const files = new Map<string, Buffer>([
    ['/greeting.txt', Buffer.from('A disk in a file.\n')],
    ['/empty', Buffer.alloc(0)],
    ['/deep/er/pattern.bin', patterned(3 << 20)],
  ]);
  const source = join(directory, 'ext4-source');
  for (const [name, contents] of files) {
    const file = join(source, name);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, contents);
  }
  const path = join(directory, 'ext4.img');
  await runOrThrow('mkfs.ext4', ['-q', '-F', '-d', source, path, `${sizeMib}M`]);
  return { path, sizeBytes: sizeMib << 20, files };
}

/** Reads one file of an ext4 file system that starts at `offset` of `path`, without mounting it. */
export async function readExt4File(path: string, offset: number, name: string): Promise<Buffer> {
  const { stdout } = await run('debugfs', ['-R', `cat ${name}`, `${path}?offset=${offset}`]);
  return Buffer.from(stdout, 'latin1');
}

/** Bytes whose every 32-bit word tells its own place, so that a misplaced block cannot go unseen. */
function patterned(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at += 4) bytes.writeUInt32BE(at ^ 0x5bd1e995, at);
  return bytes;
}
