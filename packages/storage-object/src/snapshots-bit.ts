import type { SnapshotsAttribute } from './attributes.ts';
import { IncompatibleFeature, type ContainerHeader } from './header.ts';
import type { HeaderChange } from './twin-headers.ts';

/** The change that says of a disk which snapshots it has; undefined: none. */
export function withSnapshots(
  { features, attributes: { snapshots: _old, ...others } }: ContainerHeader,
  snapshots: SnapshotsAttribute | undefined,
): HeaderChange {
  const without = features.incompatible & ~IncompatibleFeature.SNAPSHOTS;
  const incompatible = snapshots === undefined ? without : without | IncompatibleFeature.SNAPSHOTS;
  const attributes = snapshots === undefined ? others : { ...others, snapshots };
  return { attributes, features: { ...features, incompatible } };
}
