import { adopt } from '../adoption.ts';
import { isWritten } from '../check/data-scan.ts';
import { writeCleanStamp } from '../clean-stamp.ts';
import { ContainerError } from '../container-error.ts';
import { letGo } from '../container-lock.ts';
import { checkCapacity } from '../create-container.ts';
import { stampOf } from '../file-stamp.ts';
import { KNOWN_AUTOCLEAR_FEATURES, type ContainerHeader } from '../header.ts';
import { ioError } from '../io-error.ts';
import type { Combination } from '../layout/combination.ts';
import type { LayoutNode } from '../layout/layout.ts';
import {
  beginContainer,
  openedBy,
  releaseContainer,
  reserveContainer,
  type OpenOptions,
  type OpenContainer,
  type ReservedContainer,
} from '../open-container.ts';
import { isDeviceWritten } from './copy-device.ts';
import { protectionPlace } from '../protection-region.ts';
import { writeNextHeader, type CurrentHeader } from '../twin-headers.ts';

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
  const { combination } = reserved;
  if (combination)
    return await shrinkCombined(reserved, combination, sizeBytes, options.discardData === true);
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
  checkSmaller(path, current.header, sizeBytes);
  const { capacityBytes, dataOffset } = current.header;
  // What the information says of blocks that go would be wrong for those that come when it grows again.
  if (protectionPlace(current.header) !== undefined) {
    const message = `${path} keeps protection information of its blocks and cannot be made smaller`;
    throw new ContainerError('CONTAINER_BAD_SIZE', message, { path });
  }
  const cutBytes = capacityBytes - sizeBytes;
  if (discardData || !(await isWritten(file, dataOffset + sizeBytes, cutBytes))) return;
  throw notEmptyError(path, cutBytes);
}

function checkSmaller(path: string, { capacityBytes, blockSize }: ContainerHeader, sizeBytes: number): void {
  checkCapacity(path, sizeBytes, blockSize);
  if (sizeBytes <= capacityBytes) return;
  const message = `${path} has ${capacityBytes} bytes: ${sizeBytes} would make it larger`;
  throw new ContainerError('CONTAINER_BAD_SIZE', message, { path });
}

function notEmptyError(path: string, cutBytes: number): ContainerError {
  const message = `the last ${cutBytes} bytes of ${path} hold data, which would be lost`;
  return new ContainerError('CONTAINER_NOT_EMPTY', message, { path });
}

/** The headers come first: one that told of more than the file has would be taken for a damaged file. */
async function shrink(reserved: ReservedContainer, sizeBytes: number): Promise<void> {
  const { file, current, continuity, policy, status, seams } = reserved;
  const { dataOffset } = current.header;
  const adopted = adopt(current.header, continuity, policy, seams.random);
  const features = adopted.features ?? current.header.features;
  const smaller = await writeNextHeader(file, current, {
    ...(await openedBy(seams)),
    ...adopted,
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

/**
 * A disk of several parts is smaller when its layout says so, in one header; then its files are cut. Those that a crash
 * leaves too long do no harm: what is behind their part of the disk is zeroed before it is used.
 */
async function shrinkCombined(
  reserved: ReservedContainer,
  combination: Combination,
  sizeBytes: number,
  discardData: boolean,
): Promise<void> {
  const { path, file, lock, seams } = reserved;
  try {
    checkSmaller(path, reserved.current.header, sizeBytes);
    const opened = await beginContainer(reserved);
    const layout = await smallerLayout(opened, combination, sizeBytes, discardData);
    const isRefused = layout instanceof ContainerError;
    const last = isRefused ? opened.current : await cutTo(opened, combination, layout, sizeBytes);
    await combination.close();
    await writeCleanStamp(file, last, Math.floor(seams.clock.unixMs()));
    if (isRefused) throw layout;
  } catch (error) {
    throw ioError('resize', path, error);
  } finally {
    await combination.release();
    await letGo(file, lock);
  }
}

/** What the parts are to be like, or why they stay as they are. */
async function smallerLayout(
  { path, device }: OpenContainer,
  combination: Combination,
  sizeBytes: number,
  discardData: boolean,
): Promise<LayoutNode | ContainerError> {
  const layout = combination.shrunk(sizeBytes);
  if (layout instanceof ContainerError || discardData) return layout;
  return (await isDeviceWritten(device, sizeBytes)) ? notEmptyError(path, device.size - sizeBytes) : layout;
}

async function cutTo(
  { file, device, current }: OpenContainer,
  combination: Combination,
  layout: LayoutNode,
  sizeBytes: number,
): Promise<CurrentHeader> {
  await device.flush();
  const attributes = { ...current.header.attributes, layout };
  const smaller = await writeNextHeader(file, current, { capacityBytes: sizeBytes, attributes });
  // Its twin, too: it stands in when this one is damaged.
  const both = await writeNextHeader(file, smaller, {});
  await combination.cut(layout);
  return both;
}
