import type { DiskFile, FileStatus } from '@lunbox/block';
import { dirname } from 'node:path';
import { takeByteLocks } from '../byte-locks.ts';
import { ContainerError } from '../container-error.ts';
import { createContainer, type NewContainer } from '../create-container.ts';
import { statusIfThere } from '../files.ts';
import { IDENTITY_BLOCK_BYTES } from '../format.ts';
import { hasContainerMagic } from '../identity-block.ts';
import { ioError } from '../io-error.ts';
import { completeSeams, type Seams, type StorageObjectSeams } from '../seams.ts';
import { copyToDevice } from './copy-device.ts';
import { copyStored, type CopyOutcome, type OnCopyProgress } from './copy-stored.ts';

/** Options of {@link importImage}; the size is that of the image. */
export interface ImportOptions
  extends
    StorageObjectSeams,
    Pick<NewContainer, 'blockSize' | 'attributes' | 'preallocate' | 'layout' | 'overwriteVolumes'> {
  /** What becomes of the image once the container is durable; without this it stays. */
  readonly original?: 'keep' | 'delete';
  readonly onProgress?: OnCopyProgress;
}

/**
 * Makes a container of a raw image. The blocks that the image stores are shared with it where the file system can
 * do that, and copied elsewhere; its holes stay holes, and a last block that is not whole is filled up with zeroes.
 * When `path` is that of the image, the container takes its place in one step; a disk of several parts cannot, and is
 * always a copy. Until the container is durable the image is as it was. Answers what was shared and what was copied.
 * Throws what `StorageObject.create` throws, `CONTAINER_LOCKED` when another program writes the image,
 * and `CONTAINER_BAD_SOURCE` when it is no raw image, or changes meanwhile.
 */
export async function importImage(
  imagePath: string,
  path: string,
  options: ImportOptions = {},
): Promise<CopyOutcome> {
  const seams = completeSeams(options);
  const { disk } = seams;
  let image: DiskFile | undefined;
  let outcome: CopyOutcome = { sharedBytes: 0, copiedBytes: 0 };
  const copied = (result: CopyOutcome): void => {
    outcome = result;
  };
  try {
    image = await disk.open(imagePath, 'read');
    const before = await checkImage(image, imagePath);
    const inPlace = await isSameFile(seams, before, path);
    if (inPlace && options.layout !== undefined) throw inPlaceError(path);
    const wanted = contentOf(image, before, options, copied);
    await createContainer(path, wanted, seams, inPlace ? 'replace' : 'free');
    if (options.original === 'delete' && !inPlace) {
      await disk.unlink(imagePath);
      await disk.syncDirectory(dirname(imagePath));
    }
    return outcome;
  } catch (error) {
    throw ioError('import', imagePath, error);
  } finally {
    await image?.close();
  }
}

async function checkImage(image: DiskFile, path: string): Promise<FileStatus> {
  const status = await image.status();
  if (status.kind !== 'file') throw badSource(path, 'is not a file');
  if (status.sizeBytes === 0) throw badSource(path, 'is empty');
  const start = Buffer.alloc(IDENTITY_BLOCK_BYTES);
  await image.read([start], 0);
  if (hasContainerMagic(start)) throw badSource(path, 'is a container already');
  if (takeByteLocks(image, 'read') !== 'held') return status;
  const message = `${path} is being written by another program (such as qemu); close it there first`;
  throw new ContainerError('CONTAINER_LOCKED', message, { path });
}

async function isSameFile({ disk }: Seams, image: FileStatus, path: string): Promise<boolean> {
  const found = await statusIfThere(disk, path);
  return found !== undefined && found.inode === image.inode && found.deviceId === image.deviceId;
}

function contentOf(
  image: DiskFile,
  before: FileStatus,
  options: ImportOptions,
  onCopied: (outcome: CopyOutcome) => void,
): NewContainer {
  const { blockSize = 512, attributes, preallocate = false, layout, overwriteVolumes, onProgress } = options;
  const { sizeBytes } = before;
  const source = { file: image, offset: 0 };
  const checkUnchanged = async (): Promise<void> => {
    const after = await image.status();
    if (after.sizeBytes === before.sizeBytes && after.mtimeNs === before.mtimeNs) return;
    throw badSource(image.path, 'was changed while it was imported');
  };
  const content: NewContainer['content'] = async (draft, dataOffset) => {
    onCopied(await copyStored(source, { file: draft, offset: dataOffset }, sizeBytes, onProgress));
    await checkUnchanged();
  };
  const fill: NewContainer['fill'] = async (device) => {
    onCopied(await copyToDevice(source, sizeBytes, device, onProgress));
    await checkUnchanged();
  };
  return {
    sizeBytes: Math.ceil(sizeBytes / blockSize) * blockSize,
    blockSize,
    preallocate,
    ...(attributes ? { attributes } : {}),
    ...(overwriteVolumes === undefined ? {} : { overwriteVolumes }),
    ...(layout ? { layout, fill } : { content }),
  };
}

function inPlaceError(path: string): ContainerError {
  const message = `a disk of several parts cannot take the place of ${path}, its image; give it another name`;
  return new ContainerError('CONTAINER_BAD_LAYOUT', message, { path });
}

function badSource(path: string, what: string): ContainerError {
  return new ContainerError('CONTAINER_BAD_SOURCE', `${path} ${what}`, { path });
}
