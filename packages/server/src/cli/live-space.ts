import { readContainerInfo } from '@lunbox/storage-object';
import type { ServedLun, ServedTarget } from '../status.ts';

/** A LUN with the space of its disk as the file system tells it at the moment. */
export interface MeasuredLun extends ServedLun {
  /** Space that the container takes with its parts; undefined for what is no container. */
  readonly usedBytes?: number;
  /** Capacity for which no space has been taken yet. */
  readonly freeBytes?: number;
}

/** The targets with the space that their disks take. */
export async function measured(
  targets: readonly ServedTarget[],
): Promise<readonly (ServedTarget & { readonly luns: readonly MeasuredLun[] })[]> {
  return await Promise.all(
    targets.map(async (target) => ({ ...target, luns: await Promise.all(target.luns.map(measure)) })),
  );
}

async function measure(lun: ServedLun): Promise<MeasuredLun> {
  if (lun.kind !== 'disk' || lun.path === undefined) return lun;
  // The disk may be gone from its place while it is served, or its medium be lost.
  const info = await readContainerInfo(lun.path).catch(() => undefined);
  return info === undefined ? lun : { ...lun, usedBytes: info.usedBytes, freeBytes: info.freeBytes };
}
