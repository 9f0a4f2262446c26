import { openFileDevice, realDisk } from '@lunbox/block';
import { protectionAreaBytes, ProtectedDevice, ProtectionAreaError, type ProtectionType } from '@lunbox/scsi';
import {
  CAPACITY_LIMIT_BYTES,
  ContainerError,
  type ContainerInfo,
  type NewProtection,
  type StorageObject,
} from '@lunbox/storage-object';

/** The area is a hole of the file until it is used, so there is room for a disk that grows. */
const GROWTH_FACTOR = 4;
const SMALLEST_ROOM_BYTES = 2 ** 30;

/** What a new container needs for protection information of its blocks: its disk is formatted with this type. */
export function newProtection(sizeBytes: number, blockSize: number, type: ProtectionType): NewProtection {
  const roomBytes = Math.max(SMALLEST_ROOM_BYTES, sizeBytes * GROWTH_FACTOR);
  return {
    areaBytes: protectionAreaBytes(Math.min(CAPACITY_LIMIT_BYTES, roomBytes), blockSize),
    format: async (parts) => {
      const device = await ProtectedDevice.create({ ...parts, areaIsZero: true }, type);
      await device.close();
    },
  };
}

/**
 * The disk of an object with its protection information; undefined where the container has no room for any. Whoever
 * closes the object closes this before. Throws a `ContainerError` `CONTAINER_CORRUPT`, or what reading throws.
 */
export async function openProtected(object: StorageObject): Promise<ProtectedDevice | undefined> {
  const { protection, path } = object;
  if (protection === undefined) return undefined;
  try {
    return await ProtectedDevice.open(protection);
  } catch (error) {
    throw asCorrupt(path, error);
  }
}

/**
 * What the disk in a container is formatted with: 0 is no protection information yet, undefined no room for it. Throws
 * as {@link openProtected} does.
 */
export async function readProtectionType(info: ContainerInfo): Promise<ProtectionType | undefined> {
  const { path, protection, blockSize, dataOffset, capacityBytes, birthIdentity } = info;
  if (protection === undefined) return undefined;
  const common = { disk: realDisk, path, readOnly: true };
  const data = await openFileDevice({ ...common, dataOffset, size: capacityBytes, blockSize });
  try {
    const area = await openFileDevice({
      ...common,
      dataOffset: protection.offset,
      size: protection.lengthBytes,
    });
    const identity = Buffer.from(birthIdentity.replaceAll('-', ''), 'hex');
    try {
      return await ProtectedDevice.typeOf({ data, area, identity });
    } finally {
      await area.close();
    }
  } catch (error) {
    throw asCorrupt(path, error);
  } finally {
    await data.close();
  }
}

function asCorrupt(path: string, error: unknown): unknown {
  if (!(error instanceof ProtectionAreaError)) return error;
  return new ContainerError('CONTAINER_CORRUPT', `${path}: ${error.message}`, { path, cause: error });
}
