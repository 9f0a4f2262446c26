import type { Attributes } from '../attributes.ts';

/** Characters of a name for people. */
const TITLE_LIMIT = 256;

/** What the attributes of an object say of its place in a catalog; of the wrong shape they count as absent. */
export function wishesOf({ location, name }: Attributes): { readonly lun?: number; readonly title?: string } {
  const lun: unknown = (location as { lun?: unknown } | null | undefined)?.lun;
  return {
    ...(typeof lun === 'number' && Number.isSafeInteger(lun) && lun >= 0 ? { lun } : {}),
    ...(typeof name === 'string' ? { title: name.slice(0, TITLE_LIMIT) } : {}),
  };
}
