import { attributesOfCopy } from '../attributes.ts';
import { createContainer, type NewContainer } from '../create-container.ts';
import { completeSeams, type StorageObjectSeams } from '../seams.ts';

/** What a copy is to be like. */
export interface NewCopy
  extends
    StorageObjectSeams,
    Required<Pick<NewContainer, 'sizeBytes' | 'blockSize' | 'attributes' | 'content' | 'origin'>> {
  /** Take the place of the file that has the name, in one step; without this the name must be free. */
  readonly replace?: boolean;
}

/**
 * Makes a container that is a copy of an object: a disk of its own, with an identity of its own, and of the attributes
 * those that may be the same. It is whole or not at all, and nobody has opened it. Throws what `StorageObject.create`
 * throws.
 */
export async function createCopy(path: string, { replace = false, ...copy }: NewCopy): Promise<void> {
  const attributes = attributesOfCopy(copy.attributes);
  await createContainer(path, { ...copy, attributes }, completeSeams(copy), replace ? 'replace' : 'free');
}
