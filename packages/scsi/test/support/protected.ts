import { MemoryDevice, type BlockDevice } from '@lunbox/block';
import {
  blockGuard,
  buildProtectionInformation,
  protectionAreaBytes,
  ProtectedDevice,
  type LogicalUnitOptions,
  type ProtectionType,
} from '../../src/index.ts';
import { Harness, IDENTITY } from './harness.ts';

/** A disk formatted with protection information, which is kept in memory. */
export function protect(
  data: BlockDevice,
  type: ProtectionType,
  area: BlockDevice = areaFor(data),
): Promise<ProtectedDevice> {
  return ProtectedDevice.create({ data, area, identity: IDENTITY }, type);
}

/** Memory for the protection information of a disk. */
export function areaFor(data: BlockDevice, blockSize = 512): MemoryDevice {
  return new MemoryDevice({ size: protectionAreaBytes(data.size, data.blockSize), blockSize });
}

/** A harness over a protected disk in memory, whose first initiator has taken its power-on attention. */
export async function protectedHarness(
  type: ProtectionType,
  options: { blockSize?: number; blocks?: number } & Partial<LogicalUnitOptions> = {},
) {
  const { blockSize = 512, blocks = 256, ...unit } = options;
  const data = new MemoryDevice({ size: blocks * blockSize, blockSize });
  const area = areaFor(data);
  const device = await protect(data, type, area);
  const harness = new Harness(device, unit);
  await harness.initiator.settle();
  return { harness, initiator: harness.initiator, device, data, area };
}

/** Blocks with protection information after each; `tagsOf` gives the tags of the block with this index. */
export function withTags(
  data: Uint8Array,
  blockSize: number,
  tagsOf: (index: number) => { application: number; reference: number },
): Uint8Array {
  const blocks = Array.from({ length: data.length / blockSize }, (_, index) => {
    const user = data.subarray(index * blockSize, (index + 1) * blockSize);
    const { application, reference } = tagsOf(index);
    const tags = buildProtectionInformation({
      LOGICAL_BLOCK_GUARD: blockGuard(user),
      LOGICAL_BLOCK_APPLICATION_TAG: application,
      LOGICAL_BLOCK_REFERENCE_TAG: reference >>> 0,
    });
    return Buffer.concat([user, tags]);
  });
  return Buffer.concat(blocks);
}
