import { createHash } from 'node:crypto';
import type { FileStatus, Random } from '@lunbox/block';
import { attributesOfCopy } from './attributes.ts';
import { stampOf, type Continuity } from './file-stamp.ts';
import { IncompatibleFeature, type ContainerHeader } from './header.ts';
import type { HeaderChange } from './twin-headers.ts';
import { UUID_BYTES } from './uuid.ts';

/**
 * What to do with a file that is a copy. Two disks with one identity are one disk to a multipath driver, which
 * then mixes their blocks; so a copy gets a new identity, unless somebody who knows that the original will
 * never be served again says otherwise.
 */
export type ForeignPolicy = 'new-identity' | 'keep-identity' | 'refuse';

/** The changes to the header of an object that comes back in this way, and is opened for writing. */
export function adopt(
  header: ContainerHeader,
  continuity: Continuity,
  policy: ForeignPolicy,
  random: Random,
): HeaderChange {
  if (continuity === 'clean' || continuity === 'unclean') return {};
  const generation = random.bytes(UUID_BYTES);
  if (continuity === 'modified' || policy === 'keep-identity') return { generation };
  const attributes = attributesOfCopy(header.attributes);
  const incompatible = header.features.incompatible & ~IncompatibleFeature.SNAPSHOTS;
  const features = { ...header.features, incompatible };
  return { generation, identity: random.bytes(UUID_BYTES), origin: header.identity, attributes, features };
}

/**
 * The identity of a copy that is opened for reading only, and so cannot be given one of its own: made from
 * the identity of the original and from what makes the copy another file, so it is the same each time.
 */
export function provisionalIdentity(header: ContainerHeader, status: FileStatus): Uint8Array {
  const { inode, bornAtNs, modifiedAtNs } = stampOf(status);
  const hash = createHash('sha256').update(header.identity).update(`${inode}/${bornAtNs}/${modifiedAtNs}`);
  return new Uint8Array(hash.digest().subarray(0, UUID_BYTES));
}
