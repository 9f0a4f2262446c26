import type { BlockDevice } from '@lunbox/block';
import { openedBy } from '../open-container.ts';
import type { Seams } from '../seams.ts';
import { formatUuid } from '../uuid.ts';
import { Combination } from './combination.ts';
import type { NewParts } from './create-parts.ts';
import { partsOf } from './layout.ts';

/**
 * Fills the disk that new parts make, durably, in the session that they were made with. What was on raw volumes before
 * reads as zeroes first. Throws what the disk throws, also when a leg of a mirror fails.
 */
export async function fillParts(
  wanted: NewParts,
  capacityBytes: number,
  fill: (device: BlockDevice) => Promise<void>,
  seams: Seams,
): Promise<void> {
  const { path, layout, birthIdentity, writeSession: session, blockSize } = wanted;
  const owner = { path, birthIdentity: formatUuid(birthIdentity), session, blockSize };
  const combination = await Combination.reserve({
    owner,
    layout,
    capacityBytes,
    access: 'write',
    unclean: false,
    seams,
  });
  try {
    const device = await combination.begin({ ...(await openedBy(seams)), writeSession: session });
    if (partsOf(layout).some(({ kind }) => kind === 'volume'))
      await device.writeZeroes(0, capacityBytes, { mayUnmap: !wanted.preallocate });
    await fill(device);
    await device.close();
  } catch (error) {
    await combination.release();
    throw error;
  }
  await combination.close();
}
