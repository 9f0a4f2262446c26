import { ContainerError } from '../container-error.ts';
import { ioError } from '../io-error.ts';
import { writeNextHeader } from '../twin-headers.ts';
import type { LayoutPart } from './layout.ts';
import type { OpenPart } from './part.ts';

/** Throws `CONTAINER_BAD_SIZE` when a part cannot store so many bytes. */
export async function checkRoom({ leaf, path, file, current }: OpenPart, sizeBytes: number): Promise<void> {
  const { dataOffset } = current.header;
  if (!Number.isSafeInteger(dataOffset + sizeBytes)) throw noRoom(path, `${sizeBytes} bytes are too many`);
  if (leaf.kind === 'file') return;
  try {
    const roomBytes = (await file.status()).sizeBytes - dataOffset;
    if (roomBytes < sizeBytes) throw noRoom(path, `it has room for ${roomBytes} bytes of ${sizeBytes}`);
  } catch (error) {
    throw ioError('look at', path, error);
  }
}

/**
 * Makes a part, and its device, as large as `leaf` has it. What is new in a file reads as zeroes; of what is new on a
 * volume nothing is known. After a crash the part is as large as it was, or larger than its disk needs.
 */
export async function growPart(part: OpenPart, leaf: LayoutPart, nowMs: number): Promise<OpenPart> {
  const { path, file, current, device } = part;
  const { dataOffset, capacityBytes } = current.header;
  const sizeBytes = Math.max(capacityBytes, leaf.sizeBytes);
  try {
    // A device that has failed is left alone, and the header with it.
    await device.flush();
    if (leaf.kind === 'file' && sizeBytes > capacityBytes) {
      // Whatever somebody left behind the part must not show up in it.
      await file.truncate(dataOffset + capacityBytes);
      await file.truncate(dataOffset + sizeBytes);
    }
    // A header that outlives a crash must not tell of more than the file has.
    await file.sync();
    const grown = await writeNextHeader(file, current, { capacityBytes: sizeBytes, updatedAtMs: nowMs });
    if (leaf.sizeBytes > device.size) device.adoptSize(leaf.sizeBytes);
    return { ...part, leaf, current: grown };
  } catch (error) {
    // A sync that failed here may have lost writes of the disk, too.
    device.fault(error);
    throw ioError('resize', path, error);
  }
}

function noRoom(path: string, reason: string): ContainerError {
  return new ContainerError('CONTAINER_BAD_SIZE', `${path} cannot be made larger: ${reason}`, { path });
}
