import { errnoName, realDisk } from '@lunbox/block';
import {
  importImage,
  readContainerInfo,
  StorageObject,
  type ContainerInfo,
  type CopyOutcome,
} from '@lunbox/storage-object';
import { dirname } from 'node:path';
import { ServerError } from '../server-error.ts';
import { converted, formatOf, virtualSize } from './foreign-image.ts';
import { layoutFromFlags, type LayoutFlags } from './layout-argument.ts';
import { progressLine } from './progress-line.ts';

/** Flags of `lunbox import`. */
export interface ImportFlags extends LayoutFlags {
  readonly format?: string;
  readonly blockSize: string;
  readonly preallocate?: boolean;
  readonly deleteOriginal?: boolean;
  readonly overwriteVolumes?: boolean;
}

/** What has become of an image. */
export interface ImportedDisk {
  readonly info: ContainerInfo;
  /** What of it was shared, and what was copied. */
  readonly outcome: CopyOutcome;
}

/** `lunbox import`: makes a disk of an image, and describes it. */
export async function importDisk(imagePath: string, path: string, flags: ImportFlags): Promise<ImportedDisk> {
  const format = formatOf(imagePath, flags.format);
  if (format === 'raw') {
    const outcome = await importRaw(imagePath, path, flags);
    return { info: await readContainerInfo(path), outcome };
  }
  if (layoutFromFlags(path, flags) !== undefined) throw rawOnly(imagePath, format);
  await convert(imagePath, path, format, flags);
  const info = await readContainerInfo(path);
  return { info, outcome: { sharedBytes: 0, copiedBytes: info.usedBytes } };
}

function importRaw(imagePath: string, path: string, flags: ImportFlags): Promise<CopyOutcome> {
  const layout = layoutFromFlags(path, flags);
  return importImage(imagePath, path, {
    ...(layout === undefined ? {} : { layout }),
    overwriteVolumes: flags.overwriteVolumes === true,
    blockSize: Number(flags.blockSize),
    preallocate: flags.preallocate === true,
    original: flags.deleteOriginal === true ? 'delete' : 'keep',
    onProgress: progressLine(path),
  });
}

function rawOnly(imagePath: string, format: string): ServerError {
  const message =
    `${imagePath} is a ${format} image, of which a disk of several parts cannot be made at once;` +
    ` make a raw one of it first: qemu-img convert -O raw`;
  return new ServerError('SERVER_BAD_IMAGE', message);
}

async function convert(imagePath: string, path: string, format: string, flags: ImportFlags): Promise<void> {
  const blockSize = Number(flags.blockSize);
  const sizeBytes = Math.ceil((await virtualSize(imagePath, format)) / blockSize) * blockSize;
  const object = await StorageObject.create(path, {
    sizeBytes,
    blockSize,
    preallocate: flags.preallocate === true,
    content: converted(imagePath, format, sizeBytes, progressLine(path)),
  });
  await object.close();
  if (flags.deleteOriginal !== true) return;
  try {
    await realDisk.unlink(imagePath);
    await realDisk.syncDirectory(dirname(imagePath));
  } catch (cause) {
    const message = `${path} is complete, but ${imagePath} cannot be deleted: ${errnoName(cause) ?? String(cause)}`;
    throw new ServerError('SERVER_BAD_IMAGE', message, { cause });
  }
}
