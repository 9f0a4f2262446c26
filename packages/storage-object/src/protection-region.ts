import { FileDevice, type BlockDevice, type DiskFile } from '@lunbox/block';
import { DATA_ALIGNMENT_BYTES, MAPS_OFFSET, RegionType } from './format.ts';
import { IncompatibleFeature, type ContainerHeader, type Region } from './header.ts';

/** What protection information is made from, and where it goes. The object knows nothing of its form. */
export interface ProtectedParts {
  /** The disk that is protected. */
  readonly data: BlockDevice;
  /** Where its protection information lies: bytes of the container in front of the disk, in blocks of 512. */
  readonly area: BlockDevice;
  /** The 16 bytes that the object was born with; a copy keeps them, whatever identity it gets. */
  readonly identity: Uint8Array;
}

/** Protection information of a container that is to be made. */
export interface NewProtection {
  /** Room for it, which is taken in whole MiB; the disk can grow as far as it reaches. */
  readonly areaBytes: number;
  /** Prepares the area, which reads as zeroes; called before the container has its name. */
  readonly format: (parts: ProtectedParts) => Promise<void>;
}

/** Where protection information lies within the file. */
export interface ProtectionPlace {
  /** Bytes from the start of the file. */
  readonly offset: number;
  readonly lengthBytes: number;
}

/** Blocks of the device that holds protection information: small ones, as a block of it stands for many of the disk. */
export const AREA_BLOCK_BYTES = 512;

/** Where a new container has its protection information: from `offset` on. */
export function placeProtection(offset: number, { areaBytes }: NewProtection): Region {
  const lengthBytes = Math.ceil(areaBytes / DATA_ALIGNMENT_BYTES) * DATA_ALIGNMENT_BYTES;
  return { type: RegionType.PROTECTION, flags: 0, offset, lengthBytes };
}

/** Where a container has its protection information; undefined when it has none. */
export function protectionPlace({ features, regions }: ContainerHeader): ProtectionPlace | undefined {
  if ((features.incompatible & IncompatibleFeature.PROTECTION) === 0) return undefined;
  const region = regions.find(({ type }) => type === RegionType.PROTECTION);
  return region && { offset: region.offset, lengthBytes: region.lengthBytes };
}

/** Says what is wrong with the place of the protection information; undefined when nothing is. */
export function findProtectionFault(header: ContainerHeader): string | undefined {
  const { features, regions, dataOffset } = header;
  if ((features.incompatible & IncompatibleFeature.PROTECTION) === 0) return undefined;
  const places = regions.filter(({ type }) => type === RegionType.PROTECTION);
  if (places.length !== 1) return `it has ${places.length} places for protection information`;
  const { offset, lengthBytes } = places[0]!;
  const aligned = offset % AREA_BLOCK_BYTES === 0 && lengthBytes % AREA_BLOCK_BYTES === 0;
  if (aligned && lengthBytes > 0 && offset >= MAPS_OFFSET && offset + lengthBytes <= dataOffset)
    return undefined;
  return `its protection information is at ${offset}, ${lengthBytes} bytes`;
}

/** Prepares the protection information of a container that is being made. */
export async function formatProtection(
  draft: DiskFile,
  header: ContainerHeader,
  birthIdentity: Uint8Array,
  { format }: NewProtection,
): Promise<void> {
  const place = protectionPlace(header);
  if (place === undefined) throw new Error('a container without room for protection information');
  const { dataOffset, capacityBytes, blockSize } = header;
  const data = new FileDevice(draft, { dataOffset, size: capacityBytes, blockSize });
  const { offset, lengthBytes } = place;
  const area = new FileDevice(draft, { dataOffset: offset, size: lengthBytes, blockSize: AREA_BLOCK_BYTES });
  await format({ data, area, identity: birthIdentity });
  await area.close();
  await data.close();
}
