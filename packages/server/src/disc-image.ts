import {
  concat,
  MemoryDevice,
  openFileDevice,
  realDisk,
  type BlockDevice,
  type Disk as FileSystem,
} from '@lunbox/block';
import { CD_BLOCK_BYTES } from '@lunbox/scsi';
import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { ServerError } from './server-error.ts';

const IDENTITY_BYTES = 16;

/**
 * Opens any plain file as a disc, for reading only: blocks of 2048 bytes, of which zeroes fill up the last. Throws a
 * {@link ServerError} `SERVER_BAD_IMAGE`.
 */
export async function openDiscImage(path: string, disk: FileSystem = realDisk): Promise<BlockDevice> {
  try {
    const tail = await readTail(disk, path);
    const file = await openFileDevice({ disk, path, readOnly: true, blockSize: CD_BLOCK_BYTES });
    return await withTail(file, tail, path);
  } catch (error) {
    if (error instanceof ServerError) throw error;
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw new ServerError('SERVER_BAD_IMAGE', `cannot read the disc image ${path}: ${code}`, {
      cause: error,
    });
  }
}

async function withTail(file: BlockDevice, tail: Uint8Array, path: string): Promise<BlockDevice> {
  const last = new MemoryDevice({ size: CD_BLOCK_BYTES, blockSize: CD_BLOCK_BYTES });
  await last.write([tail], 0);
  if (file.size > 0) return tail.length === 0 ? file : concat([file, last]);
  await file.close();
  if (tail.length === 0) throw new ServerError('SERVER_BAD_IMAGE', `${path} is empty`);
  return last;
}

/** A drive is known by where its first disc image is: an image has no identity of its own. */
export function discIdentity(path: string): Uint8Array {
  return createHash('sha256')
    .update(`lunbox disc drive ${resolve(path)}`)
    .digest()
    .subarray(0, IDENTITY_BYTES);
}

/** What follows the last whole block of a file, filled up to a block; nothing where nothing does. */
async function readTail(disk: FileSystem, path: string): Promise<Uint8Array> {
  const file = await disk.open(path, 'read');
  try {
    const { sizeBytes } = await file.status();
    const length = sizeBytes % CD_BLOCK_BYTES;
    if (length === 0) return new Uint8Array(0);
    const block = new Uint8Array(CD_BLOCK_BYTES);
    await file.read([block.subarray(0, length)], sizeBytes - length);
    return block;
  } finally {
    await file.close();
  }
}
