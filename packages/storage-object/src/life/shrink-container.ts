import { adopt } from '../adoption.ts';
import { isWritten } from '../check/data-scan.ts';
import { writeCleanStamp } from '../clean-stamp.ts';
import { ContainerError } from '../container-error.ts';
import { checkCapacity } from '../create-container.ts';
import { stampOf } from '../file-stamp.ts';
import { KNOWN_AUTOCLEAR_FEATURES } from '../header.ts';
import { ioError } from '../io-error.ts';
import {
  openedBy,
  releaseContainer,
  reserveContainer,
  type OpenOptions,
  type ReservedContainer,
} from '../open-container.ts';
import { protectionPlace } from '../protection-region.ts';
import { isCombined, writeNextHeader } from '../twin-headers.ts';

/** Options of {@link shrinkContainer}. */
export interface ShrinkOptions extends Omit<OpenOptions, 'readOnly'> {
  /** Cuts off blocks that hold something, too. */
  readonly discardData?: boolean;
}

/**
 * Makes a disk that nobody has open smaller. After a crash it has the old size or the new one. Throws what
 * `StorageObject.open` throws, `CONTAINER_BAD_SIZE`, and `CONTAINER_NOT_EMPTY` when a block that would go holds
 * something; then nothing was changed.
 */
export async function shrinkContainer(
  path: string,
  sizeBytes: number,
  options: ShrinkOptions = {},
): Promise<void> {
  const reserved = await reserveContainer(path, { ...options, readOnly: false });
  try {
    await checkShrink(reserved, sizeBytes, options.discardData === true);
    await shrink(reserved, sizeBytes);
  } catch (error) {
    throw ioError('resize', path, error);
  } finally {
    await releaseContainer(reserved);
  }
}

async function checkShrink(
  { path, file, current }: ReservedContainer,
  sizeBytes: number,
  discardData: boolean,
): Promise<void> {
  const { capacityBytes, blockSize, dataOffset } = current.header;
  checkCapacity(path, sizeBytes, blockSize);
  if (sizeBytes > capacityBytes) {
    const message = `${path} has ${capacityBytes} bytes: ${sizeBytes} would make it larger`;
    throw new ContainerError('CONTAINER_BAD_SIZE', message, { path });
  }
  if (isCombined(current.header)) {
    const message = `${path} is made of several parts and keeps its size`;
    throw new ContainerError('CONTAINER_BAD_SIZE', message, { path });
  }
  // What the information says of blocks that go would be wrong for those that come when it grows again.
  if (protectionPlace(current.header) !== undefined) {
    const message = `${path} keeps protection information of its blocks and cannot be made smaller`;
    throw new ContainerError('CONTAINER_BAD_SIZE', message, { path });
  }
  const cutBytes = capacityBytes - sizeBytes;
  if (discardData || !(await isWritten(file, dataOffset + sizeBytes, cutBytes))) return;
  const message = `the last ${cutBytes} bytes of ${path} hold data, which would be lost`;
  throw new ContainerError('CONTAINER_NOT_EMPTY', message, { path });
}

/** The headers come first: one that told of more than the file has would be taken for a damaged file. */
async function shrink(reserved: ReservedContainer, sizeBytes: number): Promise<void> {
  const { file, current, continuity, policy, status, seams } = reserved;
  const { dataOffset, features } = current.header;
  const smaller = await writeNextHeader(file, current, {
    ...(await openedBy(seams)),
    ...adopt(current.header, continuity, policy, seams.random),
    stamp: stampOf(status),
    features: { ...features, autoclear: features.autoclear & KNOWN_AUTOCLEAR_FEATURES },
    capacityBytes: sizeBytes,
  });
  // Its twin, too: it stands in when this one is damaged.
  const both = await writeNextHeader(file, smaller, {});
  await file.truncate(dataOffset + sizeBytes);
  await file.sync();
  await writeCleanStamp(file, both, Math.floor(seams.clock.unixMs()));
}
