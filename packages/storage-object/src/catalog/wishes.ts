import type { Attributes } from '../attributes.ts';

/** Characters of a name for people. */
const TITLE_LIMIT = 256;

/** What a catalog takes from the attributes of an object. */
export interface Wishes {
  readonly lun?: number;
  readonly title?: string;
  readonly snapshotSet?: string;
}

/** What the attributes of an object say of it in a catalog; of the wrong shape they count as absent. */
export function wishesOf({ location, name, snapshots }: Attributes): Wishes {
  const set: unknown = (snapshots as { set?: unknown } | null | undefined)?.set;
  const lun: unknown = (location as { lun?: unknown } | null | undefined)?.lun;
  return {
    ...(typeof lun === 'number' && Number.isSafeInteger(lun) && lun >= 0 ? { lun } : {}),
    ...(typeof set === 'string' ? { snapshotSet: set } : {}),
    ...(typeof name === 'string' ? { title: name.slice(0, TITLE_LIMIT) } : {}),
  };
}
