import { readContainerInfo } from '@lunbox/storage-object';
import type { LunWish } from '../lun-numbers.ts';

/**
 * The LUNs that disks say they have (`location.lun`), before any of them is opened. What is no disk, or cannot be read,
 * says none: whoever opens it tells what is wrong.
 */
export async function readLocations(paths: readonly string[]): Promise<LunWish[]> {
  return await Promise.all(
    paths.map(async (name) => {
      const info = await readContainerInfo(name).catch(() => undefined);
      return { name, lun: info?.attributes.location?.lun };
    }),
  );
}
