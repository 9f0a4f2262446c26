import type { CloneOptions } from '@lunbox/snapshot';
import { readContainerInfo, type Attributes, type StorageObjectSeams } from '@lunbox/storage-object';

/** Who may use a disk may use its copies; where it is presented, and what it is called there, is its own. */
export function sharedAttributes({ users, physicalBlockBytes, description }: Attributes): Attributes {
  const shared = Object.entries({ users, physicalBlockBytes, description });
  return Object.fromEntries(shared.filter(([, value]) => value !== undefined));
}

/** What clones of a disk in a file take over: its attributes, and its space, unless it is in several files. */
export async function cloneSource(
  file: string,
  seams: StorageObjectSeams = {},
): Promise<Pick<CloneOptions, 'image' | 'attributes'>> {
  const { path, dataOffset, layout, attributes } = await readContainerInfo(file, seams);
  return {
    attributes: sharedAttributes(attributes),
    ...(layout === undefined ? { image: { path, dataOffset } } : {}),
  };
}
