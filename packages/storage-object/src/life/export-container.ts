import { errnoName, type BlockDevice } from '@lunbox/block';
import { ContainerError } from '../container-error.ts';
import { exists } from '../files.ts';
import { ioError } from '../io-error.ts';
import { releaseContainer, reserveContainer, type ReservedContainer } from '../open-container.ts';
import type { StorageObjectSeams } from '../seams.ts';
import { makeWhole } from '../whole-file.ts';
import { copyFromDevice } from './copy-device.ts';
import { copyStored, type CopyOutcome, type OnCopyProgress } from './copy-stored.ts';

/** Options of {@link exportContainer}. */
export interface ExportOptions extends StorageObjectSeams {
  readonly onProgress?: OnCopyProgress;
}

/**
 * Writes the disk of a container that nobody writes as a raw image, with its holes, whole or not at all: it gets its
 * name, which must be free, when it is durable. Its blocks share the space of the container where the file system can
 * do that, and are copied from a disk of several parts; answers what was shared and what was copied. Changes nothing in
 * the container. Throws what `StorageObject.open` throws, and `CONTAINER_EXISTS`.
 */
export async function exportContainer(
  path: string,
  imagePath: string,
  options: ExportOptions = {},
): Promise<CopyOutcome> {
  const reserved = await reserveContainer(path, { ...options, readOnly: true });
  try {
    // For reading only, so that nothing is written for it.
    const device = await reserved.combination?.begin({});
    return await writeImage(reserved, device, imagePath, options.onProgress);
  } finally {
    await releaseContainer(reserved);
  }
}

async function writeImage(
  { file, current, seams }: ReservedContainer,
  device: BlockDevice | undefined,
  imagePath: string,
  onProgress: OnCopyProgress | undefined,
): Promise<CopyOutcome> {
  const { dataOffset, capacityBytes } = current.header;
  let outcome: CopyOutcome = { sharedBytes: 0, copiedBytes: 0 };
  try {
    if (await exists(seams.disk, imagePath)) throw existsError(imagePath);
    await makeWhole(seams, imagePath, async (draft) => {
      await draft.truncate(capacityBytes);
      const [source, target] = [
        { file, offset: dataOffset },
        { file: draft, offset: 0 },
      ];
      if (device) outcome = await copyFromDevice(device, draft, onProgress);
      else outcome = await copyStored(source, target, capacityBytes, onProgress);
      await draft.sync();
    });
    return outcome;
  } catch (error) {
    throw errnoName(error) === 'EEXIST' ? existsError(imagePath) : ioError('write', imagePath, error);
  }
}

function existsError(path: string): ContainerError {
  return new ContainerError('CONTAINER_EXISTS', `${path} exists already; choose another name`, { path });
}
